"""A claim of a phone: each fault is the one refusal and leaves the code open (contract 6)."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from werkzeug.test import TestResponse

from tests.support.forging import BAD_TIMES, FORGERIES, GOOD_TIMES, Forgery, problem, slug, times
from tests.support.phone import Phone, PinKey, b64, public_jwk
from tests.support.world import ISSUER, World


def code_of(enrollment: dict[str, Any]) -> str:
    return str(enrollment["manual_code"]).replace("-", "")


def post(world: World, token: str | bytes, media: str = "application/jose") -> TestResponse:
    path = "/v1/device/enrollments/claim"
    return world.app.test_client().post(path, data=token, content_type=media)


def refused(world: World, make: Callable[[Phone, str], str], pin: PinKey | None = None) -> None:
    """See a claim refused as every other one, and the right one accepted afterwards."""
    enrollment = world.client().enroll(type="phone")
    phone, code = Phone(ISSUER, world.clock.now, pin), code_of(enrollment)
    response = post(world, make(phone, code))
    assert slug(response) == (403, "proof-rejected"), response.text
    assert problem(response) == problem(post(world, "garbage"))
    assert post(world, phone.claim(code)).status_code == 201


@pytest.fixture(name="world", scope="module")
def _world(shared_world: World) -> World:
    return shared_world


@pytest.fixture
def phone(world: World) -> Phone:
    return Phone(ISSUER, world.clock.now, PinKey())


def test_a_claim_tells_the_phone_who_it_is(world: World, phone: Phone) -> None:
    response = world.claim(phone, code_of(world.client().enroll(type="phone")))
    body = response.get_json()
    assert response.headers["Cache-Control"] == "no-store"
    assert set(body) == {"device_id", "sub", "issuer", "check_code", "state"}
    assert (body["sub"], body["issuer"], body["state"]) == ("alice", ISSUER, "pending")
    assert body["device_id"].startswith("aut_")
    assert len(body["check_code"]) == 6
    assert body["check_code"].isdigit()


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_claim_is_refused(world: World, forgery: Forgery) -> None:
    refused(world, lambda phone, code: forgery.of(phone.claim(code), phone.key))


P256 = generate_private_key(SECP256R1())
P384 = generate_private_key(SECP384R1())
JWK = public_jwk(P256)
PRIVATE = b64(P256.private_numbers().private_value.to_bytes(32, "big"))
WIDE = P384.public_key().public_numbers()
OFF_CURVE = JWK["y"][:-2] + ("A" if JWK["y"][-2] != "A" else "B") + JWK["y"][-1]
KEYS: dict[str, Any] = {
    "none": None,
    "null": {},
    "a text": "key",
    "with its private part": {**JWK, "d": PRIVATE},
    "another one": public_jwk(generate_private_key(SECP256R1())),
    "off the curve": {**JWK, "y": OFF_CURVE},
    "the point at infinity": {**JWK, "x": b64(bytes(32)), "y": b64(bytes(32))},
    "of curve P-384": {
        "kty": "EC",
        "crv": "P-384",
        "x": b64(WIDE.x.to_bytes(48, "big")),
        "y": b64(WIDE.y.to_bytes(48, "big")),
    },
    "P-256 named secp256k1": {**JWK, "crv": "secp256k1"},
    "without crv": {name: JWK[name] for name in ("kty", "x", "y")},
    "of type RSA": {**JWK, "kty": "RSA"},
    "symmetric": {"kty": "oct", "k": b64(bytes(32))},
    "x with a leading zero byte": {**JWK, "x": b64(b"\0" + bytes(32))},
    "x padded": {**JWK, "x": JWK["x"] + "="},
    "x not base64url": {**JWK, "x": "!" * 43},
    "y as a number": {**JWK, "y": 1},
}


@pytest.mark.parametrize("jwk", KEYS.values(), ids=KEYS)
def test_a_key_that_is_not_the_signers_p256_key_is_refused(world: World, jwk: Any) -> None:
    refused(world, lambda phone, code: Forgery({"jwk": jwk}).of(phone.claim(code), P256))


def test_the_key_in_the_header_is_what_a_claim_is_verified_with(world: World) -> None:
    code = code_of(world.client().enroll(type="phone"))
    made = Phone(ISSUER, world.clock.now, key=P256).claim(code)
    assert post(world, Forgery({"jwk": JWK}).of(made, P256)).status_code == 201


def test_a_kid_beside_the_key_is_refused(world: World) -> None:
    refused(world, lambda phone, code: Forgery({"kid": "aut_x"}).of(phone.claim(code), phone.key))


@pytest.mark.parametrize("offsets", BAD_TIMES.values(), ids=BAD_TIMES)
def test_times_that_do_not_hold_are_refused(world: World, offsets: tuple[Any, Any]) -> None:
    made = times(world.clock.now(), offsets)
    refused(world, lambda phone, code: phone.claim(code, **made))


@pytest.mark.parametrize("offsets", GOOD_TIMES.values(), ids=GOOD_TIMES)
def test_times_within_a_minute_hold(world: World, phone: Phone, offsets: tuple[int, int]) -> None:
    code = code_of(world.client().enroll(type="phone"))
    assert post(world, phone.claim(code, **times(world.clock.now(), offsets))).status_code == 201


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"aud": None}, id="no aud"),
        pytest.param({"aud": "https://other.example"}, id="another aud"),
        pytest.param({"aud": f"{ISSUER}/"}, id="aud with a slash"),
        pytest.param({"aud": [ISSUER]}, id="aud as a list"),
        pytest.param({"jti": None}, id="no jti"),
        pytest.param({"jti": 7}, id="jti as a number"),
        pytest.param({"code": None}, id="no code"),
        pytest.param({"code": 7}, id="code as a number"),
        pytest.param({"name": "x" * 65}, id="name of 65"),
        pytest.param({"name": 7}, id="name as a number"),
        pytest.param({"name": "a\nb"}, id="line break in the name"),
        pytest.param({"name": "a\x00b"}, id="NUL in the name"),
        pytest.param({"name": "a\u202eb"}, id="bidi override in the name"),
        pytest.param({"name": "a\ud800b"}, id="lone surrogate in the name"),
        pytest.param({"platform": "x" * 33}, id="platform of 33"),
        pytest.param({"platform": ["a"]}, id="platform as a list"),
        pytest.param({"platform": "a\u2066b"}, id="bidi isolate in the platform"),
        pytest.param({"app_version": "1\t"}, id="tab in the version"),
        pytest.param({"unknown": "a\x07b"}, id="control character in an unknown claim"),
        pytest.param({"unknown": 2**53}, id="a number beyond 2^53 in an unknown claim"),
    ],
)
def test_a_claim_that_does_not_fit_is_refused(world: World, claims: dict[str, Any]) -> None:
    refused(world, lambda phone, code: Forgery().of(phone.claim(code), phone.key, **claims))


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"name": "x" * 64, "platform": "y" * 32}, id="the longest texts"),
        pytest.param({"name": "Zoë's 📱"}, id="a name with an emoji"),
        pytest.param({"push": None}, id="no push"),
        pytest.param({"app_version": "1.2.3+" + "a" * 60}, id="a long version"),
        pytest.param({"unknown": {"a": [1]}}, id="an unknown claim"),
        pytest.param({"attestation": {"format": "apple-appattest"}}, id="another attestation"),
        pytest.param({"attestation": "garbage"}, id="attestation as a text"),
    ],
)
def test_a_claim_may_have(world: World, phone: Phone, claims: dict[str, Any]) -> None:
    code = code_of(world.client().enroll(type="phone"))
    assert post(world, phone.claim(code, **claims)).status_code == 201


def with_pin(**changed: Any) -> Callable[[Phone, str], str]:
    def make(phone: Phone, code: str) -> str:
        values = {name: value(phone, code) for name, value in changed.items()}
        return Forgery().of(phone.claim(code), phone.key, **values)

    return make


ENROLL = "stepup-pin/1.enroll."
PINS: dict[str, Callable[[Phone, str], str]] = {
    "no proof": with_pin(pin_proof=lambda *_: None),
    "no key": with_pin(pin_jwk=lambda *_: None),
    "a proof by another key": with_pin(pin_proof=lambda _, code: PinKey().sign(ENROLL + code)),
    "a proof over another code": with_pin(
        pin_proof=lambda phone, _: phone.pin.sign(ENROLL + "0" * 26)
    ),
    "a proof for another purpose": with_pin(
        pin_proof=lambda phone, code: phone.pin.sign("stepup-pin/1.answer." + code)
    ),
    "a proof over the bare code": with_pin(pin_proof=lambda phone, code: phone.pin.sign(code)),
    "an empty proof": with_pin(pin_proof=lambda *_: ""),
    "a proof as a number": with_pin(pin_proof=lambda *_: 7),
    "a key with its private part": with_pin(
        pin_jwk=lambda phone, _: {
            **phone.pin.jwk,
            "d": b64(phone.pin.key.private_bytes_raw()),
        }
    ),
    "a P-256 key": with_pin(pin_jwk=lambda *_: JWK),
    "an X25519 key": with_pin(pin_jwk=lambda phone, _: {**phone.pin.jwk, "crv": "X25519"}),
    "a short key": with_pin(pin_jwk=lambda phone, _: {**phone.pin.jwk, "x": b64(bytes(31))}),
    "a key as a text": with_pin(pin_jwk=lambda *_: "key"),
}


@pytest.mark.parametrize("make", PINS.values(), ids=PINS)
def test_a_pin_key_has_to_prove_itself(world: World, make: Callable[[Phone, str], str]) -> None:
    refused(world, make, PinKey())


@pytest.mark.parametrize("pin", [None, PinKey()], ids=["without", "with"])
def test_a_phone_may_come_with_a_pin_or_without(world: World, pin: PinKey | None) -> None:
    phone = world.phone(f"pin {pin}", pin=pin)
    described = world.device(phone, "GET", "/v1/device").get_json()
    assert described["pin"] == ("set" if pin else "none")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda code: code.lower(), id="in lower case"),
        pytest.param(lambda code: f"{code[:4]}-{code[4:]}", id="with a dash"),
        pytest.param(lambda code: f" {code}", id="with a space"),
        pytest.param(lambda code: code[:-1], id="one short"),
        pytest.param(lambda code: code[:-1] + ("0" if code[-1] != "0" else "1"), id="one off"),
        pytest.param(lambda _: "é" * 26, id="not ASCII"),
        pytest.param(lambda _: "0" * 4000, id="very long"),
    ],
)
def test_a_code_is_compared_exactly(
    world: World, phone: Phone, change: Callable[[str], str]
) -> None:
    code = code_of(world.client().enroll(type="phone"))
    response = post(world, phone.claim(change(code)))
    assert slug(response) == (409, "enrollment-not-open")
    assert post(world, phone.claim(code)).status_code == 201


def test_the_media_type_is_jose(world: World, phone: Phone) -> None:
    token = phone.claim(code_of(world.client().enroll(type="phone")))
    assert slug(post(world, token, "application/json")) == (415, "unsupported-media-type")
    assert post(world, token).status_code == 201


def test_a_body_that_is_not_ascii_is_a_faulty_proof(world: World) -> None:
    assert slug(post(world, "é".encode())) == (403, "proof-rejected")


def test_no_body_is_400(world: World) -> None:
    assert slug(post(world, b"")) == (400, "malformed-json")


def test_the_name_becomes_the_label_unless_the_client_gave_one(world: World) -> None:
    world.phone("bob")
    world.phone("carol", label="Work phone")
    api = world.client()
    labels = [
        api.get(f"/v1/authenticators?sub={sub}").get_json()["authenticators"][0]["label"]
        for sub in ("bob", "carol")
    ]
    assert labels == ["Test phone", "Work phone"]
