"""Whose word is believed of a key's make, and what the key is worth by it (S 5.4, contract 4)."""

import uuid
from typing import Any

import pytest

from mfa_service.domain.attestation import AttestationPolicy, Model
from mfa_service.domain.errors import ProofRejected
from mfa_service.domain.factor import PHONE, Credential, Place
from mfa_service.factors.webauthn import reassessed
from tests.support.authenticator import SoftAuthenticator
from tests.support.ceremonies import ORIGIN, Ceremonies, bound, judge
from tests.support.forging import with_another_end
from tests.support.makers import Maker

AAGUID = "08987058-cadc-4b81-b6e1-30de50dcbe96"
LISTED = frozenset({AAGUID})
MAKER = Maker()


def party(
    maker: Maker = MAKER,
    *,
    roots: bytes = b"",
    models: tuple[Model, ...] = (),
    key: dict[str, Any] | None = None,
    **policy: Any,
) -> Ceremonies:
    authenticator = SoftAuthenticator(aaguid=AAGUID, attestation=maker, **(key or {}))
    known = {model.aaguid: model for model in models}
    return Ceremonies(authenticator, AttestationPolicy(roots=roots, **policy), known)


def model(maker: Maker = MAKER, protection: str = "hardware", *statuses: str) -> Model:
    return Model(
        AAGUID,
        "Key",
        roots=(maker.der,),
        key_protection=frozenset({protection}),
        statuses=frozenset(statuses),
    )


def standing(of: Ceremonies) -> object:
    return of.register().attributes["standing"]


def test_without_anchors_nothing_is_attested() -> None:
    """The library calls a chain valid when it has no roots to compare it with (S 5.5)."""
    assert standing(party()) == "unattested"
    assert standing(party(fips=LISTED)) == "unattested"


@pytest.mark.parametrize("protection", ["hardware", "secure_element", "tee"])
def test_metadata_with_its_own_anchor_makes_hardware(protection: str) -> None:
    assert standing(party(models=(model(protection=protection),))) == "hardware"


@pytest.mark.parametrize("protection", ["software", "remote_handle"])
def test_metadata_that_names_no_hardware_makes_none(protection: str) -> None:
    assert standing(party(models=(model(protection=protection),))) == "unattested"


@pytest.mark.parametrize(
    "status",
    [
        "REVOKED",
        "USER_VERIFICATION_BYPASS",
        "ATTESTATION_KEY_COMPROMISE",
        "USER_KEY_REMOTE_COMPROMISE",
        "USER_KEY_PHYSICAL_COMPROMISE",
    ],
)
def test_a_broken_model_is_worth_no_more_than_an_unknown_one(status: str) -> None:
    broken = model(MAKER, "hardware", "FIDO_CERTIFIED_L2", status)
    assert standing(party(models=(broken,))) == "unattested"


def test_an_anchor_of_ours_alone_does_not_say_where_the_key_is_kept() -> None:
    assert standing(party(roots=MAKER.pem)) == "unattested"


def test_an_anchor_of_ours_and_metadata_say_it_together() -> None:
    described = Model(AAGUID, "Key", key_protection=frozenset({"hardware"}))
    assert standing(party(roots=MAKER.pem, models=(described,))) == "hardware"


def test_the_anchor_of_another_maker_does_not_vouch() -> None:
    other = Maker()
    assert standing(party(models=(model(other),), roots=other.pem)) == "unattested"


def test_the_fips_list_counts_only_what_is_attested() -> None:
    assert standing(party(models=(model(),), fips=LISTED)) == "fips"
    assert standing(party(roots=MAKER.pem, fips=LISTED)) == "fips"


def test_a_key_that_may_be_copied_is_synced_whoever_vouches() -> None:
    copied = party(models=(model(),), fips=LISTED, key={"be": True})
    assert standing(copied) == "synced"


