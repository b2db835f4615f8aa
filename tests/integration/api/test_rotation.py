"""Another device key: the old key asks, the new one signs, the PIN allows (contract section 6)."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from werkzeug.test import TestResponse

from tests.support.forging import (
    BAD_TIMES,
    FORGERIES,
    GOOD_TIMES,
    Forgery,
    problem,
    slug,
    times,
)
from tests.support.phone import Phone, PinKey, public_jwk, thumbprint
from tests.support.world import ISSUER, World

PIN, WRONG = PinKey(), PinKey()
PATH = "/v1/device/keys"


def new_key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


def with_key(phone: Phone, key: EllipticCurvePrivateKey) -> Phone:
    """Return the same phone with another device key."""
    return Phone(phone.issuer, phone.now, phone.pin, key, phone.device_id)


def send(world: World, phone: Phone, token: str) -> TestResponse:
    return world.device(phone, "POST", PATH, token)


def works(world: World, phone: Phone) -> bool:
    return world.device(phone, "GET", "/v1/device").status_code == 200


@pytest.fixture(scope="module")
def shared_phone(shared_world: World) -> Phone:
    return shared_world.phone(pin=PIN)


def refused(world: World, phone: Phone, token: str) -> None:
    """See the rotation refused as every other one, and the old key still good."""
    response = send(world, phone, token)
    assert slug(response) == (403, "proof-rejected"), response.text
    assert problem(response) == problem(send(world, phone, "garbage"))
    assert works(world, phone)


@pytest.mark.parametrize("pin", [None, PIN], ids=["without PIN", "with PIN"])
def test_the_new_key_replaces_the_old_one_at_once(any_world: World, pin: PinKey | None) -> None:
    phone = any_world.phone(pin=pin)
    successor = with_key(phone, new_key())
    response = send(any_world, phone, phone.rotation(successor.key, pin=pin))
    assert (response.status_code, response.get_json()) == (200, {"device_id": phone.device_id})
    assert (works(any_world, phone), works(any_world, successor)) == (False, True)
    challenge = any_world.client().challenge()
    assert any_world.approve(successor, challenge, pin=pin).status_code == 200


def test_a_pending_challenge_keeps_its_nonce(world: World) -> None:
    phone, challenge = world.phone(), world.client().challenge()
    before = world.fetch(phone, challenge["id"])["nonce"]
    successor = with_key(phone, new_key())
    send(world, phone, phone.rotation(successor.key))
    assert world.fetch(successor, challenge["id"])["nonce"] == before
    assert world.approve(successor, challenge).get_json() == {"status": "satisfied"}


def test_an_answer_signed_by_the_old_key_is_refused_after_it(world: World) -> None:
    phone, challenge = world.phone(), world.client().challenge()
    token = phone.answer(world.fetch(phone, challenge["id"]), code=challenge["display_code"])
    successor = with_key(phone, new_key())
    send(world, phone, phone.rotation(successor.key))
    assert world.send(phone, challenge["id"], token).status_code == 401
    assert slug(world.send(successor, challenge["id"], token)) == (403, "proof-rejected")


def test_the_old_key_cannot_rotate_again(world: World) -> None:
    phone = world.phone()
    send(world, phone, phone.rotation(new_key()))
    assert send(world, phone, phone.rotation(new_key())).status_code == 401


def test_the_pin_stays_the_same_after_it(world: World) -> None:
    phone = world.phone(pin=PIN)
    successor = with_key(phone, new_key())
    send(world, phone, phone.rotation(successor.key, pin=PIN))
    wrong = world.approve(successor, world.client().challenge(), pin=WRONG)
    right = world.approve(successor, world.client().challenge(), pin=PIN)
    assert (wrong.status_code, right.status_code) == (403, 200)


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_rotation_is_refused(
    shared_world: World, shared_phone: Phone, forgery: Forgery
) -> None:
    key = new_key()
    token = shared_phone.rotation(key, pin=PIN)
    refused(shared_world, shared_phone, forgery.of(token, key))


@pytest.mark.parametrize("offsets", BAD_TIMES.values(), ids=BAD_TIMES)
def test_a_rotation_with_bad_times_is_refused(
    shared_world: World, shared_phone: Phone, offsets: tuple[Any, Any]
) -> None:
    made = times(shared_world.clock.now(), offsets)
    refused(shared_world, shared_phone, shared_phone.rotation(new_key(), pin=PIN, **made))


@pytest.mark.parametrize("offsets", GOOD_TIMES.values(), ids=GOOD_TIMES)
def test_a_rotation_with_good_times_is_done(world: World, offsets: tuple[int, int]) -> None:
    phone = world.phone()
    token = phone.rotation(new_key(), **times(world.clock.now(), offsets))
    assert send(world, phone, token).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": None},
        {"iss": "aut_other"},
        {"iss": ISSUER},
        {"aud": None},
        {"aud": "https://other.example"},
        {"aud": [ISSUER]},
        {"jti": None},
        {"jti": 7},
    ],
    ids=str,
)
def test_a_rotation_with_a_wrong_claim_is_refused(
    shared_world: World, shared_phone: Phone, claims: dict[str, Any]
) -> None:
    refused(shared_world, shared_phone, shared_phone.rotation(new_key(), pin=PIN, **claims))


def test_the_key_in_the_header_has_to_sign(shared_world: World, shared_phone: Phone) -> None:
    token = shared_phone.rotation(new_key(), pin=PIN)
    forged = Forgery({"jwk": public_jwk(new_key())}).of(token, shared_phone.key)
    refused(shared_world, shared_phone, forged)


def test_the_new_key_cannot_ask_for_itself(shared_world: World, shared_phone: Phone) -> None:
    key = new_key()
    token = shared_phone.rotation(key, pin=PIN)
    assert send(shared_world, with_key(shared_phone, key), token).status_code == 401
    assert works(shared_world, shared_phone)


def test_a_rotation_made_for_another_phone_is_refused(
    shared_world: World, shared_phone: Phone
) -> None:
    other = shared_world.phone("other")
    refused(shared_world, shared_phone, other.rotation(new_key(), pin=PIN))


def test_without_the_pin_it_is_refused(world: World) -> None:
    phone = world.phone(pin=PIN)
    refused(world, phone, phone.rotation(new_key()))


def test_a_wrong_pin_is_counted_with_the_others(world: World) -> None:
    phone = world.phone(pin=PIN)
    for _ in range(9):
        assert slug(send(world, phone, phone.rotation(new_key(), pin=WRONG)))[0] == 403
    assert world.approve(phone, world.client().challenge(), pin=WRONG).status_code == 403
    assert world.device(phone, "GET", "/v1/device").get_json()["pin"] == "disabled"


def test_a_right_pin_in_a_rotation_starts_the_count_anew(world: World) -> None:
    phone = world.phone(pin=PIN)
    for _ in range(9):
        world.approve(phone, world.client().challenge(), pin=WRONG)
    successor = with_key(phone, new_key())
    assert send(world, phone, phone.rotation(successor.key, pin=PIN)).status_code == 200
    for _ in range(9):
        world.approve(successor, world.client().challenge(), pin=WRONG)
    assert world.device(successor, "GET", "/v1/device").get_json()["pin"] == "set"


MESSAGES = {
    "another key": "stepup-pin/1.rotate.{device}.{jti}.other",
    "another jti": "stepup-pin/1.rotate.{device}.other.{thumb}",
    "another phone": "stepup-pin/1.rotate.aut_other.{jti}.{thumb}",
    "a PIN change": "stepup-pin/1.set.{device}.{jti}.{thumb}",
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_the_pin_covers_phone_request_and_new_key(
    shared_world: World, shared_phone: Phone, message: str
) -> None:
    key = new_key()
    thumb = thumbprint(public_jwk(key))
    text = message.format(device=shared_phone.device_id, jti="r1", thumb=thumb)
    token = shared_phone.rotation(key, jti="r1", pin_proof=PIN.sign(text))
    response = send(shared_world, shared_phone, token)
    assert slug(response) == (403, "proof-rejected")


def test_no_key_comes_twice_even_its_own(world: World) -> None:
    phone, other = world.phone(), world.phone("bob")
    refused(world, phone, phone.rotation(phone.key))
    refused(world, phone, phone.rotation(other.key))
    first, second = with_key(phone, new_key()), with_key(phone, new_key())
    send(world, phone, phone.rotation(first.key))
    send(world, first, first.rotation(second.key))
    refused(world, second, second.rotation(phone.key))
    refused(world, second, second.rotation(first.key))


def test_the_person_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    phone = world.phone()
    caplog.clear()
    send(world, phone, phone.rotation(new_key()))
    assert [r.message for r in caplog.records if "notify" in r.message] == ["notify: key.rotate"]


@pytest.mark.parametrize("state", ["suspended", "pending"])
def test_only_an_active_phone_rotates(world: World, state: str) -> None:
    if state == "suspended":
        phone = world.phone()
        path = f"/v1/authenticators/{phone.device_id}"
        world.client().call("PATCH", path, {"state": "suspended"})
    else:
        phone = Phone(ISSUER, world.clock.now)
        code = world.client().enroll(type="phone")["manual_code"].replace("-", "")
        world.claim(phone, code)
    response = send(world, phone, phone.rotation(new_key()))
    assert slug(response) == (409, "authenticator-not-active")
    assert works(world, phone)
