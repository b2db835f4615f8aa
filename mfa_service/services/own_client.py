"""The service as a client of its own: people act through it in self-service and in `/v1/me`."""

from mfa_service.domain.errors import Forbidden
from mfa_service.domain.ids import ClientId
from mfa_service.domain.subject import Client
from mfa_service.persistence import queries
from mfa_service.persistence.consume import insert_once
from mfa_service.persistence.models import Client as ClientRow

from .foundation import Foundation

SCOPES = ("mfa:challenge", "mfa:enroll")
RETURN_PATH = "/account/return"


class OwnClient:
    """One client per realm. It has neither secret nor keys, so nobody can ever prove to be it."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    @property
    def return_uri(self) -> str:
        """Where the hosted page leads back to."""
        return self._f.issuer + RETURN_PATH

    def of(self, realm: str) -> Client:
        """Return the client of a realm, made on first use; it bears the name that people know.

        Raises `Forbidden` when an operator disabled it: nobody acts for themselves then.
        """
        client_id = own_client_id(realm)
        with self._f.work.reading() as tx:
            found = queries.client(tx, client_id)
        if found is None:
            self._make(client_id, realm)
        elif found.disabled:
            raise Forbidden("People cannot act for themselves here.")
        return Client(client_id, self._f.service_name, realm, SCOPES, (self.return_uri,))

    def _make(self, client_id: ClientId, realm: str) -> None:
        row = {
            "id": client_id,
            "name": self._f.service_name,
            "realm": realm,
            "scopes": " ".join(SCOPES),
            "redirect_uris": self.return_uri,
            "origins": "",
            "resources": "",
            "secret_hash": None,
            "jwks": None,
            "created_at": self._f.clock.now(),
            "disabled_at": None,
        }
        with self._f.work.transaction() as tx:
            insert_once(tx, ClientRow, row)


def own_client_id(realm: str) -> ClientId:
    """Return the id of this service as a client of a realm."""
    return ClientId(f"cli_self_{realm}")


def is_own(client: Client) -> bool:
    """Tell whether it is this service itself."""
    return client.id == own_client_id(client.realm)