def test_self_attestation_vouches_for_nothing() -> None:
    alone = Ceremonies(SoftAuthenticator(aaguid=AAGUID, attestation="self"))
    alone.models = {AAGUID: model()}
    alone.policy = AttestationPolicy(roots=MAKER.pem, fips=LISTED)
    assert standing(alone) == "unattested"


@pytest.mark.parametrize(
    "maker",
    [
        pytest.param(Maker(units="Application"), id="another unit"),
        pytest.param(Maker(authority=True), id="an authority"),
    ],
)
def test_a_certificate_that_is_not_for_attestation_is_refused(maker: Maker) -> None:
    with pytest.raises(ProofRejected):
        standing(party(maker, roots=maker.pem))


def test_a_certificate_of_another_model_is_refused() -> None:
    class Elsewhere(Maker):
        """Signs for one model with the certificate of another."""

        def packed(self, signed: bytes, aaguid: str) -> dict[str, Any]:
            return super().packed(signed, str(uuid.uuid4()))

    with pytest.raises(ProofRejected):
        standing(party(Elsewhere()))


def test_a_certificate_that_has_expired_vouches_for_nothing() -> None:
    old = Maker(until=2024)
    assert standing(party(old, roots=old.pem, models=(model(old),))) == "unattested"


def test_a_statement_over_something_else_is_refused() -> None:
    tampered = party(models=(model(),))
    with pytest.raises(ProofRejected):
        tampered.register(statement=lambda said: said | {"sig": with_another_end(said["sig"])})


def test_denied_models_are_refused_by_what_they_merely_claim_too() -> None:
    for claimed in (party(denied=LISTED), party(models=(model(),), denied=LISTED)):
        with pytest.raises(ProofRejected):
            claimed.register()


def test_with_a_list_only_attested_models_on_it_are_enrolled() -> None:
    assert standing(party(models=(model(),), allowed=LISTED)) == "hardware"
    with pytest.raises(ProofRejected):
        party(allowed=LISTED).register()
    with pytest.raises(ProofRejected):
        party(models=(model(),), allowed=frozenset({str(uuid.uuid4())})).register()


@pytest.mark.parametrize(
    ("fips", "uv", "on_phone", "row"),
    [
        (True, True, False, "passkey_fips"),
        (True, False, False, "webauthn_hardware"),
        (True, True, True, "passkey_on_phone_hardware"),
        (False, True, False, "passkey_hardware"),
        (False, False, True, "webauthn_hardware"),
    ],
)
def test_the_row_of_the_table_follows_from_standing_verification_and_place(
    fips: bool, uv: bool, on_phone: bool, row: str
) -> None:
    made = party(models=(model(),), fips=LISTED if fips else frozenset())
    credential = made.register()
    place = Place(PHONE, (ORIGIN,)) if on_phone else bound().place
    assert judge(credential, made.signed(uv=uv), bound(place=place)).evidence == (row,)


def test_user_verification_that_came_later_counts_beside_another_factor() -> None:
    """Whoever found a security key without PIN could set one."""
    later = Ceremonies(SoftAuthenticator(uv=False))
    credential = later.register()
    alone = judge(credential, later.signed(uv=True))
    beside = judge(credential, later.signed(uv=True), bound(corroborated=True))
    assert (alone.evidence, alone.attributes) == (("webauthn_unattested",), None)
    assert (beside.evidence, beside.attributes) == (
        ("passkey_unattested",),
        {"uv_initialized": True},
    )


def again(credential: Credential, *models: Model, **policy: Any) -> object:
    known = {one.aaguid: one for one in models}
    return reassessed(credential, policy=AttestationPolicy(**policy), models=known)


def test_what_was_kept_can_be_judged_anew_when_metadata_or_lists_change() -> None:
    credential = party().register()
    assert credential.attributes["standing"] == "unattested"
    assert again(credential, model()) == "hardware"
    assert again(credential, model(), fips=LISTED) == "fips"
    assert again(credential, model(MAKER, "hardware", "REVOKED")) == "unattested"
    assert again(credential, model(Maker())) == "unattested"
    assert again(credential, model(), denied=LISTED) is None
