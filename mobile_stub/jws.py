"""Compact JWS with ES256 and nothing else: signing, strict reading, thumbprints."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as PrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as PublicKey
from jwt.algorithms import ECAlgorithm
from jwt.api_jws import PyJWS

from mobile_stub.encoding import base64url, compact_json, from_base64url, json_object
from mobile_stub.errors import ServerNotTrusted

_ES256 = ECAlgorithm(ECAlgorithm.SHA256)
_JWS = PyJWS(algorithms=["ES256"])
_THUMBPRINT_MEMBERS = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}

# Each of these lets a sender choose the key or the meaning of the signature.
FORBIDDEN_HEADERS = frozenset(
    {"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip"},
)


@dataclass(frozen=True, slots=True)
class Unverified:
    """A well-formed JWS whose signature nobody has checked yet."""

    kid: str
    signed: bytes
    signature: bytes
    payload: bytes

    def verified_by(self, key: PublicKey) -> dict[str, Any]:
        """Return the claims if `key` made the raw r‖s signature, else `ServerNotTrusted`."""
        if not _ES256.verify(self.signed, key, self.signature):
            raise ServerNotTrusted("The signature of this request is wrong; it was ignored.")
        try:
            return json_object(self.payload)
        except ValueError as fault:
            raise ServerNotTrusted("This request cannot be read; it was ignored.") from fault


def sign(key: PrivateKey, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """Return a compact JWS, ES256, raw r‖s, whose header is `alg` and `header` exactly."""
    return _JWS.encode(compact_json(claims), key, algorithm="ES256", headers=dict(header))


def read(token: str, *, typ: str) -> Unverified:
    """Split a compact JWS whose header allows no choice (contract 6: strict headers).

    Raises `ServerNotTrusted` unless `alg` is ES256, `typ` is the expected one, `kid` is a
    string, no header that names a key or changes the signature is present, and every part is
    canonical base64url.
    """
    try:
        head, body, tail = token.split(".")
        header = json_object(from_base64url(head))
        payload, signature = from_base64url(body), from_base64url(tail)
    except ValueError as fault:
        raise ServerNotTrusted("This request is not a signed message; it was ignored.") from fault
    kid = header.get("kid")
    if (
        header.get("alg") != "ES256"
        or header.get("typ") != typ
        or not isinstance(kid, str)
        or not FORBIDDEN_HEADERS.isdisjoint(header)
    ):
        raise ServerNotTrusted("This request is signed in a way we do not accept.")
    return Unverified(kid, f"{head}.{body}".encode(), signature, payload)


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the base64url SHA-256 thumbprint of a public key (RFC 7638 §3, RFC 8037)."""
    members = _THUMBPRINT_MEMBERS[jwk["kty"]]
    return base64url(sha256(compact_json({name: jwk[name] for name in members})).digest())
