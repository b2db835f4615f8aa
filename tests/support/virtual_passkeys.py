"""Virtual authenticators of Chromium, over the DevTools protocol: the passkeys of one window."""

from dataclasses import dataclass
from typing import Any, Self

from playwright.sync_api import CDPSession

from .chromium import Window


@dataclass
class VirtualAuthenticator:
    """A platform authenticator or a security key; whoever holds it touches it at once."""

    cdp: CDPSession
    id: str

    @classmethod
    def of(
        cls,
        window: Window,
        *,
        verifies: bool | None = True,
        synced: bool = False,
        transport: str = "internal",
        **options: Any,
    ) -> Self:
        """Attach one to the page of `window`.

        `verifies`: the person is recognised, or not; `None`: it cannot verify at all.
        """
        cdp = window.context.new_cdp_session(window.page)
        cdp.send("WebAuthn.enable", {"enableUI": False})
        chosen = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": transport,
            "hasResidentKey": verifies is not None,
            "hasUserVerification": verifies is not None,
            "isUserVerified": bool(verifies),
            "automaticPresenceSimulation": True,
            "defaultBackupEligibility": synced,
            "defaultBackupState": synced,
        }
        added = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": chosen | options})
        return cls(cdp, added["authenticatorId"])

    def recognise(self, recognised: bool) -> None:
        """Say whether the finger is the right one from now on."""
        self._send("setUserVerified", isUserVerified=recognised)

    def credentials(self) -> list[dict[str, Any]]:
        """Return what it holds, private keys among it."""
        held: list[dict[str, Any]] = self._send("getCredentials")["credentials"]
        return held

    def take(self, credential: dict[str, Any], **changed: Any) -> None:
        """Hold a credential of another authenticator: a clone, with `signCount=` where it was."""
        self._send("addCredential", credential=credential | changed)

    def lose(self, credential: dict[str, Any]) -> None:
        """Forget a credential."""
        self._send("removeCredential", credentialId=credential["credentialId"])

    def _send(self, method: str, **parameters: Any) -> Any:
        return self.cdp.send(f"WebAuthn.{method}", {"authenticatorId": self.id, **parameters})
