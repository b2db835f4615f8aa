"""What an assertion proves: by whose key, for which user, from which copy of the key."""

from collections.abc import Callable

import pytest

from mfa_service.domain.errors import CloneSuspected, ProofRejected
from tests.support.authenticator import SoftAuthenticator
from tests.support.ceremonies import Ceremonies, bound, judge
from tests.support.cose import b64url, unb64url


def flipped(at: int) -> Callable[[bytes], bytes]:
    """Flip one bit."""
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    "member",
    ["signature", "authenticatorData", "clientDataJSON"],
    ids=lambda name: f"bit of {name}",
)
def test_one_bit_flipped_in_an_assertion_breaks_it(member: str) -> None:
    party = Ceremonies()
    credential = party.register()
    answer = party.signed()
    response = answer["response"]
    for at in range(len(unb64url(response[member]))):
        broken = response | {member: b64url(flipped(at)(unb64url(response[member])))}
        with pytest.raises(ProofRejected):
            judge(credential, answer | {"response": broken})
    assert judge(credential, answer).evidence == ("passkey_unattested",)


def test_the_key_of_another_credential_does_not_answer() -> None:
    party, other = Ceremonies(), Ceremonies()
    mine, theirs = party.register(), other.register()
    with pytest.raises(ProofRejected):
        judge(mine, other.signed())
    with pytest.raises(ProofRejected):
        judge(theirs, party.signed())


def test_a_signature_by_another_key_under_the_right_id_does_not_count() -> None:
    party, thief = Ceremonies(), Ceremonies()
    credential = party.register(credential_id=b"same")
    thief.register(credential_id=b"same")
    with pytest.raises(ProofRejected):
        judge(credential, thief.signed())


@pytest.mark.parametrize("handle", [b"x" * 32, b"", b"h" * 31])
def test_another_users_handle_is_refused(handle: bytes) -> None:
    party = Ceremonies()
    credential = party.register()
    with pytest.raises(ProofRejected):
        party.authenticate(credential, user_handle=handle)


def test_without_a_handle_the_id_tells_whose_it_is() -> None:
    party = Ceremonies()
    credential = party.register()
    assert party.authenticate(credential, user_handle=None).evidence == ("passkey_unattested",)


@pytest.mark.parametrize("made", [False, True])
def test_backup_eligibility_never_changes(made: bool) -> None:
    party = Ceremonies(SoftAuthenticator(be=made))
    credential = party.register()
    with pytest.raises(ProofRejected):
        party.authenticate(credential, be=not made)


def test_backup_state_may_change_and_is_kept() -> None:
    party = Ceremonies(SoftAuthenticator(be=True))
    credential = party.register()
    assert party.authenticate(credential).attributes is None
    assert party.authenticate(credential, bs=True).attributes == {"backup_state": True}


@pytest.mark.parametrize(
    ("stored", "sent", "held"),
    [(0, 0, None), (0, 5, 5), (5, 6, 6), (5, 2**32 - 1, 2**32 - 1)],
)
def test_a_counter_that_rises_or_does_not_exist_is_taken(
    stored: int, sent: int, held: int | None
) -> None:
    party = Ceremonies()
    credential = party.register(counter=stored)
    assert party.authenticate(credential, counter=sent).counter == held


@pytest.mark.parametrize("sent", [0, 4, 5])
def test_a_counter_that_does_not_rise_looks_like_a_clone(sent: int) -> None:
    party = Ceremonies()
    credential = party.register(counter=5)
    with pytest.raises(CloneSuspected):
        party.authenticate(credential, counter=sent)


def test_nobody_accuses_a_key_of_being_a_clone_without_its_signature() -> None:
    """The library looks at the counter first: any stranger could have a key marked (S 5.5)."""
    party = Ceremonies()
    credential = party.register(counter=5)
    with pytest.raises(ProofRejected) as refusal:
        party.authenticate(credential, counter=1, signature=flipped(10))
    assert not isinstance(refusal.value, CloneSuspected)


def test_where_the_user_has_to_be_verified_presence_is_not_enough() -> None:
    party = Ceremonies(SoftAuthenticator(uv=False))
    credential = party.register()
    with pytest.raises(ProofRejected):
        judge(credential, party.signed(), bound(user_verification=True))


@pytest.mark.parametrize("credential", [None, "x", [], {}, {"type": "public-key"}])
def test_what_is_no_credential_at_all_is_refused(credential: object) -> None:
    party = Ceremonies()
    with pytest.raises(ProofRejected):
        party.finish({"challenge": "x"}, credential)
    with pytest.raises(ProofRejected):
        judge(party.register(), credential)


def test_reserved_flags_are_ignored_as_the_standard_says() -> None:
    party = Ceremonies()
    credential = party.register(
        auth_data=lambda data: data[:32] + bytes([data[32] | 0x22]) + data[33:]
    )
    assert party.authenticate(credential).evidence == ("passkey_unattested",)
