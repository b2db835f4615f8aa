"""What a browser may learn of passkeys: which ones still count, and where they may be used."""

from mfa_service.domain.challenge import WEBAUTHN
from mfa_service.domain.origins import origin_of
from mfa_service.domain.ports import JsonObject
from mfa_service.factors.webauthn import credential_id_of, unique_name
from mfa_service.jose import JoseError, b64url, unb64url
from mfa_service.persistence import queries

from .foundation import Foundation, user_handle


class PasskeyService:
    """Use cases of browsers, beside ceremonies."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    @property
    def offered(self) -> bool:
        """Whether there are passkeys here: not while the issuer is an IP literal."""
        return WEBAUTHN in self._f.factors

    def accepted(self, user_id: str) -> JsonObject:
        """Return the options of `PublicKeyCredential.signalAllAcceptedCredentials` for a user.

        Suspended passkeys are among them: they may return. For the signed-in user's browser
        only, because it reveals ids (WebAuthn Level 3 §5.1.10.4).
        """
        return {
            "rpId": self._f.rp_id,
            "userId": b64url(user_handle(user_id)),
            "allAcceptedCredentialIds": self._ids(user_id),
        }

    def unknown(self, credential_id: object) -> JsonObject | None:
        """Return the options of `PublicKeyCredential.signalUnknownCredential` for a refused id.

        `None` if it is a passkey of anybody, refused for another reason: two people may share a
        browser, and it would forget the passkey of the other one (WebAuthn Level 3 §5.1.10.3).
        """
        if not isinstance(credential_id, str) or not credential_id:
            return None
        try:
            name = unique_name(unb64url(credential_id))
        except JoseError:
            return None
        with self._f.work.reading() as tx:
            known = queries.is_listed(tx, name)
        return None if known else {"rpId": self._f.rp_id, "credentialId": credential_id}

    def related_origins(self) -> list[str]:
        """Return every web origin at which a ceremony may be answered, ours first.

        Exactly what the server accepts somewhere: our pages, `MFA_ORIGINS`, and the origins of
        every client that is not disabled. Where a ceremony was begun still decides which of
        them may answer it.
        """
        with self._f.work.reading() as tx:
            clients = [client for client in queries.clients(tx) if not client.disabled]
        theirs = [origin for client in clients for origin in client.origins]
        return list(dict.fromkeys([origin_of(self._f.issuer), *self._f.origins, *theirs]))

    def _ids(self, user_id: str) -> list[str]:
        with self._f.work.reading() as tx:
            subject = queries.subject_by_id(tx, user_id)
        mine = [a for a in (subject.authenticators if subject else ()) if a.type == WEBAUTHN]
        return [credential_id_of(self._f.credential_of(a)) for a in mine]
