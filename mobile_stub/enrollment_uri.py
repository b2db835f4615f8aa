"""Reading the enrollment link or the typed code, before anything is sent anywhere."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

from mobile_stub.encoding import typed_enrollment_code
from mobile_stub.errors import BadInput

_CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_NOT_A_LINK = "This is not an enrollment link."


@dataclass(frozen=True, slots=True)
class Offer:
    """Where to enroll, and the one-time code that allows it."""

    issuer: str
    code: str = field(repr=False)


def offer_from_uri(uri: str) -> Offer:
    """Read `<issuer>/enroll#v=1&iss=…&c=…`; `BadInput` unless every part agrees (contract 5)."""
    place, mark, fragment = uri.strip().partition("#")
    if not mark or not place.endswith("/enroll"):
        raise BadInput(_NOT_A_LINK)
    parts = _parts(fragment)
    if parts.get("v") != "1":
        raise BadInput("This enrollment link needs a newer app.")
    issuer = place.removesuffix("/enroll")
    if parts.get("iss") != issuer:
        raise BadInput("This enrollment link names two different services; do not use it.")
    return offer_from_code(parts.get("c", ""), issuer=issuer)


def offer_from_code(typed: str, *, issuer: str) -> Offer:
    """Read a typed code for a given service; `BadInput` if either cannot be right (contract 6)."""
    checked_issuer(issuer)
    code = typed_enrollment_code(typed)
    if not _CODE.fullmatch(code):
        raise BadInput("The enrollment code is incomplete or mistyped; it has 26 characters.")
    return Offer(issuer, code)


def checked_issuer(issuer: str) -> str:
    """Return `issuer` if it is https, or http on this machine, and nothing but an address."""
    try:
        url = urlsplit(issuer)
        host, _ = url.hostname or "", url.port
    except ValueError as fault:
        raise BadInput("This is not the address of a service.") from fault
    tidy = re.fullmatch(r"[!-~]+", issuer) and not set(issuer) & set('?#@\\"<>')
    if not tidy or not host or issuer.endswith("/") or url.scheme not in ("https", "http"):
        raise BadInput("This is not the address of a service.")
    if url.scheme == "http" and not is_loopback(host):
        raise BadInput("This service is not reached over https; do not use it.")
    return issuer


def is_loopback(host: str) -> bool:
    """Say whether `host` can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _parts(fragment: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(fragment, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as fault:
        raise BadInput(_NOT_A_LINK) from fault
    if len(dict(pairs)) != len(pairs):
        raise BadInput(_NOT_A_LINK)
    return dict(pairs)
