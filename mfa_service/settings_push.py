"""Reads what concerns push providers."""

import base64
import importlib.util
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from mfa_service.domain import origins
from mfa_service.domain.ports import PushSenderFactory

GROUP = "stepup_mfa.push_senders"
_PROVIDERS = ("fcm", "webpush")
_NEEDED = ("project_id", "client_email", "private_key", "token_uri")
_RAW = re.compile(r"[A-Za-z0-9_-]{43}=?\Z")
_CONTACT = re.compile(r"mailto:[!-~]+@[!-~]+\Z")


@dataclass(frozen=True, slots=True)
class InstalledSender:
    """A package's own sender for one provider; only `load` runs any of its code."""

    entry: EntryPoint

    @property
    def provider(self) -> str:
        """Return for which provider it sends."""
        return self.entry.name

    def load(self) -> PushSenderFactory:
        """Import it; raises whatever the package raises."""
        return cast("PushSenderFactory", self.entry.load())

    def __str__(self) -> str:
        """Return how an operator finds it."""
        of = self.entry.dist
        package = f"{of.name} {of.version}" if of else "an installed package"
        return f"the push sender for {self.provider} of {package} ({self.entry.value})"


@dataclass(frozen=True, slots=True)
class Vapid:
    """Who we are to push services (RFC 8292): our key, and whom they may write to."""

    key: EllipticCurvePrivateKey = field(repr=False)
    contact: str
    path: Path | None = None
    """Of the file that holds the key, unless a variable does."""

    @property
    def public(self) -> str:
        """Return the public key as phones need it: base64url of 65 bytes."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


class PushReader:
    """Reads the variables; `fault` is told the variable and what is wrong with it."""

    def __init__(self, environ: Mapping[str, str], fault: Callable[[str, str], None]) -> None:
        self._environ = environ
        self._fault = fault

    def values(self, issuer: str) -> dict[str, Any]:
        """Return the members of `Settings`."""
        own, fcm = self._own_senders(), self._fcm_credentials()
        replaced = {sender.provider for sender in own}
        if fcm is not None and "fcm" in replaced:
            text = "names fcm, which MFA_FCM_CREDENTIALS is for: only one of them can send"
            self._fault("MFA_PUSH_SENDERS", text)
        vapid = self._vapid(issuer, is_ours="webpush" not in replaced)
        return {"fcm_credentials": fcm, "push_senders": own, "vapid": vapid}

    def _own_senders(self) -> tuple[InstalledSender, ...]:
        """Return what MFA_PUSH_SENDERS names: no package gets addresses for being installed."""
        name = "MFA_PUSH_SENDERS"
        given = self._environ.get(name, "").split(",")
        found: list[InstalledSender] = []
        for provider in dict.fromkeys(word.strip() for word in given if word.strip()):
            if provider not in _PROVIDERS:
                self._fault(name, f"is a comma list of {' and '.join(_PROVIDERS)}")
                continue
            entries = [InstalledSender(e) for e in entry_points(group=GROUP, name=provider)]
            if not entries:
                self._fault(name, f"no installed package has a sender for {provider} in {GROUP}")
            elif len(entries) > 1:
                told = ", ".join(sorted(map(str, entries)))
                self._fault(name, f"more than one is installed: {told}")
            found += entries[:1]
        return tuple(found)

    def _vapid(self, issuer: str, *, is_ours: bool) -> Vapid | None:
        """Return MFA_VAPID_KEY, raw as push libraries make it or a PEM file, and the contact."""
        name = "MFA_VAPID_KEY"
        given, contact = self._environ.get(name, "").strip(), self._contact(issuer)
        if not given:
            return None
        if is_ours and importlib.util.find_spec("pywebpush") is None:
            self._fault(name, "needs the extra webpush, which is not installed")
        key = _p256(given)
        if key is None:
            self._fault(name, "is no P-256 key: 32 bytes as base64url, or the name of a PEM file")
            return None
        return Vapid(key, contact, None if _RAW.match(given) else Path(given))

    def _contact(self, issuer: str) -> str:
        name = "MFA_VAPID_CONTACT"
        given = self._environ.get(name, "").strip()
        parts = origins.split(given)
        if given and not (_CONTACT.match(given) or (parts and parts.scheme == "https")):
            self._fault(name, "must be mailto: or https:")
        host = urlsplit(issuer).hostname or ""
        return given or f"https://{f'[{host}]' if ':' in host else host}"

    def _fcm_credentials(self) -> Path | None:
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


def _p256(given: str) -> EllipticCurvePrivateKey | None:
    """Return a private key by its number in base64url, or of the PEM file of that name."""
    try:
        if _RAW.match(given):
            number = int.from_bytes(base64.urlsafe_b64decode(given.rstrip("=") + "="))
            return derive_private_key(number, SECP256R1())
        key = load_pem_private_key(Path(given).read_bytes(), None)
    except (OSError, TypeError, ValueError, UnsupportedAlgorithm):
        return None
    named = isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)
    return cast("EllipticCurvePrivateKey", key) if named else None
