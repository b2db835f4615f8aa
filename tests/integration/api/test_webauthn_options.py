"""Options for a passkey: where they were given, how long, and that they are answered once."""

from typing import Any

import pytest

from mfa_service.domain.challenge import Challenge
from mfa_service.persistence.models import Prompt
from mfa_service.services import places
from tests.integration.races.rows import column
from tests.support import passkeys
from tests.support.authenticator import SoftAuthenticator
from tests.support.cose import b64url, unb64url
from tests.support.forging import slug
from tests.support.phone import PinKey
from tests.support.world import AAL1, AAL2, World


def opened(world: World, **asked: Any) -> dict[str, Any]:
    return world.client().challenge(methods=["webauthn"], **asked)


def test_options_are_those_of_the_contract(world: World) -> None:
    passkey = passkeys.enrolled(world, key=SoftAuthenticator(transports=("usb", "nfc")))
    response = passkey.api.post(f"/v1/challenges/{opened(world)['id']}/webauthn")
    given = response.get_json()["publicKey"]
    ((credential_id, _),) = passkey.key.kept.items()
    known = {"id": b64url(credential_id), "type": "public-key", "transports": ["usb", "nfc"]}
    assert response.headers["Cache-Control"] == "no-store"
    assert given["allowCredentials"] == [known]
    assert (given["rpId"], given["userVerification"]) == ("localhost", "preferred")
    assert len(unb64url(given["challenge"])) == 32


@pytest.mark.parametrize(
    ("acr_values", "essential", "wanted"),
    [
        pytest.param(["phr"], True, "required", id="phr"),
        pytest.param(["phrh", "phr"], True, "required", id="phrh or phr"),
        pytest.param(["unknown", "phr"], True, "required", id="unknown or phr"),
        pytest.param(["phr", AAL2], True, "preferred", id="phr or aal2"),
        pytest.param(["phr"], False, "preferred", id="phr, voluntary"),
        pytest.param([AAL1], True, "preferred", id="aal1"),
        pytest.param(None, True, "preferred", id="nothing asked"),
    ],
)
def test_the_user_is_to_be_verified_where_nothing_less_would_do(
    world: World, acr_values: Any, essential: bool, wanted: str
) -> None:
    passkey = passkeys.enrolled(world)
    asked = {"acr_values": acr_values, "essential": essential} if acr_values else {}
    given = passkeys.options(passkey.api, opened(world, **asked))
    assert given["userVerification"] == wanted


@pytest.mark.parametrize(("expires_in", "seconds"), [(600, 300), (100, 100)])
def test_options_live_five_minutes_and_never_longer_than_the_challenge(
    world: World, expires_in: int, seconds: int
) -> None:
    passkey = passkeys.enrolled(world)
    given = passkeys.options(passkey.api, opened(world, expires_in=expires_in))
    (until,) = column(world, Prompt.expires_at)
    assert (given["timeout"], until - world.clock.now()) == (seconds * 1000, seconds)


@pytest.mark.parametrize(("later", "status"), [(299, 200), (300, 403)])
def test_expired_options_cannot_be_answered(world: World, later: int, status: int) -> None:
    passkey, challenge = passkeys.enrolled(world), opened(world, expires_in=600)
    credential = passkey.credential(challenge)
    world.clock.advance(later)
    assert passkeys.send(world.client(), challenge, credential).status_code == status


def test_without_options_an_answer_is_wrong_and_costs_an_attempt(world: World) -> None:
    """Also an answer to the options of another challenge: nothing was given for this one."""
    passkey, other, challenge = passkeys.enrolled(world), opened(world), opened(world)
    refused = passkeys.send(passkey.api, challenge, passkey.credential(other))
    assert slug(refused) == (403, "proof-rejected")
    assert refused.get_json()["attempts_left"] == 4


def test_options_of_another_challenge_do_not_serve(world: World) -> None:
    passkey, other, challenge = passkeys.enrolled(world), opened(world), opened(world)
    foreign = passkey.credential(other)
    passkeys.options(passkey.api, challenge)
    assert slug(passkeys.send(passkey.api, challenge, foreign)) == (403, "proof-rejected")


def test_new_options_replace_those_given_before(world: World) -> None:
    passkey, challenge = passkeys.enrolled(world), opened(world)
    old, new = (passkey.credential(challenge) for _ in range(2))
    assert slug(passkeys.send(passkey.api, challenge, old)) == (403, "proof-rejected")
    assert slug(passkeys.send(passkey.api, challenge, new)) == (403, "proof-rejected")
    assert passkey.answer(challenge).status_code == 200


def test_options_are_used_up_by_a_wrong_answer(any_world: World) -> None:
    """Whoever holds options tries once: a right answer to them afterwards is too late."""
    passkey, challenge = passkeys.enrolled(any_world), opened(any_world)
    right = passkey.credential(challenge)
    wrong = right | {"response": right["response"] | {"signature": "AAAA"}}
    first = passkeys.send(passkey.api, challenge, wrong)
    second = passkeys.send(passkey.api, challenge, right)
    assert [slug(first), slug(second)] == [(403, "proof-rejected")] * 2
    assert second.get_json()["attempts_left"] == 3
    assert column(any_world, Prompt.nonce) == []


def test_options_are_used_up_by_a_right_answer(world: World) -> None:
    """A first factor that does not suffice alone leaves the challenge open, not its options."""
    passkey = passkeys.enrolled(world, key=SoftAuthenticator(uv=False))
    phone = world.phone(pin=PinKey(), reason="test")
    challenge = world.client().challenge(acr_values=[AAL2])
    credential = passkey.credential(challenge)
    first = passkeys.send(passkey.api, challenge, credential)
    assert (first.status_code, first.get_json()["status"]) == (200, "pending")
    assert slug(passkeys.send(passkey.api, challenge, credential)) == (403, "proof-rejected")
    assert world.approve(phone, challenge, pin=phone.pin).get_json()["status"] == "satisfied"


def test_what_another_place_gave_does_not_serve_here(world: World) -> None:
    """A script on a page of the client cannot have what the hosted page asked for answered."""
    passkey, challenge = passkeys.enrolled(world), opened(world)
    page = places.hosted_page(world.services.foundation)
    given = world.services.prompts.issue(_read(world, passkey, challenge), page)
    on_page = passkeys.sign(passkey.key, dict(given))
    passkeys.options(passkey.api, challenge)
    assert slug(passkeys.send(passkey.api, challenge, on_page)) == (403, "proof-rejected")
    assert column(world, Prompt.nonce, Prompt.place == "page") == [given["challenge"]]


def _read(world: World, passkey: passkeys.Passkey, challenge: dict[str, Any]) -> Challenge:
    client = world.services.client_authentication.find(passkey.api.client_id)
    assert client is not None
    return world.services.challenges.read(client, challenge["id"])
