"""Findings about settings: names, origins, the process's own limits."""

import resource
from collections.abc import Iterator
from urllib.parse import urlsplit

from mfa_service.adapters.wakeup_memory import waiting_places
from mfa_service.settings import Settings

from .finding import Finding, ok, warning

_FILES = 20_000


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at what the settings say."""
    for text in settings.warnings:
        name = text.split()[0]
        yield warning("settings", text, "this is a default for trying out", f"see {name} in README")
    yield _issuer(settings)
    yield from _origins(settings)
    yield _files()


def _issuer(settings: Settings) -> Finding:
    if urlsplit(settings.issuer).scheme == "https":
        return ok("issuer", f"{settings.issuer}, passkeys for {settings.rp_id}")
    return warning(
        "issuer",
        f"{settings.issuer} is not https",
        "everything is readable on the way, and cookies are not Secure; it is for trying out",
        "give MFA_ISSUER an https address that a proxy serves",
    )


def _origins(settings: Settings) -> Iterator[Finding]:
    """Tell which origins need related origin requests: not every browser knows these."""
    for origin in settings.origins:
        host = urlsplit(origin).hostname or ""
        if host == settings.rp_id or host.endswith(f".{settings.rp_id}"):
            yield ok("origins", f"{origin} may use passkeys of {settings.rp_id}")
            continue
        yield warning(
            "origins",
            f"{origin} is no host below {settings.rp_id}",
            "browsers without related origin requests (WebAuthn Level 3) refuse passkeys there",
            f"serve https://{settings.rp_id}/.well-known/webauthn, or choose a parent as MFA_RP_ID",
        )


def _files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= _FILES:
        return ok("open files", "a process may open as many as it wants")
    return warning(
        "open files",
        f"a process may open {hard}; here {waiting_places()} requests may wait",
        "every request that waits is an open file; who finds no place asks again and again",
        f"allow {_FILES}: LimitNOFILE, or ulimit -Hn",
    )
