"""Reading WebAuthn options as a service sends them (L3 §5.4, §5.5), before a key is touched."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from mobile_stub.encoding import from_base64url, json_object
from mobile_stub.enrollment_uri import is_loopback
from mobile_stub.errors import BadInput

ES256 = -7
_APP = "android:apk-key-hash:"
_UNREADABLE = "These are not options for a passkey."


@dataclass(frozen=True, slots=True)
class CreationOptions:
    """What a new passkey shall be like; `challenge` is base64url as it was sent."""

    challenge: str = field(repr=False)
    rp_id: str
    user_handle: bytes
    excluded: frozenset[bytes]
    extensions: frozenset[str]


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """Which passkeys may sign what; no `allowed` ones means any for `rp_id`."""

    challenge: str = field(repr=False)
    rp_id: str
    allowed: frozenset[bytes]


def creation_options(given: Mapping[str, Any], *, issuer: str) -> CreationOptions:
    """Return PublicKeyCredentialCreationOptionsJSON; `BadInput` if this phone cannot follow."""
    try:
        kinds = {(kind["type"], kind["alg"]) for kind in given["pubKeyCredParams"]}
        read = CreationOptions(
            challenge=_challenge(given),
            rp_id=checked_rp_id(given["rp"].get("id", _host(issuer)), issuer=issuer),
            user_handle=from_base64url(given["user"]["id"]),
            excluded=_ids(given.get("excludeCredentials")),
            extensions=frozenset(given.get("extensions") or ()),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise BadInput(_UNREADABLE) from fault
    # An empty list stands for ES256 and RS256 (L3 §5.1.3 step 10).
    if kinds and ("public-key", ES256) not in kinds:
        raise BadInput("The service takes none of the keys that this phone can make.")
    return read


def request_options(given: Mapping[str, Any], *, issuer: str) -> RequestOptions:
    """Return PublicKeyCredentialRequestOptionsJSON; `BadInput` if they cannot be read."""
    try:
        return RequestOptions(
            challenge=_challenge(given),
            rp_id=checked_rp_id(given.get("rpId", _host(issuer)), issuer=issuer),
            allowed=_ids(given.get("allowCredentials")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise BadInput(_UNREADABLE) from fault


def options_from_text(text: str) -> dict[str, Any]:
    """Read options, alone or as the member `publicKey` of what the service answered."""
    try:
        read = json_object(text.encode())
    except ValueError as fault:
        raise BadInput(_UNREADABLE) from fault
    inner = read.get("publicKey", read)
    if not isinstance(inner, dict):
        raise BadInput(_UNREADABLE)
    return inner


def checked_rp_id(rp_id: str, *, issuer: str) -> str:
    """Return `rp_id` if it is the issuer's host or a parent of it with two labels, else `BadInput`.

    Real phones ask the list of public suffixes as well.
    """
    host = _host(issuer)
    parent = "." in rp_id and host.endswith(f".{rp_id}")
    if _is_ip(host) or not (rp_id == host or parent):
        raise BadInput("This passkey would be for another service; nothing was done.")
    return rp_id


def origin_of(issuer: str) -> str:
    """Return scheme, host and port of an issuer."""
    url = urlsplit(issuer)
    return f"{url.scheme}://{url.netloc}"


def checked_origin(origin: str) -> str:
    """Return an origin that clients have: https, http on loopback, or a signed Android app."""
    if origin.startswith(_APP) and origin != _APP:
        return origin
    try:
        url = urlsplit(origin)
        secure = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname or ""))
    except ValueError as fault:
        raise BadInput("This is not an origin.") from fault
    if not secure or not url.hostname or origin != f"{url.scheme}://{url.netloc}":
        raise BadInput("This is not an origin.")
    return origin


def _challenge(given: Mapping[str, Any]) -> str:
    challenge: str = given["challenge"]
    if len(from_base64url(challenge)) < 16:  # noqa: PLR2004  (L3 §13.4.3)
        raise ValueError("a challenge that can be guessed")
    return challenge


def _ids(descriptors: object) -> frozenset[bytes]:
    if descriptors is None:
        return frozenset()
    if not isinstance(descriptors, list):
        raise TypeError("not a list")
    return frozenset(from_base64url(one["id"]) for one in descriptors)


def _host(issuer: str) -> str:
    return urlsplit(issuer).hostname or ""


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
