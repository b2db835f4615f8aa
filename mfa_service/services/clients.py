"""Registering clients: what the operator may do with them."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from mfa_service import jose
from mfa_service.domain import client_metadata, origins
from mfa_service.domain.errors import Forbidden, InvalidRequest, NotFound
from mfa_service.domain.events import Event
from mfa_service.domain.ids import new_client_id
from mfa_service.domain.subject import Client, is_realm
from mfa_service.domain.text import has_control, is_token, misleads
from mfa_service.persistence import audit, clients, queries

from .client_authentication import ClientAuthentication, secret_purpose
from .foundation import Foundation

_UNKNOWN = "There is no such client."
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):[^#]+\Z")


@dataclass(frozen=True, slots=True)
class NewClient:
    """What the operator registers."""

    name: str
    scopes: tuple[str, ...]
    realm: str = "default"
    redirect_uris: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    jwks: Mapping[str, object] | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Registered:
    """A client, and its secret, which is shown this once."""

    client: Client
    secret: str | None = field(repr=False)


class ClientService:
    """Use cases of the operator around clients."""

    def __init__(self, foundation: Foundation, authentication: ClientAuthentication) -> None:
        self._f = foundation
        self._authentication = authentication

    def add(self, new: NewClient) -> Registered:
        """Register a client, at work at once; without a JWK set it gets a 256-bit secret."""
        faults = dict(faults_of(new))
        if faults:
            raise InvalidRequest(faults)
        with self._f.work.transaction() as tx:
            return self.insert(tx, new)

    def insert(self, tx: Connection, new: NewClient, *, disabled: bool = False) -> Registered:
        """Register a client without fault within a transaction, and audit it."""
        client_id, at = new_client_id(self._f.randomness), self._f.clock.now()
        secret = None if new.jwks else self.new_secret()
        row = {
            "id": client_id,
            **columns_of(new),
            "secret_hash": self.hash_of(client_id, secret) if secret else None,
            "created_at": at,
            "disabled_at": at if disabled else None,
        }
        clients.add(tx, row)
        audit.record(tx, audit.Entry(Event.ADMIN_CLIENT_ADD, at, client_id=client_id))
        made = queries.client(tx, client_id)
        if made is None:
            raise NotFound(_UNKNOWN)
        return Registered(made, secret)

    def show(self, client_id: str) -> Client:
        """Return a client of ours or of the directory, enabled or not.

        Raises `NotFound`, and `Unavailable` when only the directory could say.
        """
        client = self._authentication.known(client_id)
        if client is None:
            raise NotFound(_UNKNOWN)
        return client

    def all(self) -> list[Client]:
        """Return every client of ours, oldest first."""
        with self._f.work.reading() as tx:
            return queries.clients(tx)

    def in_directory(self) -> list[Client]:
        """Return the clients of the directory, if there is one; raise `Unavailable`.

        Those whose id is one of ours are left out: ours count.
        """
        ours = {client.id for client in self.all()}
        return [found for found in self._authentication.in_directory() if found.id not in ours]

    def rotate_secret(self, client_id: str) -> Registered:
        """Replace the secret; the old one is dead at once. Raises `NotFound`."""
        client = self._get(client_id)
        if client.secret_hash is None:
            raise InvalidRequest({"client_id": ["This client proves itself with its own keys."]})
        secret = self.new_secret()
        values = {"secret_hash": self.hash_of(client_id, secret)}
        self._update(client_id, values, Event.ADMIN_CLIENT_ROTATE)
        return Registered(client, secret)

    def disable(self, client_id: str) -> None:
        """Refuse the client from now on, live tokens included. Raises `NotFound`."""
        self._get(client_id)
        self._update(client_id, {"disabled_at": self._f.clock.now()}, Event.ADMIN_CLIENT_DISABLE)

    def _get(self, client_id: str) -> Client:
        with self._f.work.reading() as tx:
            client = queries.client(tx, client_id)
        if client is not None:
            return client
        if self._authentication.known(client_id) is not None:
            raise Forbidden("This client is in the directory, which alone administers it.")
        raise NotFound(_UNKNOWN)

    def _update(self, client_id: str, values: Mapping[str, object], event: Event) -> None:
        with self._f.work.transaction() as tx:
            clients.change(tx, client_id, values)
            audit.record(tx, audit.Entry(event, self._f.clock.now(), client_id=client_id))

    def new_secret(self) -> str:
        """Return 256 bits as text."""
        return jose.b64url(self._f.randomness.bytes(32))

    def hash_of(self, client_id: str, secret: str) -> str:
        """Return what is stored of a client's secret."""
        return self._f.keyed_hash.of(secret, purpose=secret_purpose(client_id))


def columns_of(new: NewClient) -> dict[str, object]:
    """Return the columns that hold what the operator registers."""
    return {
        "name": new.name,
        "realm": new.realm,
        "scopes": " ".join(dict.fromkeys(new.scopes)),
        "redirect_uris": " ".join(new.redirect_uris),
        "origins": " ".join(new.origins),
        "resources": " ".join(new.resources),
        "jwks": json.dumps(new.jwks) if new.jwks else None,
        "client_metadata": json.dumps(dict(new.metadata)),
    }


def faults_of(new: NewClient) -> list[tuple[str, Sequence[str]]]:
    """Return what is wrong, by the option's name."""
    faults: list[tuple[str, Sequence[str]]] = []
    if not 1 <= len(new.name) <= 128 or has_control(new.name) or misleads(new.name):  # noqa: PLR2004
        faults.append(("name", ["1 to 128 characters, none of them control characters."]))
    if not new.scopes or not all(is_token(scope) for scope in new.scopes):
        faults.append(("scope", ["At least one scope of RFC 6749 §3.3 characters."]))
    if not is_realm(new.realm):
        faults.append(("realm", ["1 to 64 letters, digits, dots, dashes or underscores."]))
    if not all(_is_redirect_uri(uri) for uri in new.redirect_uris):
        faults.append(("redirect_uri", ["An absolute https URI without fragment."]))
    if not all(_is_origin(origin) for origin in new.origins):
        faults.append(("origin", ["An https origin, for example https://login.example.org."]))
    if not all(_is_absolute(uri) for uri in new.resources):
        faults.append(("resource", ["An absolute URI (RFC 8707)."]))
    if new.jwks is not None and not _is_public_jwks(new.jwks):
        faults.append(("jwks", ["A JWK set of public EC P-256, Ed25519 or RSA keys."]))
    faults += [(name, [fault]) for name, fault in client_metadata.faults_of(new.metadata).items()]
    return faults


def _is_redirect_uri(uri: str) -> bool:
    parts = origins.split(uri)
    return parts is not None and origins.is_secure(parts) and "#" not in uri


def _is_absolute(uri: str) -> bool:
    """Tell whether it is an absolute URI without fragment, with a host if it is on the web."""
    scheme = _ABSOLUTE.match(uri)
    if scheme is None or not is_token(uri):
        return False
    return scheme[1].lower() not in {"http", "https"} or origins.split(uri) is not None


def _is_origin(origin: str) -> bool:
    return origins.fault_of(origin, path_allowed=False) is None


def _is_public_jwks(jwks: Mapping[str, object]) -> bool:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys:
        return False
    return all(isinstance(key, dict) and jose.is_public_jwk(key) for key in keys)
