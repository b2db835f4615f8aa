"""Findings about servers that may be left out: Redis and the directory."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from mfa_service import wiring_adapters
from mfa_service.adapters.clock import SystemClock
from mfa_service.adapters.wakeup_carried import TransportFault
from mfa_service.domain.errors import Unavailable
from mfa_service.domain.origins import LOOPBACK
from mfa_service.settings import Settings

from .finding import Finding, error, ok, warning


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at those that the settings name."""
    if settings.redis_url is not None:
        yield from _redis(settings.redis_url)
    if settings.ldap is not None:
        yield _directory(settings)


def _redis(url: str) -> Iterator[Finding]:
    transport = wiring_adapters.redis_transport(url)
    try:
        transport.ping()
        yield ok("redis", "it answers")
    except TransportFault as exc:
        yield warning(
            "redis",
            f"it does not answer ({exc})",
            "nothing is lost; who waits hears of what others did up to 3 s later",
            "see MFA_REDIS_URL, and the server's own log",
        )
    finally:
        transport.close()
    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK and (parts.scheme != "rediss" or not parts.password):
        yield warning(
            "redis",
            "it is on another host, and has no password or no TLS",
            "whoever publishes there makes all processes look at the database",
            "give it a password, and use rediss://",
        )


def _directory(settings: Settings) -> Finding:
    directory = wiring_adapters.directory(settings, SystemClock())
    try:
        found = directory.all() if directory is not None else []
    except Unavailable:
        return error(
            "directory",
            "it does not answer, or refuses us",
            "its clients get 503",
            "see MFA_LDAP_URL and its account; the log above says what it answered",
        )
    return ok("directory", f"it answers, and has {len(found)} clients")
