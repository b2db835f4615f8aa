"""The service's public keys, found by discovery on the issuer and nowhere else."""

from typing import Any

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)

from mobile_stub.encoding import from_base64url, json_object
from mobile_stub.errors import ServerNotTrusted, Unreachable
from mobile_stub.wire import Wire

DISCOVERY = "/.well-known/openid-configuration"
_KEEP_SECONDS = 3600
_COORDINATE_BYTES = 32


class ServerKeys:
    """P-256 signing keys by `kid`, fetched when needed and kept for an hour."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        self._fetched_at = 0

    def key_for(self, kid: str) -> EllipticCurvePublicKey:
        """Return the key of that name, fetching once if it is unknown, else `ServerNotTrusted`."""
        if kid not in self._keys or self._wire.now() - self._fetched_at > _KEEP_SECONDS:
            self.fetch()
        if kid not in self._keys:
            raise ServerNotTrusted("This request is signed by a key the service does not have.")
        return self._keys[kid]

    def fetch(self) -> None:
        """Read discovery and the key set; `ServerNotTrusted` if they are not the issuer's own."""
        issuer = self._wire.issuer
        metadata = self._json(DISCOVERY)
        place = metadata.get("jwks_uri")
        if metadata.get("issuer") != issuer:
            raise ServerNotTrusted("This address is not the service that it claims to be.")
        if not isinstance(place, str) or not place.startswith(f"{issuer}/"):
            raise ServerNotTrusted("The service keeps its keys in a foreign place.")
        keys = self._json(place.removeprefix(issuer)).get("keys")
        self._keys = _usable(keys if isinstance(keys, list) else [])
        self._fetched_at = self._wire.now()

    def _json(self, path: str) -> dict[str, Any]:
        reply = self._wire.send("GET", path)
        if reply.status_code != httpx.codes.OK:
            raise Unreachable(
                f"The service does not give its keys: error {reply.status_code}.", lost_reply=False
            )
        try:
            return json_object(reply.content)
        except ValueError as fault:
            raise ServerNotTrusted("The service's description of itself is damaged.") from fault


def _usable(keys: list[Any]) -> dict[str, EllipticCurvePublicKey]:
    found: dict[str, EllipticCurvePublicKey] = {}
    for jwk in keys:
        key = _p256(jwk) if isinstance(jwk, dict) else None
        if key is None:
            continue
        if jwk["kid"] in found:
            raise ServerNotTrusted("The service gives two keys the same name.")
        found[jwk["kid"]] = key
    return found


def _p256(jwk: dict[str, Any]) -> EllipticCurvePublicKey | None:
    """Return an ES256 signing key with a name; whatever else the set holds is not for us."""
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or not isinstance(jwk.get("kid"), str):
        return None
    if jwk.get("alg", "ES256") != "ES256" or jwk.get("use", "sig") != "sig":
        return None
    try:
        x, y = from_base64url(jwk["x"]), from_base64url(jwk["y"])
        if len(x) != _COORDINATE_BYTES or len(y) != _COORDINATE_BYTES:
            return None
        point = int.from_bytes(x, "big"), int.from_bytes(y, "big")
        return EllipticCurvePublicNumbers(*point, SECP256R1()).public_key()
    except (KeyError, TypeError, ValueError, UnsupportedAlgorithm):
        return None
