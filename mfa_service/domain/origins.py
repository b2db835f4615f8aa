"""Web addresses that an operator gives: what is a URL, an origin, a host name, and is safe."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_URL = re.compile(r"[!#-;=?-\[\]_a-z~]+\Z")  # RFC 3986 characters; no space, quote or backslash
_ANDROID = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]{43}\Z")
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9-]{1,63}\Z")


def split(url: str) -> SplitResult | None:
    """Return the parts of a URL with a host and a valid port; `None` for anything else."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if named and _URL.match(url) else None


def is_secure(parts: SplitResult) -> bool:
    """Tell whether it is https, or http on loopback."""
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def is_address(url: object) -> bool:
    """Tell whether it is where a program may call: https, or http on loopback, no fragment."""
    parts = split(url) if isinstance(url, str) else None
    return parts is not None and is_secure(parts) and not parts.fragment


def is_ip(host: str) -> bool:
    """Tell whether `host` is an IP literal."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_host_name(host: str) -> bool:
    """Tell whether `host` is a lower-case host name, without wildcard or port."""
    return bool(_NAME.match(host))


def is_android_app(origin: str) -> bool:
    """Tell whether it is how WebAuthn names an Android app: by the hash of its certificate."""
    return bool(_ANDROID.match(origin))


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL without fault."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def fault_of(url: str, *, path_allowed: bool) -> str | None:
    """Return what is wrong with an issuer or, without path, an origin; never the URL itself."""
    parts = split(url)
    if parts is None or not (is_ip(parts.hostname or "") or is_host_name(parts.hostname or "")):
        return "is not a URL with a host"
    if not is_secure(parts):
        return "must be https, or http on loopback"
    if parts.query or parts.fragment or parts.username is not None or url[-1] in "/?#":
        return "must have no user, query, fragment or trailing slash"
    if parts.path and not path_allowed:
        return "must have no path"
    return None
