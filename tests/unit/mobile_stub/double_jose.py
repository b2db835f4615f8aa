"""The double's own reading and making of JWS, by `cryptography` alone: nothing of the phone's."""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

_ES256 = ec.ECDSA(hashes.SHA256())


class Fault(Exception):
    """The JWS is not what the contract asks for."""


@dataclass(frozen=True)
class Token:
    """A compact JWS taken apart."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def demand(what: object, name: str) -> None:
    if not what:
        raise Fault(name)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def take_apart(token: str) -> Token:
    head, body, tail = token.split(".")
    return Token(
        json.loads(unb64(head)), json.loads(unb64(body)), f"{head}.{body}".encode(), unb64(tail)
    )


def demand_header(token: Token, typ: str, third: str) -> None:
    """Exactly `alg`, `typ` and the one member that names the key."""
    if set(token.header) != {"alg", "typ", third}:
        raise Fault("header members")
    if token.header["alg"] != "ES256" or token.header["typ"] != typ:
        raise Fault("alg or typ")


def demand_signature(token: Token, key: ec.EllipticCurvePublicKey) -> None:
    if len(token.signature) != 64:
        raise Fault("not raw r and s")
    r, s = (int.from_bytes(part, "big") for part in (token.signature[:32], token.signature[32:]))
    try:
        key.verify(encode_dss_signature(r, s), token.signed, _ES256)
    except InvalidSignature as wrong:
        raise Fault("signature") from wrong


def key_from_jwk(jwk: dict[str, str]) -> ec.EllipticCurvePublicKey:
    if set(jwk) != {"kty", "crv", "x", "y"} or (jwk["kty"], jwk["crv"]) != ("EC", "P-256"):
        raise Fault("jwk")
    x, y = unb64(jwk["x"]), unb64(jwk["y"])
    if (len(x), len(y)) != (32, 32):
        raise Fault("coordinates")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)


def thumbprint_of(jwk: dict[str, str]) -> str:
    members = {"EC": ["crv", "kty", "x", "y"], "OKP": ["crv", "kty", "x"]}[jwk["kty"]]
    text = "{" + ",".join(f'"{name}":"{jwk[name]}"' for name in members) + "}"
    return b64(hashlib.sha256(text.encode()).digest())


def pin_signed(jwk: dict[str, str] | None, proof: object, text: str) -> bool:
    if jwk is None or not isinstance(proof, str) or jwk["crv"] != "Ed25519":
        return False
    try:
        Ed25519PublicKey.from_public_bytes(unb64(jwk["x"])).verify(unb64(proof), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def signed_token(
    key: ec.EllipticCurvePrivateKey, header: dict[str, Any], claims: dict[str, Any]
) -> str:
    head, body = (b64(json.dumps(part).encode()) for part in (header, claims))
    signed = f"{head}.{body}"
    r, s = decode_dss_signature(key.sign(signed.encode(), _ES256))
    return f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def jwk_of(key: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, str]:
    point = key.public_key().public_numbers()
    x, y = b64(point.x.to_bytes(32, "big")), b64(point.y.to_bytes(32, "big"))
    return {"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "use": "sig", "x": x, "y": y}
