"""Attacks by whoever holds the unlocked phone, runs code on it, or saw what it once sent."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from mfa_service.domain.errors import MfaError
from mfa_service.services.device_keys import NewPin
from mfa_service.services.devices import SignedRequest
from tests.support.database import everything_in
from tests.support.forging import slug
from tests.support.phone import Phone, PinKey, b64
from tests.support.world import AAL2, World

REFUSED = (403, "binding-requires-step-up")


@pytest.fixture
def pin() -> PinKey:
    return PinKey()


def enroll_freely(world: World, kind: str = "phone") -> tuple[int, str]:
    response = world.client().post("/v1/enrollments", {"sub": "alice", "type": kind})
    return slug(response)


def test_one_moment_at_the_unlocked_phone_does_not_make_its_owner_new(
    world: World, pin: PinKey
) -> None:
    stolen = world.phone(pin=pin)
    assert world.device(stolen, "DELETE", "/v1/device").status_code == 204
    assert enroll_freely(world, "phone") == REFUSED
    assert enroll_freely(world, "totp") == REFUSED
    world.clock.advance(7 * 86_400)
    assert enroll_freely(world, "recovery_codes") == REFUSED


def test_who_holds_the_unlocked_phone_cannot_set_a_new_pin(world: World, pin: PinKey) -> None:
    stolen, chosen = world.phone(pin=pin), PinKey()
    body, signed = stolen.pin_change(chosen, old=chosen)
    response = world.app.test_client().put(
        "/v1/device/pin",
        data=body,
        content_type="application/json",
        headers={"Authorization": signed},
    )
    assert slug(response) == (403, "proof-rejected")
    challenge = world.client().challenge(acr_values=[AAL2])
    assert world.approve(stolen, challenge, pin=chosen).status_code == 403


def test_who_holds_the_unlocked_phone_cannot_approve_what_needs_the_pin(
    world: World, pin: PinKey
) -> None:
    stolen = world.phone(pin=pin)
    challenge = world.client().challenge(acr_values=[AAL2])
    assert world.approve(stolen, challenge).status_code == 403
    assert world.client().read(challenge["id"])["status"] == "pending"


def test_malware_cannot_rotate_the_device_key_to_a_clone_without_the_pin(
    world: World, pin: PinKey
) -> None:
    phone = world.phone(pin=pin)
    clone = Phone(phone.issuer, world.clock.now, None, generate_private_key(SECP256R1()))
    clone.device_id = phone.device_id
    for body in (phone.rotation(clone.key), phone.rotation(clone.key, pin=PinKey())):
        assert slug(world.device(phone, "POST", "/v1/device/keys", body))[0] == 403
    assert world.device(clone, "GET", "/v1/device").status_code == 401
    assert world.device(phone, "GET", "/v1/device").status_code == 200


def request(phone: Phone, method: str, path: str, body: bytes, jti: str) -> SignedRequest:
    token = phone.authorization(method, path, body, jti=jti).removeprefix("Device ")
    return SignedRequest(token, method, path, body)


def test_a_pin_change_on_its_way_does_not_bring_the_old_device_key_back(
    world: World, pin: PinKey
) -> None:
    phone, new = world.phone(pin=pin), PinKey()
    successor = Phone(phone.issuer, world.clock.now, pin, device_id=phone.device_id)
    raw, signed = phone.pin_change(new, old=pin)
    services = world.services
    path = "/v1/device/pin"
    late = services.devices.authenticate(
        SignedRequest(signed.removeprefix("Device "), "PUT", path, raw)
    )
    body = phone.rotation(successor.key, pin=pin)
    assert world.device(phone, "POST", "/v1/device/keys", body).status_code == 200
    with pytest.raises(MfaError):
        services.device_keys.change_pin(late, NewPin(**json.loads(raw)))
    assert world.device(phone, "GET", "/v1/device").status_code == 401
    assert world.device(successor, "GET", "/v1/device").status_code == 200


def test_a_rotation_on_its_way_is_not_permitted_by_a_dead_key(world: World) -> None:
    phone = world.phone()
    first, second = (
        Phone(phone.issuer, world.clock.now, device_id=phone.device_id) for _ in range(2)
    )
    late_body = phone.rotation(second.key)
    path = "/v1/device/keys"
    services = world.services
    late = services.devices.authenticate(request(phone, "POST", path, late_body.encode(), "late"))
    assert world.device(phone, "POST", path, phone.rotation(first.key)).status_code == 200
    with pytest.raises(MfaError):
        services.device_keys.rotate(late, late_body)
    assert world.device(first, "GET", "/v1/device").status_code == 200
    assert world.device(second, "GET", "/v1/device").status_code == 401


def test_a_removal_on_its_way_does_not_bring_a_revoked_phone_back(world: World) -> None:
    phone = world.phone()
    services = world.services
    late = services.devices.authenticate(request(phone, "DELETE", "/v1/device", b"", "late"))
    path = f"/v1/authenticators/{phone.device_id}?reason=stolen"
    assert world.client().call("DELETE", path).status_code == 204
    with pytest.raises(MfaError):
        services.devices.remove(late)
    listed = world.client().get("/v1/authenticators?sub=alice").get_json()["authenticators"]
    assert listed == []


def test_a_removal_on_its_way_does_not_undo_an_administrators_suspension(world: World) -> None:
    phone = world.phone()
    services = world.services
    late = services.devices.authenticate(request(phone, "DELETE", "/v1/device", b"", "late"))
    body = {"state": "suspended", "reason": "stolen"}
    world.client().call("PATCH", f"/v1/authenticators/{phone.device_id}", body)
    with pytest.raises(MfaError):
        services.devices.remove(late)
    found = world.client().get(f"/v1/authenticators/{phone.device_id}").get_json()
    assert found["suspended_by"] == "admin"


def test_a_logged_pin_proof_is_good_for_nothing_else(world: World, pin: PinKey) -> None:
    phone = world.phone(pin=pin)
    first, second = (world.client().challenge(acr_values=[AAL2]) for _ in range(2))
    seen = world.fetch(phone, first["id"])
    message = f"stepup-pin/1.answer.{first['id']}.{seen['nonce']}.{first['display_code']}"
    logged = pin.sign(message)
    other = world.fetch(phone, second["id"])
    token = phone.answer(other, code=second["display_code"], pin_proof=logged)
    assert world.send(phone, second["id"], token).status_code == 403
    change = {"pin_jwk": PinKey().jwk, "pin_proof": logged, "old_pin_proof": logged}
    assert world.device(phone, "PUT", "/v1/device/pin", change).status_code == 403


def test_no_pin_proof_and_no_pin_key_is_stored_to_test_a_guess_against(
    world: World, pin: PinKey, sqlite_url: str
) -> None:
    phone = world.phone(pin=pin)
    challenge = world.client().challenge()
    seen = world.fetch(phone, challenge["id"])
    token = phone.answer(seen, code=challenge["display_code"], pin=pin)
    proof = pin.sign(
        f"stepup-pin/1.answer.{challenge['id']}.{seen['nonce']}.{challenge['display_code']}"
    )
    assert world.send(phone, challenge["id"], token).status_code == 200
    dump = everything_in(sqlite_url)
    public = pin.key.public_key().public_bytes_raw()
    for secret in (proof.encode(), public, b64(public).encode(), token.encode()):
        assert secret not in dump
