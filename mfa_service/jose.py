"""Strict JWS: one algorithm, one type, our own clock; nothing in a header chooses how it is read.

PyJWT and cryptography do the arithmetic; PyJWT's decoder is not used because it reads the wall
clock and accepts more headers than the contract allows (RFC 8725 §3.1, §3.10, §3.11).
"""

import binascii
import functools
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from mfa_service.domain import strict_json
from mfa_service.domain.ports import JsonObject

SKEW = 60
MAX_LIFETIME = 60
MIN_RSA_BITS = 2048
_B64URL = re.compile(r"[A-Za-z0-9_-]*\Z")
# By what is left of the last four characters: those that leave no bits over (RFC 4648 §3.5).
_LAST = ("", "", "AQgw", "AEIMQUYcgkosw048")
_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_ES256 = ECAlgorithm(ECAlgorithm.SHA256)
_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)
_P256_BYTES = 32
_REMEMBERED_KEYS = 1024
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


class JoseError(ValueError):
    """The token is not what it has to be. Never shown in detail to a caller."""


@dataclass(frozen=True, slots=True)
class Jws:
    """A parsed compact JWS; nothing in it is believed before `verify`."""

    header: JsonObject
    claims: JsonObject
    signing_input: bytes
    signature: bytes

    def __repr__(self) -> str:
        """Hide header and claims."""
        return "Jws(…)"

    def text(self, claim: str) -> str:
        """Return a string claim; raise `JoseError` if it is missing or of another type."""
        value = self.claims.get(claim)
        if not isinstance(value, str) or not value:
            raise JoseError(claim)
        return value


def b64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    text = binascii.b2a_base64(data, newline=False)
    return text.translate(_TO_URL_SAFE, b"=").decode("ascii")


def unb64url(text: object) -> bytes:
    """Return the bytes of canonical, unpadded base64url; raise `JoseError` otherwise."""
    if not isinstance(text, str) or not _B64URL.match(text):
        raise JoseError("base64url")
    if (rest := len(text) % 4) and text[-1] not in _LAST[rest]:
        raise JoseError("base64url")
    return binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL_SAFE) + b"==")


def derived(seed: str, purpose: str) -> bytes:
    """Return 32 bytes that only a holder of `seed` (base64url) can compute for `purpose`."""
    return hmac.digest(unb64url(seed), purpose.encode(), hashlib.sha256)


def parse(token: str, *, typ: str | Iterable[str | None], members: Iterable[str]) -> Jws:
    """Split a compact JWS whose header has exactly `members` and one of the types `typ`.

    Raises `JoseError` for anything else, also for claims with control characters or numbers
    beyond 2^53-1.
    """
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004
        raise JoseError("not compact")
    header, claims = _object(parts[0]), _object(parts[1])
    if not all(isinstance(value, str) for name, value in header.items() if name != "jwk"):
        raise JoseError("header")
    types = (typ,) if isinstance(typ, str) else tuple(typ)
    if set(header) != set(members) or header.get("typ") not in types:
        raise JoseError("header")
    signing_input = f"{parts[0]}.{parts[1]}".encode("ascii")
    return Jws(header, claims, signing_input, unb64url(parts[2]))


def header_of(token: str) -> JsonObject:
    """Return the unverified header, only to see which members are there."""
    return _object(token.split(".", 1)[0])


