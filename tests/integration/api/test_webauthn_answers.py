"""Passkeys answer through the API: levels, refusals, clones, and what stays untouched."""

from typing import Any

import pytest

from tests.support import passkeys
from tests.support.authenticator import SoftAuthenticator
from tests.support.database import rows
from tests.support.forging import slug, with_another_end
from tests.support.phone import PinKey
from tests.support.world import AAL1, AAL2, ISSUER, World, close, make_world

REFUSED = (403, "proof-rejected")


@pytest.mark.parametrize(
    ("key", "acr", "amr"),
    [
        pytest.param({}, "phr", ["mfa", "pop", "user"], id="verified"),
        pytest.param({"be": True, "bs": True}, "phr", ["mfa", "user"], id="synced"),
        pytest.param({"uv": False}, AAL1, ["pop"], id="touched"),
        pytest.param({"uv": False, "be": True}, AAL1, [], id="synced, touched"),
    ],
)
def test_it_is_worth_what_it_shows(
    world: World, key: dict[str, Any], acr: str, amr: list[str]
) -> None:
    passkey = passkeys.enrolled(world, key=SoftAuthenticator(**key))
    done = passkey.answer(world.client().challenge()).get_json()
    assert (done["status"], done["acr"]) == ("satisfied", acr)
    assert set(amr) <= set(done["amr"])
    assert ("mfa" in done["amr"]) is ("mfa" in amr)


def test_a_touch_beside_the_password_is_two_factors(
    world: World,
) -> None:
    passkey = passkeys.enrolled(world, key=SoftAuthenticator(uv=False))
    prior = {"amr": ["pwd"], "auth_time": world.clock.now()}
    done = passkey.answer(world.client().challenge(prior=prior)).get_json()
    assert "mfa" in done["amr"]
    assert done["acr"] == AAL2


FAULTS: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://evil.example"},
    "another user's handle": {"user_handle": b"x" * 32},
    "backup eligibility that changed": {"be": True},
    "nobody present": {"up": False},
    "in a frame": {"cross_origin": True},
    "another party": {"rp_id": "evil.example"},
    "another signature": {"signature": lambda made: made[:-1] + bytes([made[-1] ^ 1])},
}


@pytest.mark.parametrize("odd", FAULTS.values(), ids=FAULTS)
def test_every_fault_is_refused_alike_and_costs_an_attempt(
    world: World, odd: dict[str, Any]
) -> None:
    passkey = passkeys.enrolled(world)
    challenge = world.client().challenge()
    refused = passkey.answer(challenge, **odd)
    assert slug(refused) == REFUSED
    assert refused.get_json()["attempts_left"] == 4
    (row,) = rows(world, "SELECT failures, state FROM authenticator")
    assert (row["failures"], row["state"]) == (0, "active"), "a stranger suspends nobody's key"
    assert passkey.answer(challenge).status_code == 200


def test_five_wrong_answers_end_the_challenge_and_not_the_passkey(world: World) -> None:
    passkey = passkeys.enrolled(world)
    challenge = world.client().challenge()
    answers = [passkey.answer(challenge, origin="https://evil.example") for _ in range(5)]
    assert [answer.get_json()["attempts_left"] for answer in answers] == [4, 3, 2, 1, 0]
    assert world.client().read(challenge["id"])["reason"] == "attempts_exhausted"
    assert passkey.answer(world.client().challenge()).status_code == 200


def test_the_passkey_of_another_person_does_not_answer(world: World) -> None:
    mine, theirs = passkeys.enrolled(world), passkeys.enrolled(world, "bob")
    challenge = world.client().challenge()
    given = passkeys.options(mine.api, challenge) | {"allowCredentials": []}
    assert slug(passkeys.send(mine.api, challenge, passkeys.sign(theirs.key, given))) == REFUSED


def test_a_suspended_passkey_is_not_offered_and_does_not_answer(world: World) -> None:
    passkey = passkeys.enrolled(world)
    world.totp(challenge_id=passkeys.step_up(passkey))
    challenge = world.client().challenge()
    credential = passkey.credential(challenge)
    passkey.api.call("PATCH", f"/v1/authenticators/{passkey.id}", {"state": "suspended"})
    assert slug(passkeys.send(passkey.api, challenge, credential)) == REFUSED
    methods = {offer["method"] for offer in world.client().challenge()["methods"]}
    assert methods == {"totp"}


def test_a_clone_is_refused_marked_audited_and_told_but_not_suspended(any_world: World) -> None:
    world = any_world
    passkey = passkeys.enrolled(world, key=SoftAuthenticator(counts=True))
    clone = passkey.key.copy()
    assert passkey.answer(world.client().challenge()).status_code == 200
    challenge = world.client().challenge()
    copied = clone.get(passkeys.options(passkey.api, challenge), origin=ISSUER)
    assert slug(passkeys.send(passkey.api, challenge, copied)) == REFUSED
    (told,) = rows(
        world, "SELECT authenticator_id FROM audit_event WHERE event = 'webauthn.clone_suspected'"
    )
    assert told["authenticator_id"] == passkey.id
    (row,) = rows(world, "SELECT state, attributes FROM authenticator")
    assert row["state"] == "active"
    assert "suspected_clone" in str(row["attributes"])
    assert passkey.answer(challenge).status_code == 200, "the true one goes on"


def test_a_forged_low_counter_marks_nobody(world: World) -> None:
    passkey = passkeys.enrolled(world, key=SoftAuthenticator(counts=True))
    assert passkey.answer(world.client().challenge()).status_code == 200
    forged = passkey.answer(world.client().challenge(), counter=0, signature=with_another_end)
    assert slug(forged) == REFUSED
    assert rows(world, "SELECT 1 AS n FROM audit_event WHERE event LIKE '%clone%'") == []


def test_a_passkey_beside_a_phone_without_pin_reaches_two_factors_on_the_phone_only_aal2(
    world: World,
) -> None:
    passkey = passkeys.enrolled(world)
    phone = world.phone(pin=PinKey(), challenge_id=passkeys.step_up(passkey))
    challenge = world.client().challenge(acr_values=[AAL2])
    done = world.approve(phone, challenge, pin=phone.pin).get_json()
    assert done["status"] == "satisfied"
    assert world.client().read(challenge["id"])["acr"] == AAL2


def test_where_nothing_is_enrolled_there_are_no_options(world: World) -> None:
    world.totp()
    challenge = world.client().challenge()
    refused = world.client().post(f"/v1/challenges/{challenge['id']}/webauthn")
    assert slug(refused) == (409, "authenticator-not-active")


def test_another_client_gets_no_options_and_answers_nothing(world: World) -> None:
    passkey = passkeys.enrolled(world)
    challenge = world.client().challenge()
    other = world.client("gateway")
    assert other.post(f"/v1/challenges/{challenge['id']}/webauthn").status_code == 404
    sent = passkeys.send(other, challenge, passkey.credential(challenge))
    assert sent.status_code == 404


def test_related_origins_are_exactly_what_is_accepted_somewhere(sqlite_url: str) -> None:
    world = make_world(sqlite_url, MFA_ORIGINS=f"{ISSUER},https://shop.example")
    found = world.app.test_client().get("/.well-known/webauthn")
    assert found.mimetype == "application/json"
    assert found.get_json() == {"origins": [ISSUER, "https://shop.example"]}
    close(world)
