"""Another PIN: the old one vouches for the new one (contract section 6, PUT /v1/device/pin)."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.forging import problem, slug
from tests.support.phone import Phone, PinKey, b64, public_jwk, thumbprint
from tests.support.world import World

OLD, NEW, WRONG = PinKey(), PinKey(), PinKey()
PATH = "/v1/device/pin"


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone(pin=OLD)


def put(world: World, body: bytes, authorization: str) -> TestResponse:
    headers = {"Authorization": authorization}
    return world.app.test_client().put(
        PATH, data=body, content_type="application/json", headers=headers
    )


def change(
    world: World, phone: Phone, old: PinKey = OLD, new: PinKey = NEW, **changed: Any
) -> TestResponse:
    return put(world, *phone.pin_change(new, old=old, **changed))


def works(world: World, phone: Phone, pin: PinKey) -> bool:
    """Tell whether the phone approves with this PIN; a wrong one is counted."""
    return world.approve(phone, world.client().challenge(), pin=pin).status_code == 200


def test_the_new_pin_replaces_the_old_one(any_world: World) -> None:
    phone = any_world.phone(pin=OLD)
    response = change(any_world, phone)
    assert (response.status_code, response.data) == (204, b"")
    assert works(any_world, phone, NEW)
    assert not works(any_world, phone, OLD)


def test_a_wrong_old_pin_is_refused_and_changes_nothing(world: World, phone: Phone) -> None:
    response = change(world, phone, old=WRONG)
    assert slug(response) == (403, "proof-rejected")
    assert set(problem(response)) == {"type", "title", "status", "detail"}
    assert works(world, phone, OLD)


def test_a_wrong_old_pin_is_counted_with_the_others(world: World, phone: Phone) -> None:
    for _ in range(9):
        assert change(world, phone, old=WRONG).status_code == 403
    assert world.device(phone, "GET", "/v1/device").get_json()["pin"] == "set"
    assert not works(world, phone, WRONG)
    assert world.device(phone, "GET", "/v1/device").get_json()["pin"] == "disabled"


def test_a_change_starts_the_count_anew(world: World, phone: Phone) -> None:
    for _ in range(9):
        change(world, phone, old=WRONG)
    assert change(world, phone).status_code == 204
    for _ in range(9):
        change(world, phone, old=WRONG)
    assert world.device(phone, "GET", "/v1/device").get_json()["pin"] == "set"


FAULTY: dict[str, dict[str, Any]] = {
    "a proof by another key": {"pin_proof": WRONG.sign("x")},
    "a proof that is no base64url": {"pin_proof": "!"},
    "another key": {"pin_jwk": WRONG.jwk},
    "no key": {"pin_jwk": {}},
    "a P-256 key": {"pin_jwk": public_jwk(Phone("", lambda: 0).key)},
    "a key with its private part": {"pin_jwk": {**NEW.jwk, "d": b64(bytes(32))}},
    "a short key": {"pin_jwk": {**NEW.jwk, "x": b64(bytes(31))}},
}


@pytest.mark.parametrize("members", FAULTY.values(), ids=FAULTY)
def test_a_faulty_new_proof_is_refused(world: World, phone: Phone, members: dict[str, Any]) -> None:
    assert slug(change(world, phone, **members)) == (403, "proof-rejected")
    assert works(world, phone, OLD)


def test_a_faulty_new_proof_is_no_wrong_pin(world: World, phone: Phone) -> None:
    for members in [*FAULTY.values(), *FAULTY.values()]:
        assert change(world, phone, **members).status_code == 403
    assert works(world, phone, OLD)


MESSAGES = {
    "another phone": "stepup-pin/1.set.aut_other.{jti}.{thumb}",
    "another jti": "stepup-pin/1.set.{device}.other.{thumb}",
    "another new key": "stepup-pin/1.set.{device}.{jti}.other",
    "an enrollment": "stepup-pin/1.enroll.{device}.{jti}.{thumb}",
    "a rotation": "stepup-pin/1.rotate.{device}.{jti}.{thumb}",
    "no separator": "stepup-pin/1.set.{device}{jti}{thumb}",
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_an_old_proof_over_something_else_is_counted_as_wrong(
    world: World, phone: Phone, message: str
) -> None:
    jti, thumb = "request-1", thumbprint(NEW.jwk)
    text = message.format(device=phone.device_id, jti=jti, thumb=thumb)
    right = f"stepup-pin/1.set.{phone.device_id}.{jti}.{thumb}"
    members = {"pin_jwk": NEW.jwk, "pin_proof": NEW.sign(right), "old_pin_proof": OLD.sign(text)}
    body = json.dumps(members).encode()
    response = put(world, body, phone.authorization("PUT", PATH, body, jti=jti))
    assert slug(response) == (403, "proof-rejected")
    assert works(world, phone, OLD)


def test_the_new_key_does_not_vouch_for_itself(world: World, phone: Phone) -> None:
    assert change(world, phone, old=NEW).status_code == 403
    assert not works(world, phone, NEW)


UNFIT: list[dict[str, Any]] = [
    {"pin_jwk": None},
    {"pin_proof": None},
    {"old_pin_proof": None},
    {"pin_jwk": "key"},
    {"pin_proof": 7},
    {"old_pin_proof": ["x"]},
    {"colour": "red"},
]


def test_a_body_that_does_not_fit_is_422_and_no_wrong_pin(world: World, phone: Phone) -> None:
    for members in [*UNFIT, *UNFIT]:
        assert slug(change(world, phone, **members)) == (422, "invalid-request"), members
    assert works(world, phone, OLD)


def test_a_proof_of_one_request_does_not_serve_another(world: World, phone: Phone) -> None:
    body, _ = phone.pin_change(NEW, old=OLD)
    response = put(world, body, phone.authorization("PUT", PATH, body))
    assert slug(response) == (403, "proof-rejected")


def test_a_phone_without_pin_gets_none_this_way(world: World) -> None:
    plain = world.phone("bob")
    assert slug(change(world, plain)) == (403, "proof-rejected")
    assert world.device(plain, "GET", "/v1/device").get_json()["pin"] == "none"


def test_a_disabled_pin_does_not_return_by_a_change(world: World, phone: Phone) -> None:
    for _ in range(10):
        change(world, phone, old=WRONG)
    assert slug(change(world, phone)) == (403, "proof-rejected")
    assert world.device(phone, "GET", "/v1/device").get_json()["pin"] == "disabled"


def test_a_disabled_pin_returns_by_a_new_enrollment(world: World, phone: Phone) -> None:
    for _ in range(10):
        change(world, phone, old=WRONG)
    fresh = world.phone(pin=NEW, reason="lost the PIN")
    assert works(world, fresh, NEW)
