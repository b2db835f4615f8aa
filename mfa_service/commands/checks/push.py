"""Findings about push: who sends, and what the providers need to believe us."""

import stat
from collections.abc import Iterator
from pathlib import Path

from mfa_service.domain import origins
from mfa_service.settings import Settings
from mfa_service.settings_push import Vapid

from .finding import Finding, error, ok, warning

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NOWHERE = (".localhost", ".local", ".internal", ".lan", ".test", ".invalid", ".example")


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at each provider that the settings name."""
    own = {sender.provider for sender in settings.push_senders}
    if settings.fcm_credentials is None and settings.vapid is None and not own:
        yield warning(
            "push",
            "no push provider is set",
            "phones find challenges only while their app is open",
            "install the extra fcm and set MFA_FCM_CREDENTIALS",
        )
    for sender in settings.push_senders:
        yield ok("push", f"{sender} is to send")
    if settings.fcm_credentials is not None:
        yield private("push", settings.fcm_credentials, "MFA_FCM_CREDENTIALS can be read")
    if settings.vapid is not None:
        yield from _web_push(settings.vapid)
    elif "webpush" in own:
        yield warning(
            "web push",
            "MFA_VAPID_KEY is not set",
            "phones subscribe with its public part, which discovery then lacks",
            "set the key with which your sender signs",
        )


def _web_push(vapid: Vapid) -> Iterator[Finding]:
    told = f"phones subscribe with {vapid.public}"
    yield private("web push", vapid.path, told) if vapid.path else ok("web push", told)
    if _is_reachable(vapid.contact):
        yield ok("web push contact", vapid.contact)
        return
    yield warning(
        "web push contact",
        f"{vapid.contact} is nowhere in the Internet",
        "push services want to write to us; Apple's refuses such a contact (403 BadJwtToken)",
        "set MFA_VAPID_CONTACT to mailto: or https: with a name that others know",
    )


def _is_reachable(contact: str) -> bool:
    """Tell whether a contact names a host that others may know."""
    parts = origins.split(contact)
    host = parts.hostname or "" if parts else contact.rpartition("@")[2].lower()
    return not origins.is_ip(host) and "." in host and not host.endswith(_NOWHERE)


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
