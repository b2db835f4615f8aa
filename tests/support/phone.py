"""A phone for tests: makes every JWS of contract section 6 by itself, and any of them wrong."""

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm
from jwt.utils import base64url_decode, base64url_encode

_ES256 = ECAlgorithm(ECAlgorithm.SHA256)


def b64(data: bytes) -> str:
    return base64url_encode(data).decode()


def jws(header: dict[str, Any], claims: dict[str, Any], key: EllipticCurvePrivateKey) -> str:
    """Return a compact JWS over exactly this header and these claims."""
    parts = [b64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)]
    signing_input = ".".join(parts)
    return f"{signing_input}.{b64(_ES256.sign(signing_input.encode(), key))}"


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a JWS without verifying it."""
    found: dict[str, Any] = json.loads(base64url_decode(token.split(".")[1]))
    return found


def public_jwk(key: EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    x, y = (b64(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def thumbprint(jwk: dict[str, str]) -> str:
    text = json.dumps({k: jwk[k] for k in sorted(jwk)}, separators=(",", ":"))
    return b64(hashlib.sha256(text.encode()).digest())


@dataclass
class PinKey:
    """A PIN key; another instance is another PIN."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def jwk(self) -> dict[str, str]:
        x = b64(self.key.public_key().public_bytes_raw())
        return {"kty": "OKP", "crv": "Ed25519", "x": x}

    def sign(self, message: str) -> str:
        return b64(self.key.sign(message.encode()))


@dataclass
class Phone:
    """One phone; `now` is its clock, `issuer` what it believes to talk to."""

    issuer: str
    now: Callable[[], int]
    pin: PinKey | None = None
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    device_id: str = ""

    def times(self, lifetime: int = 60) -> dict[str, Any]:
        at = self.now()
        return {"iat": at, "exp": at + lifetime, "jti": secrets.token_urlsafe(16)}

    def claim(self, code: str, **changed: Any) -> str:
        """Return a claim; members of `changed` replace claims, `None` removes them."""
        claims: dict[str, Any] = {
            "aud": self.issuer,
            "code": code,
            "name": "Test phone",
            "platform": "test",
            "app_version": "1",
            "push": {"provider": "none"},
            **self.times(),
        }
        if self.pin is not None:
            claims["pin_jwk"] = self.pin.jwk
            claims["pin_proof"] = self.pin.sign(f"stepup-pin/1.enroll.{code}")
        header = {"alg": "ES256", "typ": "stepup-enroll+jwt", "jwk": public_jwk(self.key)}
        return jws(header, _changed(claims, changed), self.key)

    def authorization(self, method: str, path: str, body: bytes = b"", **changed: Any) -> str:
        """Return the value of the Authorization header."""
        claims: dict[str, Any] = {
            "htm": method,
            "htu": self.issuer + path.split("?", 1)[0],
            "iat": self.now(),
            "jti": secrets.token_urlsafe(16),
        }
        if body:
            claims["bh"] = b64(hashlib.sha256(body).digest())
        header = {"alg": "ES256", "typ": "stepup-req+jwt", "kid": self.device_id}
        return "Device " + jws(header, _changed(claims, changed), self.key)

    def answer(
        self,
        challenge: dict[str, Any],
        decision: str = "approve",
        *,
        code: str | None = None,
        pin: PinKey | None = None,
        proof: dict[str, Any] | None = None,
        **changed: Any,
    ) -> str:
        """Return an answer to the claims of a challenge JWS."""
        claims: dict[str, Any] = {
            "iss": self.device_id,
            "aud": self.issuer,
            "challenge_id": challenge["challenge_id"],
            "nonce": challenge["nonce"],
            "decision": decision,
            **self.times(),
        }
        if decision == "approve":
            claims["code"] = code
            if "tx_hash" in challenge:
                claims["tx_hash"] = challenge["tx_hash"]
        if pin is not None:
            text = f"stepup-pin/1.answer.{challenge['challenge_id']}.{challenge['nonce']}.{code}"
            claims["pin_proof"] = pin.sign(text)
        if proof is not None:
            claims["proof"] = proof
        header = {"alg": "ES256", "typ": "stepup-response+jwt", "kid": self.device_id}
        return jws(header, _changed(claims, changed), self.key)

    def rotation(
        self, successor: EllipticCurvePrivateKey, *, pin: PinKey | None = None, **changed: Any
    ) -> str:
        """Return the body that replaces the device key by `successor`."""
        claims: dict[str, Any] = {"iss": self.device_id, "aud": self.issuer, **self.times()}
        if pin is not None:
            jwk = thumbprint(public_jwk(successor))
            claims["pin_proof"] = pin.sign(
                f"stepup-pin/1.rotate.{self.device_id}.{claims['jti']}.{jwk}"
            )
        header = {"alg": "ES256", "typ": "stepup-rotate+jwt", "jwk": public_jwk(successor)}
        return jws(header, _changed(claims, changed), successor)

    def pin_change(self, new: PinKey, *, old: PinKey, **changed: Any) -> tuple[bytes, str]:
        """Return the body that replaces the PIN, and the Authorization that belongs to it."""
        jti = secrets.token_urlsafe(16)
        message = f"stepup-pin/1.set.{self.device_id}.{jti}.{thumbprint(new.jwk)}"
        members = {
            "pin_jwk": new.jwk,
            "pin_proof": new.sign(message),
            "old_pin_proof": old.sign(message),
        }
        body = json.dumps(_changed(members, changed)).encode()
        return body, self.authorization("PUT", "/v1/device/pin", body, jti=jti)


def _changed(claims: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    merged = {**claims, **changed}
    return {name: value for name, value in merged.items() if value is not None}
