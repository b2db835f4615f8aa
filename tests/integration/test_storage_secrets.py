"""Whoever steals the database finds no secret in clear (S 9.6.7, threat T9)."""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any

import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.support.database import everything_in, rows
from tests.support.keys import quick_key
from tests.support.phone import Phone, PinKey, b64
from tests.support.world import ISSUER, Totp, World

PUSH_TOKEN = "push-token-of-alices-phone"
ENDPOINT = "https://push.example.org/secret-capability"
TEXT = "Pay 12.50 EUR to Bob"
MESSAGE = "Order number 4711"
CONTEXT = {"ip": "203.0.113.77", "user_agent": "Unusual-Browser/7", "location": "Atlantis"}


@dataclass
class Secrets:
    """What the flow produced, by name."""

    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)

    def forms(self, name: str) -> list[bytes]:
        """Return the secret as it might be stored."""
        plain = self.texts[name].encode()
        compact = plain.replace(b"-", b"")
        encoded = [base64.b64encode(plain).rstrip(b"="), base64.urlsafe_b64encode(plain)]
        return [plain, compact, compact.lower(), plain.hex().encode(), *encoded]


def with_phone(world: World, secrets: Secrets) -> None:
    """Enroll a phone, answer with it, and change what it may change."""
    enrollment = world.client().enroll(type="phone")
    code = enrollment["manual_code"].replace("-", "")
    phone = Phone(ISSUER, world.clock.now, PinKey())
    claimed = world.claim(phone, code, push={"provider": "fcm", "token": PUSH_TOKEN}).get_json()
    assert everything_lacks(world, claimed["check_code"])
    done = world.client().confirm(enrollment, check_code=claimed["check_code"])
    assert done.status_code == 200
    secrets.texts |= {"the enrollment code": code, "the push token": PUSH_TOKEN}
    secrets.numbers["the check code"] = claimed["check_code"]
    approve(world, phone, secrets)
    change(world, phone, secrets)


def approve(world: World, phone: Phone, secrets: Secrets) -> None:
    given = {"transaction": {"text": TEXT}, "binding_message": MESSAGE, "context": CONTEXT}
    challenge = world.client().challenge("alice", **given, nonce="client-nonce-7")
    asked = world.fetch(phone, challenge["id"])
    token = phone.answer(asked, code=challenge["display_code"], pin=phone.pin)
    assert world.send(phone, challenge["id"], token).status_code == 200
    secrets.numbers["the display code"] = challenge["display_code"]
    secrets.texts |= {
        "the page link": challenge["page"].rsplit("/", 1)[1],
        "the answer's signature": token.rsplit(".", 1)[1],
        "the nonce": asked["nonce"],
        "the result token": world.client().read(challenge["id"])["result_token"],
    }


def change(world: World, phone: Phone, secrets: Secrets) -> None:
    keys = {"p256dh": b64(b"\4" + bytes(64)), "auth": b64(bytes(16))}
    body = {"provider": "webpush", "endpoint": ENDPOINT, "keys": keys}
    assert world.device(phone, "PUT", "/v1/device/push", body).status_code == 204
    assert phone.pin is not None
    raw, signed = phone.pin_change(PinKey(), old=phone.pin)
    response = world.app.test_client().put(
        "/v1/device/pin",
        data=raw,
        content_type="application/json",
        headers={"Authorization": signed},
    )
    assert response.status_code == 204, response.text
    secrets.texts["the proof of the new PIN"] = json.loads(raw)["pin_proof"]


def everything_lacks(world: World, digits: str) -> bool:
    dump = everything_in(str(world.app.config["SQLALCHEMY_DATABASE_URI"]))
    return not re.search(rb"(?<![0-9A-Za-z+/_-])%s(?![0-9A-Za-z+/_-])" % digits.encode(), dump)


