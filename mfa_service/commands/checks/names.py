"""Findings about settings: names, origins, push, the process's own limits."""

import resource
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from mfa_service.adapters.wakeup_memory import waiting_places
from mfa_service.settings import Settings

from .finding import Finding, error, ok, warning

_FILES = 20_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at what the settings say."""
    for text in settings.warnings:
        name = text.split()[0]
        yield warning("settings", text, "this is a default for trying out", f"see {name} in README")
    yield _issuer(settings)
    yield from _origins(settings)
    yield _push(settings)
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


def _push(settings: Settings) -> Finding:
    path = settings.fcm_credentials
    if path is None:
        return warning(
            "push",
            "no push provider is set",
            "phones find challenges only while their app is open",
            "install the extra fcm and set MFA_FCM_CREDENTIALS",
        )
    return private("push", path, "MFA_FCM_CREDENTIALS can be read")


def private(check: str, path: Path, well: str) -> Finding:
    """Tell whether only its owner can read a file."""
    try:
        mode = path.stat().st_mode
    except OSError as exc:
        return error(check, f"{path}: {type(exc).__name__}", "it is needed", "give access to it")
    if mode & _OTHERS:
        return warning(
            check,
            f"{path} can be used by other users of this host ({stat.filemode(mode)})",
            "what is in it is for the service alone",
            f"chmod go-rwx {path}",
        )
    return ok(check, well)


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
