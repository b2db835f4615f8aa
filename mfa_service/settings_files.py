"""Secrets that come in files, as systemd, containers and Kubernetes hand them over."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

SECRETS = (
    "MFA_DATABASE_URL",
    "MFA_REDIS_URL",
    "MFA_MASTER_KEYS",
    "MFA_LOGIN_CLIENT_SECRET",
    "MFA_METRICS_TOKEN",
)
_LONGEST = 65_536


def with_files(environ: Mapping[str, str], fault: Callable[[str, str], None]) -> dict[str, str]:
    """Return `environ` with what each `…_FILE` of a secret holds in place of the variable.

    A file that cannot be read, is empty, or stands beside the variable itself is a fault: a
    default would take the place of a secret that somebody meant to give.
    """
    values = dict(environ)
    for name in SECRETS:
        path = environ.get(f"{name}_FILE", "").strip()
        if not path:
            continue
        if environ.get(name, "").strip():
            fault(f"{name}_FILE", f"and {name} are both set")
        values[name] = _content(path, partial(fault, f"{name}_FILE"))
    return values


def _content(path: str, fault: Callable[[str], None]) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except (OSError, UnicodeDecodeError) as exc:
        fault(f"cannot be read ({type(exc).__name__})")
        return ""
    if len(text) > _LONGEST:
        fault("is too long")
        return ""
    if not text.strip():
        fault("is empty")
    return text.strip()