def with_codes(world: World, secrets: Secrets) -> None:
    """Enroll codes, and use them with an idempotency key, so that answers are stored."""
    api = world.client()
    headers = {"Idempotency-Key": "key-1"}
    body: dict[str, Any] = {"sub": "alice", "type": "totp", "reason": "second"}
    started = api.post("/v1/enrollments", body, headers=headers).get_json()
    totp = Totp(world, pyotp.TOTP(started["secret"]))
    confirm = api.post(
        f"/v1/enrollments/{started['id']}/confirm", {"code": totp.code()}, headers=headers
    )
    assert confirm.status_code == 200
    body = {"sub": "alice", "type": "recovery_codes", "reason": "third"}
    headers = {"Idempotency-Key": "key-2"}
    codes = api.post("/v1/enrollments", body, headers=headers).get_json()["codes"]
    answer = {"method": "recovery_code", "code": codes[0]}
    challenge = {"sub": "alice", "answer": answer, "transaction": {"text": TEXT}}
    done = api.post("/v1/challenges", challenge, headers=headers).get_json()
    secrets.texts |= {
        "the TOTP secret": started["secret"],
        "a used recovery code": codes[0],
        "an unused recovery code": codes[1],
        "the secret part of a recovery code": codes[2][3:],
        "the stored result token": done["result_token"],
        "the client's secret": api.secret,
        "the client's access token": api.token,
    }
    secrets.numbers["a TOTP code"] = totp.code()


@pytest.fixture
def flow(world: World) -> Secrets:
    secrets = Secrets()
    with_phone(world, secrets)
    with_codes(world, secrets)
    secrets.texts |= {
        "the transaction": TEXT,
        "the binding message": MESSAGE,
        "the ip of the context": CONTEXT["ip"],
        "the browser of the context": CONTEXT["user_agent"],
        "the place of the context": CONTEXT["location"],
        "the push endpoint": ENDPOINT,
        "the client's nonce": "client-nonce-7",
    }
    return secrets


def test_no_secret_of_a_whole_flow_is_in_the_database(
    world: World, flow: Secrets, sqlite_url: str
) -> None:
    dump = everything_in(sqlite_url)
    found = [name for name in flow.texts for form in flow.forms(name) if form in dump]
    assert found == []
    seed = base64.b32decode(flow.texts["the TOTP secret"])
    assert seed not in dump
    assert seed.hex().encode() not in dump.lower()
    assert world.services.settings.issuer == ISSUER


def test_no_typed_code_of_a_whole_flow_is_in_the_database(world: World, flow: Secrets) -> None:
    assert [name for name, code in flow.numbers.items() if not everything_lacks(world, code)] == []


def test_no_secret_of_a_whole_flow_is_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = Secrets()
    with caplog.at_level("DEBUG"):
        with_phone(world, secrets)
        with_codes(world, secrets)
    text = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    names = [name for name in secrets.texts if secrets.texts[name] in text]
    words = set(re.findall(r"\b\d{6}\b", text))
    assert names == []
    assert not words & set(secrets.numbers.values())


def test_no_master_key_is_in_the_database(world: World, flow: Secrets, sqlite_url: str) -> None:
    dump = everything_in(sqlite_url)
    for key in world.services.settings.master_keys.values():
        assert key not in dump
        assert base64.b64encode(key) not in dump
    assert len(flow.texts) > 10


def test_the_signing_keys_are_not_there_in_clear(world: World, sqlite_url: str) -> None:
    elliptic, rsa = rows(world, "SELECT public_jwk, sealed FROM signing_key ORDER BY alg")
    assert set(json.loads(elliptic["public_jwk"])) == {"kty", "crv", "x", "y"}
    assert set(json.loads(rsa["public_jwk"])) == {"kty", "n", "e"}
    dump = everything_in(sqlite_url)
    assert b"PRIVATE KEY" not in dump
    key = quick_key("RS256")
    assert isinstance(key, RSAPrivateKey)
    numbers = key.private_numbers()
    for secret in (numbers.p, numbers.q, numbers.d):
        assert secret.to_bytes((secret.bit_length() + 7) // 8, "big")[:64] not in dump
    assert bytes.fromhex("06082a8648ce3d030107") not in dump


def test_a_removed_phone_leaves_no_credential_and_no_push_address(world: World) -> None:
    phone = world.phone(push={"provider": "fcm", "token": PUSH_TOKEN})
    path = f"/v1/authenticators/{phone.device_id}?reason=lost"
    assert world.client().call("DELETE", path).status_code == 204
    (row,) = rows(
        world,
        "SELECT credential, push_address FROM authenticator JOIN device ON id = authenticator_id",
    )
    assert not row["credential"]
    assert row["push_address"] is None


def test_a_confirmed_enrollment_keeps_nothing_sealed(world: World) -> None:
    world.totp()
    world.phone(reason="second")
    world.recovery_codes(reason="third")
    assert {row["sealed"] for row in rows(world, "SELECT sealed FROM enrollment")} == {None}
