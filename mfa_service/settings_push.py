"""Reads what concerns push providers."""

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_NEEDED = ("project_id", "client_email", "private_key", "token_uri")


class PushReader:
    """Reads the variables; `fault` is told the variable and what is wrong with it."""

    def __init__(self, environ: Mapping[str, str], fault: Callable[[str, str], None]) -> None:
        self._environ = environ
        self._fault = fault

    def fcm_credentials(self) -> Path | None:
        """Return MFA_FCM_CREDENTIALS, the JSON file of a Google service account."""
        name = "MFA_FCM_CREDENTIALS"
        given = self._environ.get(name, "").strip()
        if not given:
            return None
        if importlib.util.find_spec("firebase_admin") is None:
            self._fault(name, "needs the extra fcm, which is not installed")
        try:
            account = json.loads(Path(given).read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as exc:
            self._fault(name, f"cannot be read ({type(exc).__name__})")
            return None
        if not isinstance(account, dict) or account.get("type") != "service_account":
            self._fault(name, "is no service account's JSON file")
        elif missing := [member for member in _NEEDED if not isinstance(account.get(member), str)]:
            self._fault(name, f"lacks {', '.join(missing)}")
        elif not _is_rsa(account["private_key"]):
            self._fault(name, "has no RSA key as private_key")
        return Path(given)


def _is_rsa(pem: str) -> bool:
    try:
        return isinstance(load_pem_private_key(pem.encode(), None), RSAPrivateKey)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False
