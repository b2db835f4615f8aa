"""The log of a real service after everything was done to it: no secret, one object a line."""

import base64
import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from flask import Flask

from tests.support.phone import Phone, PinKey, jws, public_jwk, thumbprint
from tests.support.processes import start_service
from tests.support.remote import environment, remote_world
from tests.support.secrecy import SHORTEST, WatchedApp
from tests.support.world import ISSUER, MASTER_KEYS, Api, World

PUSH_TOKEN = "push-token-" + "t" * 40
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
INJECTED = '","level":"info","injected":"yes'
LINE_BREAK = "\r\n{injected}\u2028"
CHATTER = ("Serving ", "warning: ")


@dataclass(frozen=True)
class Aftermath:
    """What is left when everything was done: the output, and what must not be in it."""

    output: str
    secrets: set[str]
    request_ids: set[str]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the logged objects; what `serve` says to the person who starts it is none."""
        written = [line for line in self.output.splitlines() if not line.startswith(CHATTER)]
        return [dict(json.loads(line)) for line in written]


def take_tokens(world: World, app: WatchedApp) -> None:
    """Ask for tokens with a secret and with an assertion, right and wrong."""
    api = world.client()
    app.secrets.add(api.secret)
    for password in (api.secret, "wrong-" + api.secret):
        pair = base64.b64encode(f"{api.client_id}:{password}".encode()).decode()
        app.post(
            "/oauth2/token",
            data="grant_type=client_credentials",
            headers={"Authorization": f"Basic {pair}"},
            content_type="application/x-www-form-urlencoded",
        )
    key = generate_private_key(SECP256R1())
    signer = world.client("signer", jwks={"keys": [public_jwk(key)]}).client_id
    at = world.clock.now()
    claims = {"iss": signer, "sub": signer, "aud": ISSUER, "jti": "j" * 22, "exp": at + 60}
    form = f"grant_type=client_credentials&client_assertion_type={ASSERTION}&client_assertion="
    assertion = jws({"alg": "ES256"}, claims, key)
    for _ in range(2):
        app.post(
            "/oauth2/token",
            data=form + assertion,
            content_type="application/x-www-form-urlencoded",
        )


def use_codes(world: World) -> None:
    """Answer with TOTP and recovery codes, right, wrong and used."""
    api, totp = world.client(), world.totp("totp")
    codes = world.recovery_codes("totp", reason="lost")
    for method, code in (
        ("totp", totp.wrong()),
        ("totp", totp.code(1)),
        ("totp", totp.code(1)),
        ("recovery_code", codes[0]),
        ("recovery_code", codes[0]),
        ("webauthn", "no-code"),
    ):
        challenge = api.challenge("totp", nonce="nonce-secret", binding_message="message-secret")
        api.answer(challenge["id"], method, code)
    api.challenge("totp", answer={"method": "recovery_code", "code": codes[1]})


def use_a_phone(world: World) -> None:
    """Approve, deny, report, change the PIN, rotate the key, with every fault on the way."""
    api, pin = world.client(), PinKey()
    phone = world.phone("phone", pin=pin, push={"provider": "fcm", "token": PUSH_TOKEN})
    pay = {"to": "transaction-secret", "amount": 20}
    challenge: dict[str, Any] = {}
    for given in ({"pin": PinKey()}, {"code": "000000"}, {"nonce": "n"}, {"pin": pin}):
        challenge = api.challenge("phone", transaction=pay, context={"user_agent": "agent-secret"})
        world.approve(phone, challenge, **cast("dict[str, Any]", given))
    world.send(phone, challenge["id"], "not.a.jws")
    change_pin(world, phone, pin)
    for decision in ("deny", "report_fraud"):
        challenge = api.challenge("phone")
        asked = world.fetch(phone, challenge["id"])
        world.send(phone, challenge["id"], phone.answer(asked, decision))
    world.device(phone, "PUT", "/v1/device/push", {"provider": "fcm", "token": PUSH_TOKEN + "2"})
    rotate(world, phone, pin)
    world.device(Phone(ISSUER, world.clock.now, device_id=phone.device_id), "GET", "/v1/device")


def change_pin(world: World, phone: Phone, old: PinKey) -> None:
    new, jti = PinKey(), secrets.token_urlsafe(16)
    text = f"stepup-pin/1.set.{phone.device_id}.{jti}.{thumbprint(new.jwk)}"
    proofs = {"pin_proof": new.sign(text), "old_pin_proof": old.sign(text)}
    world.device(phone, "PUT", "/v1/device/pin", {"pin_jwk": new.jwk, **proofs}, jti=jti)


def rotate(world: World, phone: Phone, pin: PinKey) -> None:
    key = generate_private_key(SECP256R1())
    header = {"alg": "ES256", "typ": "stepup-rotate+jwt", "jwk": public_jwk(key)}
    claims = {"iss": phone.device_id, "aud": ISSUER, "pin_proof": pin.sign("x"), **phone.times()}
    world.device(phone, "POST", "/v1/device/keys", jws(header, claims, key))


def be_hostile(world: World, app: WatchedApp) -> None:
    """Send what would break a line of the log, and secrets where they do not belong."""
    api: Api = world.client()
    api.post("/v1/challenges", {"sub": f"eve{LINE_BREAK}"})
    api.post("/v1/challenges", {"sub": f"eve{INJECTED}"})
    api.post("/v1/enrollments", {"sub": f"eve{INJECTED}", "type": "totp", "label": INJECTED})
    api.post("/v1/challenges", b'{"sub": "path-secret')
    api.post("/v1/challenges", {"code": "unknown-field-secret"})
    api.get("/v1/users?sub=query-secret")
    api.get("/v1/nowhere/path-secret")
    api.get("/v1/users", headers={"X-Request-Id": INJECTED, "User-Agent": INJECTED})
    api.get("/v1/users", headers={"X-Request-Id": "a%0d%0ainjected"})
    api.post("/v1/challenges", {"sub": "eve"}, headers={"Idempotency-Key": "idempotency-secret"})
    app.open("/v1/users", headers={"Authorization": "Bearer token-secret.a.b"})
    app.open("/v1/device", headers={"Authorization": "Device device-secret.a.b"})
    app.open("/metrics", headers={"Authorization": "Bearer metrics-secret", "Forwarded": "for=x"})
    app.secrets |= {
        *("path-secret", "unknown-field-secret", "query-secret", "idempotency-secret"),
        *("token-secret", "device-secret", "metrics-secret", "message-secret"),
        *("transaction-secret", "agent-secret", "nonce-secret", PUSH_TOKEN),
    }


@pytest.fixture(scope="module")
def aftermath(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    """Do everything to a real service that logs as much as it can, and stop it."""
    folder = tmp_path_factory.mktemp("logs")
    shutil.copy(sqlite_template, folder / "mfa.db")
    url = f"sqlite:///{folder / 'mfa.db'}"
    env = environment(url) | {"MFA_LOG_LEVEL": "DEBUG"}
    with (
        start_service(env, folder=folder, workers=2) as server,
        remote_world(server.url, url) as world,
    ):
        app = WatchedApp(server.url, world.app.extensions)
        world.app = cast("Flask", app)
        take_tokens(world, app)
        use_codes(world)
        use_a_phone(world)
        be_hostile(world, app)
    master_key = MASTER_KEYS.partition(":")[2]
    found = {secret for secret in app.secrets if len(secret) >= SHORTEST} | {
        master_key,
        base64.b64decode(master_key).decode(),
    }
    return Aftermath(server.output(), found, app.request_ids)


def test_enough_was_done(aftermath: Aftermath) -> None:
    events = {line["event"] for line in aftermath.lines if "event" in line}
    assert {
        *("challenge.proof", "challenge.deny", "challenge.report", "client.token"),
        *("client.auth_fail", "enroll.confirm", "enroll.claim", "pin.change", "recovery.use"),
    } <= events
    assert len(aftermath.secrets) > 100


def test_no_secret_is_in_the_log(aftermath: Aftermath) -> None:
    assert [secret for secret in aftermath.secrets if secret in aftermath.output] == []


def test_every_line_is_one_object_with_time_level_and_place(aftermath: Aftermath) -> None:
    wanted = {"at", "level", "logger", "message"}
    assert [line for line in aftermath.lines if not wanted <= set(line)] == []


def test_every_request_is_logged_once_under_its_id(aftermath: Aftermath) -> None:
    answered = [
        line["request_id"] for line in aftermath.lines if line["logger"] == "mfa_service.requests"
    ]
    assert len(answered) == len(set(answered))
    assert aftermath.request_ids <= set(answered)


def test_what_was_audited_can_be_traced_to_its_request(aftermath: Aftermath) -> None:
    audited = [line for line in aftermath.lines if line["logger"] == "mfa_service.audit"]
    assert audited
    assert [line for line in audited if line.get("request_id") is None] == []


def test_nobody_writes_a_line_or_a_member_of_his_own(aftermath: Aftermath) -> None:
    assert [line for line in aftermath.lines if "injected" in line] == []
    assert "injected" not in aftermath.output


def test_a_service_that_was_used_well_logs_no_error(aftermath: Aftermath) -> None:
    assert [line for line in aftermath.lines if line["level"] == "error"] == []