def claimed_issuer(token: str) -> str | None:
    """Return the unverified `iss`, only to choose among known issuers; `None` if it is no JWS."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004
        return None
    try:
        _, claims = _object(parts[0]), _object(parts[1])
    except JoseError:
        return None
    return str(claims.get("iss", ""))


def is_public_jwk(jwk: JsonObject) -> bool:
    """Tell whether `jwk` is a public P-256, Ed25519 or RSA key (2048 bits) for a client."""
    try:
        if jwk.get("kty") == "EC":
            p256_key(jwk)
        elif jwk.get("kty") == "OKP":
            ed25519_key(jwk)
        else:
            return _is_public_rsa(jwk)
    except JoseError:
        return False
    return True


def _is_public_rsa(jwk: JsonObject) -> bool:
    if jwk.get("kty") != "RSA" or "d" in jwk:
        return False
    try:
        key = jwt.PyJWK(jwk, algorithm="RS256").key
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return int(key.key_size) >= MIN_RSA_BITS


def verify_es256(jws: Jws, key: EllipticCurvePublicKey) -> None:
    """Raise `JoseError` unless `jws` carries alg ES256 and a raw r‖s signature by `key`."""
    if jws.header.get("alg") != "ES256" or not _ES256.verify(jws.signing_input, key, jws.signature):
        raise JoseError("signature")


def verify_jwk(jws: Jws, jwk: JsonObject, *, algorithms: frozenset[str]) -> None:
    """Raise `JoseError` unless a registered key `jwk` made the signature, by an allowed `alg`."""
    alg = jws.header.get("alg")
    if not isinstance(alg, str) or alg not in algorithms or jwk.get("alg", alg) != alg:
        raise JoseError("alg")
    try:
        key = jwt.PyJWK(jwk, algorithm=alg)
        held = key.Algorithm.verify(jws.signing_input, key.key, jws.signature)
    except (jwt.PyJWTError, ValueError, TypeError) as exc:
        raise JoseError("key") from exc
    if not held:
        raise JoseError("signature")


def check_times(claims: Mapping[str, object], *, at: int, lifetime: int = MAX_LIFETIME) -> None:
    """Raise `JoseError` unless `iat` and `exp` are integers and the token is alive at `at`.

    `exp` - `iat` is at most `lifetime` seconds and `iat` at most 60 s ahead.
    """
    iat, exp = integer(claims, "iat"), integer(claims, "exp")
    if not (0 <= exp - iat <= lifetime and iat <= at + SKEW and at < exp):
        raise JoseError("times")


def integer(claims: Mapping[str, object], name: str) -> int:
    """Return an integer claim; raise `JoseError` if it is missing or of another type."""
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise JoseError(name)
    return value


def sign(
    claims: Mapping[str, object],
    key: EllipticCurvePrivateKey | RSAPrivateKey,
    *,
    alg: str,
    **header: str,
) -> str:
    """Return a compact JWS by `key` with ES256 or RS256; `header` adds `typ` and `kid`."""
    head = _compact({"alg": alg, **header})
    signing_input = f"{head}.{_compact(claims)}"
    if isinstance(key, RSAPrivateKey):
        signature = _RS256.sign(signing_input.encode("ascii"), key)
    else:
        signature = _ES256.sign(signing_input.encode("ascii"), key)
    return f"{signing_input}.{b64url(signature)}"


def p256_key(jwk: object) -> EllipticCurvePublicKey:
    """Return the key of a public P-256 JWK; raise `JoseError` for any other, or off the curve."""
    if not isinstance(jwk, dict) or jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise JoseError("jwk")
    if "d" in jwk:
        raise JoseError("private key")
    return _p256_point(unb64url(jwk.get("x")), unb64url(jwk.get("y")))


@functools.lru_cache(_REMEMBERED_KEYS)
def _p256_point(x: bytes, y: bytes) -> EllipticCurvePublicKey:
    """Return the key at a point; one is used several times in a step-up, and checked once."""
    if len(x) != _P256_BYTES or len(y) != _P256_BYTES:
        raise JoseError("jwk")
    numbers = EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1()
    )
    try:
        return numbers.public_key()
    except ValueError as exc:
        raise JoseError("not on the curve") from exc


def ed25519_key(jwk: object) -> Ed25519PublicKey:
    """Return the key of a public Ed25519 JWK (RFC 8037); raise `JoseError` for any other."""
    if not isinstance(jwk, dict) or jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
        raise JoseError("jwk")
    if "d" in jwk:
        raise JoseError("private key")
    try:
        return Ed25519PublicKey.from_public_bytes(unb64url(jwk.get("x")))
    except ValueError as exc:
        raise JoseError("jwk") from exc


def holds_ed25519(jwk: object, signature: object, message: bytes) -> bool:
    """Tell whether `signature` (base64url) over `message` was made by the private part of `jwk`."""
    try:
        ed25519_key(jwk).verify(unb64url(signature), message)
    except (InvalidSignature, JoseError):
        return False
    return True


_THUMBPRINT_MEMBERS = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}


def thumbprint(jwk: Mapping[str, object]) -> str:
    """Return the SHA-256 thumbprint of a public key (RFC 7638 §3)."""
    members = _THUMBPRINT_MEMBERS[str(jwk["kty"])]
    text = json.dumps({name: jwk[name] for name in members}, separators=(",", ":"), sort_keys=True)
    return b64url(hashlib.sha256(text.encode()).digest())


def public_jwk(key: EllipticCurvePublicKey) -> dict[str, str]:
    """Return the public P-256 JWK of `key`, with no other members."""
    numbers = key.public_numbers()
    x, y = (b64url(n.to_bytes(_P256_BYTES, "big")) for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _object(part: str) -> JsonObject:
    raw = unb64url(part)
    try:
        value = strict_json.loads(raw)
    except strict_json.NotStrictJson as exc:
        raise JoseError("json") from exc
    if not isinstance(value, dict) or next(strict_json.faults_in(raw, value), None):
        raise JoseError("json")
    return value


def _compact(value: Mapping[str, object]) -> str:
    return b64url(_ENCODER.encode(value).encode())
