"""Where a phone wants to be notified, and which places are never accepted."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Mapping

from . import origins
from .ports import JsonObject

_MAX_TOKEN = 4096
_MAX_ENDPOINT = 2048
_POINT_BYTES, _AUTH_BYTES = 65, 16
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\Z")
_TRANSLATED = tuple(
    ipaddress.IPv6Network(prefix)
    for prefix in ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)
_LOCAL = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home.arpa")


class PushAddressInvalid(ValueError):
    """The address is not one that we would send to."""


def parse(push: Mapping[str, object]) -> tuple[str, JsonObject | None]:
    """Return the provider and the address to seal; raise `PushAddressInvalid`.

    A web push endpoint is a URL that the phone chooses, so it must be https at a public address;
    the sender follows no redirect and looks at the resolved address once more (threats, T18).
    """
    provider, members = push.get("provider"), set(push)
    if provider == "none" and members == {"provider"}:
        return "none", None
    if provider == "fcm" and members == {"provider", "token"}:
        return "fcm", {"token": _text(push["token"], _MAX_TOKEN)}
    if provider == "webpush" and members == {"provider", "endpoint", "keys"}:
        keys = push["keys"]
        if not isinstance(keys, dict) or set(keys) != {"p256dh", "auth"}:
            raise PushAddressInvalid("keys: p256dh and auth")
        return "webpush", {"endpoint": _endpoint(push["endpoint"]), "keys": _keys(keys)}
    raise PushAddressInvalid("provider: none, fcm with token, or webpush with endpoint and keys")


def _text(value: object, limit: int) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= limit or not value.isascii():
        raise PushAddressInvalid("the address is not a text of the right length")
    return value


def _endpoint(value: object) -> str:
    url = _text(value, _MAX_ENDPOINT)
    parts = origins.split(url)
    if parts is None:
        raise PushAddressInvalid("endpoint: not a URL with a host")
    if parts.scheme != "https" or parts.username is not None or parts.port not in {None, 443}:
        raise PushAddressInvalid("endpoint: https, without user, on the standard port")
    if not _is_public(parts.hostname or ""):
        raise PushAddressInvalid("endpoint: a public address")
    return url


def _is_public(host: str) -> bool:
    try:
        return _is_public_ip(ipaddress.ip_address(host))
    except ValueError:
        pass
    name = host.rstrip(".").lower()
    named_local = any(name == local.lstrip(".") or name.endswith(local) for local in _LOCAL)
    # A last label of digits only would be read as an IPv4 address by many resolvers.
    return bool(_HOST.match(name)) and not named_local and not name.rsplit(".", 1)[-1].isdigit()


def _is_public_ip(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Look through the IPv6 forms that carry an IPv4 address (mapped, 6to4, NAT64, Teredo)."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public_ip(address.ipv4_mapped)
        if any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


def _keys(keys: Mapping[str, object]) -> JsonObject:
    point, auth = _bytes(keys["p256dh"]), _bytes(keys["auth"])
    if len(point) != _POINT_BYTES or point[0] != 4 or len(auth) != _AUTH_BYTES:  # noqa: PLR2004
        raise PushAddressInvalid("keys: a 65-byte point and 16 bytes")
    return {"p256dh": keys["p256dh"], "auth": keys["auth"]}


def _bytes(value: object) -> bytes:
    text = _text(value, 128)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as exc:
        raise PushAddressInvalid("keys: base64url") from exc
