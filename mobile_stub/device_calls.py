"""Requests that the phone signs: `Authorization: Device <JWS>` (contract 6)."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as PrivateKey

from mobile_stub.encoding import base64url
from mobile_stub.jws import sign
from mobile_stub.refusals import refusal_for
from mobile_stub.wire import Wire

LIFETIME = 60
JWS_TYPE = "application/jose"
JSON_TYPE = "application/json"

BodyFor = Callable[[str], bytes]


def new_jti() -> str:
    """Return 160 random bits, base64url."""
    return secrets.token_urlsafe(20)


@dataclass(frozen=True, slots=True)
class DeviceCalls:
    """Signed calls of one device with one key."""

    wire: Wire
    device_id: str
    key: PrivateKey = field(repr=False)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body_for: BodyFor | None = None,
        content_type: str = JSON_TYPE,
    ) -> httpx.Response:
        """Return the 2xx reply, or raise `Refused` or `Unreachable`.

        A 401 is tried once more with the clock that its `Date` has set; `body_for` makes the
        body anew, from the `jti` of the request that carries it.
        """
        reply = self._once(method, path, query, body_for, content_type)
        if reply.status_code == httpx.codes.UNAUTHORIZED:
            reply = self._once(method, path, query, body_for, content_type)
        if not reply.is_success:
            raise refusal_for(reply)
        return reply

    def _once(
        self, method: str, path: str, query: str, body_for: BodyFor | None, content_type: str
    ) -> httpx.Response:
        jti = new_jti()
        body = None if body_for is None else body_for(jti)
        headers = {"Authorization": f"Device {self._authorization(method, path, jti, body)}"}
        if body is not None:
            headers["Content-Type"] = content_type
        return self.wire.send(method, path, query=query, body=body, headers=headers)

    def _authorization(self, method: str, path: str, jti: str, body: bytes | None) -> str:
        claims: dict[str, str | int] = {
            "htm": method,
            "htu": self.wire.issuer + path,
            "iat": self.wire.now(),
            "jti": jti,
        }
        if body is not None:
            claims["bh"] = base64url(sha256(body).digest())
        return sign(self.key, {"typ": "stepup-req+jwt", "kid": self.device_id}, claims)
