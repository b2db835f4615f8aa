"""A small faithful double of the service's device endpoints, written from contract section 6."""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, quote

from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.mobile_stub.double_answers import answer, demand_pin, demand_times, read_jose
from tests.unit.mobile_stub.double_jose import (
    Fault,
    b64,
    demand,
    demand_header,
    demand_signature,
    jwk_of,
    key_from_jwk,
    pin_signed,
    signed_token,
    take_apart,
    thumbprint_of,
)
from tests.unit.mobile_stub.double_records import Answer, Asked, Device, Problem

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
KID = "server-key-1"


class ServiceDouble:
    """Verifies everything the phone signs; `ask` opens a challenge; `asked` shows what became."""

    def __init__(
        self,
        issuer: str = "https://mfa.example.org",
        *,
        sub: str = "alice",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer, self.sub, self.clock = issuer, sub, clock
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.jwks = [jwk_of(self.key, KID), {"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"}]
        self.codes: set[str] = set()
        self.devices: dict[str, Device] = {}
        self.asked: dict[str, Asked] = {}
        self.jtis: set[str] = set()
        self.thumbprints: set[str] = set()
        self.log: list[tuple[str, str, int]] = []
        self.bodies: list[bytes] = []
        self.overrides: dict[str, Callable[[], Answer]] = {}

    def uri(self) -> str:
        code = "".join(secrets.choice(ALPHABET) for _ in range(26))
        self.codes.add(code)
        return f"{self.issuer}/enroll#v=1&iss={quote(self.issuer, safe='')}&c={code}"

    def confirm(self, device_id: str) -> None:
        self.devices[device_id].state = "active"

    def ask(self, device_id: str, *, code: str = "493021", **claims: Any) -> str:
        """Open a challenge for the device and return its id; `claims` go over the defaults."""
        challenge_id = "chl_" + secrets.token_urlsafe(16)
        now = int(self.clock())
        whole = {
            "iss": self.issuer,
            "aud": device_id,
            "challenge_id": challenge_id,
            "client_name": "Example Bank",
            "sub": self.sub,
            "nonce": b64(secrets.token_bytes(32)),
            "require": [["code"]],
            "purpose": "login",
            "iat": now,
            "exp": now + 120,
        }
        self.asked[challenge_id] = Asked(device_id, {**whole, **claims}, code)
        return challenge_id

    def token(self, challenge_id: str) -> str:
        header = {"alg": "ES256", "typ": "stepup-challenge+jwt", "kid": KID}
        return signed_token(self.key, header, self.asked[challenge_id].claims)

    def handle(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer one request; header names are lower case."""
        path, _, query = target.partition("?")
        self.bodies.append(body)
        try:
            status, more, value = self._route(method, path, query, headers, body)
        except Problem as problem:
            kind = f"{self.issuer}/problems/{problem.slug}"
            value = {"type": kind, "title": problem.slug, "status": problem.status, **problem.more}
            status, more = problem.status, {"Content-Type": "application/problem+json"}
        self.log.append((method, target, status))
        data = b"" if value is None else json.dumps(value).encode()
        return status, {"Date": formatdate(self.clock(), usegmt=True), **more}, data

    def _route(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        call = f"{method} {path}"
        if call in self.overrides:
            return self.overrides[call]()
        if call == "GET /.well-known/openid-configuration":
            uri = f"{self.issuer}/.well-known/jwks.json"
            return 200, {}, {"issuer": self.issuer, "jwks_uri": uri}
        if call == "GET /.well-known/jwks.json":
            return 200, {}, {"keys": self.jwks}
        if call == "POST /v1/device/enrollments/claim":
            return self._claim(headers, body)
        device, jti = self._authorized(method, path, headers, body)
        if call == "GET /v1/device":
            return 200, {}, self._shown(device)
        if device.state != "active":
            raise Problem(409, "authenticator-not-active")
        return self._device_call(call, query, device, jti, headers, body)

    def _device_call(
        self,
        call: str,
        query: str,
        device: Device,
        jti: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Answer:
        if call == "DELETE /v1/device":
            del self.devices[device.id]
            return 204, {}, None
        if call == "PUT /v1/device/push":
            device.push = json.loads(body)
            return 204, {}, None
        if call == "PUT /v1/device/pin":
            return self._new_pin(device, jti, json.loads(body))
        if call == "POST /v1/device/keys":
            return self._new_key(device, headers, body)
        if call == "GET /v1/device/challenges":
            return self._list(device, query)
        return self._challenge_call(call, device, headers, body)

    def _challenge_call(
        self, call: str, device: Device, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        one = re.fullmatch(r"(GET|POST) /v1/device/challenges/(chl_[\w-]+)(/answer)?", call)
        if one is None or (one[1] == "POST") != bool(one[3]) or one[2] not in self.asked:
            raise Problem(404, "not-found")
        if one[1] == "POST":
            return answer(device, self.asked[one[2]], headers, body, now=self.clock())
        if self.asked[one[2]].status != "pending":
            raise Problem(404, "not-found")
        return 200, {}, {"challenge": self.token(one[2])}

    def _claim(self, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            token = read_jose(headers, body)
            demand_header(token, "stepup-enroll+jwt", "jwk")
            jwk, claims = token.header["jwk"], token.claims
            demand_signature(token, key_from_jwk(jwk))
            demand_times(claims, self.clock())
            pin = claims.get("pin_jwk")
            text = f"stepup-pin/1.enroll.{claims['code']}"
            pin_right = pin is None or pin_signed(pin, claims["pin_proof"], text)
            demand(claims["aud"] == self.issuer and len(claims["platform"]) <= 32, "claims")
            demand(pin_right, "pin")
        except (Fault, KeyError, ValueError) as fault:
            raise Problem(403, "proof-rejected") from fault
        device = self._claimed(jwk, claims)
        if pin is not None:
            device.pin_jwk, device.pin = pin, "set"
        self.devices[device.id] = device
        members = {"device_id": device.id, "sub": self.sub, "issuer": self.issuer}
        return 201, {}, {**members, "check_code": device.check_code, "state": "pending"}

    def _claimed(self, jwk: dict[str, str], claims: dict[str, Any]) -> Device:
        for device in list(self.devices.values()):
            if device.code == claims["code"] and device.jwk == jwk:
                return device
            if device.code == claims["code"] and device.state == "pending":
                del self.devices[device.id]
        if claims["code"] not in self.codes:
            raise Problem(409, "enrollment-not-open")
        if thumbprint_of(jwk) in self.thumbprints:
            raise Problem(403, "proof-rejected")
        self.codes.remove(claims["code"])
        self.thumbprints.add(thumbprint_of(jwk))
        return Device(jwk, claims, claims["code"], push=claims.get("push"))

    def _authorized(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Device, str]:
        try:
            scheme, _, text = headers.get("authorization", "").partition(" ")
            token = take_apart(text)
            demand_header(token, "stepup-req+jwt", "kid")
            device, claims = self.devices[token.header["kid"]], token.claims
            demand_signature(token, key_from_jwk(device.jwk))
            expected = {"htm": method, "htu": self.issuer + path}
            if body:
                expected["bh"] = b64(hashlib.sha256(body).digest())
            got = {name: claims[name] for name in claims if name in ("htm", "htu", "bh")}
            demand(scheme == "Device" and got == expected, "request")
            demand(type(claims["iat"]) is int, "time")
            demand(abs(claims["iat"] - self.clock()) <= 60, "time")
            demand(len(claims["jti"]) >= 22 and claims["jti"] not in self.jtis, "jti")
            self.jtis.add(claims["jti"])
        except (Fault, KeyError, ValueError) as fault:
            raise Problem(401, "unauthenticated") from fault
        return device, claims["jti"]

    def _shown(self, device: Device) -> dict[str, Any]:
        return {
            "device_id": device.id,
            "sub": self.sub,
            "issuer": self.issuer,
            "state": device.state,
            "label": device.claims["name"],
            "pin": device.pin,
            "push": {"provider": (device.push or {"provider": "none"})["provider"]},
        }

    def _new_pin(self, device: Device, jti: str, body: dict[str, Any]) -> Answer:
        text = f"stepup-pin/1.set.{device.id}.{jti}.{thumbprint_of(body['pin_jwk'])}"
        demand_pin(device, body["old_pin_proof"], text)
        if not pin_signed(body["pin_jwk"], body["pin_proof"], text):
            raise Problem(403, "proof-rejected")
        device.pin_jwk, device.wrong_pins = body["pin_jwk"], 0
        return 204, {}, None

    def _new_key(self, device: Device, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            token = read_jose(headers, body)
            demand_header(token, "stepup-rotate+jwt", "jwk")
            jwk, claims = token.header["jwk"], token.claims
            demand_signature(token, key_from_jwk(jwk))
            demand_times(claims, self.clock())
            demand((claims["iss"], claims["aud"]) == (device.id, self.issuer), "claims")
            demand(thumbprint_of(jwk) not in self.thumbprints, "old key")
        except (Fault, KeyError, ValueError) as fault:
            raise Problem(403, "proof-rejected") from fault
        if device.pin == "set":
            text = f"stepup-pin/1.rotate.{device.id}.{claims['jti']}.{thumbprint_of(jwk)}"
            demand_pin(device, claims.get("pin_proof"), text)
        self.thumbprints.add(thumbprint_of(jwk))
        device.jwk = jwk
        return 200, {}, {"device_id": device.id}

    def _list(self, device: Device, query: str) -> Answer:
        asked = parse_qs(query)
        assert set(asked) <= {"wait", "known"}
        found = [
            key
            for key, one in self.asked.items()
            if one.device == device.id and one.status == "pending"
        ]
        return 200, {}, {"challenges": [self.token(key) for key in found]}
