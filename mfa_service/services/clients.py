"""Registering clients, and judging how they prove who they are."""

import hmac
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import insert, update

from mfa_service import jose
from mfa_service.domain import origins
from mfa_service.domain.errors import InvalidRequest, NotFound
from mfa_service.domain.events import Event
from mfa_service.domain.ids import new_client_id
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Client
from mfa_service.domain.text import has_control, misleads
from mfa_service.persistence import audit, queries
from mfa_service.persistence.consume import remember_token
from mfa_service.persistence.models import Client as ClientRow

from .foundation import Foundation

ASSERTION_ALGORITHMS = frozenset({"ES256", "EdDSA", "PS256", "RS256"})
_ASSERTION_LIFETIME = 300
_ASSERTION_TYPES = ("JWT", "client-authentication+jwt", None)
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+\Z")
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):[^#]+\Z")
_REALM = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_ALG_OF_KEY = {"EC": ("ES256",), "OKP": ("EdDSA",), "RSA": ("PS256", "RS256")}
logger = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class Registered:
    """A client, and its secret, which is shown this once."""

    client: Client
    secret: str | None = field(repr=False)


class ClientService:
    """Use cases of the operator around clients, and client authentication."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    def add(self, new: NewClient) -> Registered:
        """Register a client, at work at once; without a JWK set it gets a 256-bit secret."""
        faults = dict(_faults_of(new))
        if faults:
            raise InvalidRequest(faults)
        client_id, at = new_client_id(self._f.randomness), self._f.clock.now()
        secret = None if new.jwks else self._new_secret()
        row = {
            "id": client_id,
            "name": new.name,
            "realm": new.realm,
            "scopes": " ".join(dict.fromkeys(new.scopes)),
            "redirect_uris": " ".join(new.redirect_uris),
            "origins": " ".join(new.origins),
            "resources": " ".join(new.resources),
            "secret_hash": self._hash(client_id, secret) if secret else None,
            "jwks": json.dumps(new.jwks) if new.jwks else None,
            "created_at": at,
            "disabled_at": None,
        }
        with self._f.work.transaction() as tx:
            tx.execute(insert(ClientRow), row)
            audit.record(tx, audit.Entry(Event.ADMIN_CLIENT_ADD, at, client_id=client_id))
        return Registered(self._get(client_id), secret)

    def all(self) -> list[Client]:
        """Return every client, oldest first."""
        with self._f.work.reading() as tx:
            return queries.clients(tx)

    def rotate_secret(self, client_id: str) -> Registered:
        """Replace the secret; the old one is dead at once. Raises `NotFound`."""
        client = self._get(client_id)
        if client.secret_hash is None:
            raise InvalidRequest({"client_id": ["This client proves itself with its own keys."]})
        secret = self._new_secret()
        values = {"secret_hash": self._hash(client_id, secret)}
        self._update(client_id, values, Event.ADMIN_CLIENT_ROTATE)
        return Registered(client, secret)

    def disable(self, client_id: str) -> None:
        """Refuse the client from now on, live tokens included. Raises `NotFound`."""
        self._get(client_id)
        self._update(client_id, {"disabled_at": self._f.clock.now()}, Event.ADMIN_CLIENT_DISABLE)

    def find(self, client_id: str) -> Client | None:
        """Return an enabled client."""
        with self._f.work.reading() as tx:
            client = queries.client(tx, client_id)
        return None if client is None or client.disabled else client

    def by_secret(self, client_id: str, secret: str) -> Client | None:
        """Return the client that this secret belongs to (`client_secret_basic`)."""
        client = self.find(client_id)
        expected = (client.secret_hash if client else None) or ""
        hashes = self._f.keyed_hash.every(secret, purpose=f"client_secret|{client_id}")
        if _matches(expected, hashes):
            return client
        self._note_refusal(client)
        return None

    def by_assertion(self, assertion: str) -> Client | None:
        """Return the client that signed this assertion, once (`private_key_jwt`, RFC 7523 §3)."""
        client = None
        try:
            jws = jose.parse(assertion, typ=_ASSERTION_TYPES, members=_members_of(assertion))
            client = self.find(jws.text("iss"))
            if client is not None and self._holds(client, jws):
                return client
        except jose.JoseError:
            pass
        self._note_refusal(client)
        return None

    def _holds(self, client: Client, jws: jose.Jws) -> bool:
        """Check key, audience and times, then use up the `jti`."""
        if client.jwks is None:
            return False
        jose.verify_jwk(jws, _key_for(client.jwks, jws), algorithms=ASSERTION_ALGORITHMS)
        if jws.text("sub") != client.id or jws.claims.get("aud") != self._f.issuer:
            return False
        _check_assertion_times(jws, at=self._f.clock.now())
        until = jose.integer(jws.claims, "exp") + jose.SKEW
        with self._f.work.transaction() as tx:
            return remember_token(tx, client.id, jws.text("jti"), until=until)

    def _note_refusal(self, client: Client | None) -> None:
        """Audit a refused known client; strangers only reach the log, not the database."""
        if client is None:
            logger.info("client authentication failed")
            return
        with self._f.work.transaction() as tx:
            at = self._f.clock.now()
            audit.record(tx, audit.Entry(Event.CLIENT_AUTH_FAIL, at, client_id=client.id))

    def _get(self, client_id: str) -> Client:
        with self._f.work.reading() as tx:
            client = queries.client(tx, client_id)
        if client is None:
            raise NotFound("There is no such client.")
        return client

    def _update(self, client_id: str, values: Mapping[str, object], event: Event) -> None:
        with self._f.work.transaction() as tx:
            tx.execute(update(ClientRow).where(ClientRow.id == client_id).values(dict(values)))
            audit.record(tx, audit.Entry(event, self._f.clock.now(), client_id=client_id))

    def _new_secret(self) -> str:
        return jose.b64url(self._f.randomness.bytes(32))

    def _hash(self, client_id: str, secret: str) -> str:
        return self._f.keyed_hash.of(secret, purpose=f"client_secret|{client_id}")


def _matches(expected: str, hashes: Sequence[str]) -> bool:
    """Compare with every hash, without early exit."""
    held = [hmac.compare_digest(expected, computed) for computed in hashes]
    return any(held)


def _members_of(assertion: str) -> set[str]:
    """Return which of the optional header members are there; `alg` always is."""
    present = jose.header_of(assertion)
    return {"alg"} | ({"typ", "kid"} & set(present))


def _key_for(jwks: Mapping[str, object], jws: jose.Jws) -> JsonObject:
    keys = jwks.get("keys")
    alg, kid = jws.header.get("alg"), jws.header.get("kid")
    fitting = [
        key
        for key in (keys if isinstance(keys, list) else [])
        if alg in _ALG_OF_KEY.get(str(key.get("kty")), ()) and kid in {None, key.get("kid")}
    ]
    if len(fitting) != 1:
        raise jose.JoseError("no single key fits")
    key: JsonObject = fitting[0]
    return key


def _check_assertion_times(jws: jose.Jws, *, at: int) -> None:
    """Need `exp`, at most 300 s ahead, and no `iat` or `nbf` in the future (60 s skew)."""
    exp = jose.integer(jws.claims, "exp")
    starts = [jose.integer(jws.claims, name) for name in ("iat", "nbf") if name in jws.claims]
    if not at < exp + jose.SKEW or exp > at + _ASSERTION_LIFETIME + jose.SKEW:
        raise jose.JoseError("exp")
    if any(start > at + jose.SKEW or exp - start > _ASSERTION_LIFETIME for start in starts):
        raise jose.JoseError("iat")


def _faults_of(new: NewClient) -> list[tuple[str, Sequence[str]]]:
    faults: list[tuple[str, Sequence[str]]] = []
    if not 1 <= len(new.name) <= 128 or has_control(new.name) or misleads(new.name):  # noqa: PLR2004
        faults.append(("name", ["1 to 128 characters, none of them control characters."]))
    if not new.scopes or not all(_SCOPE.match(scope) for scope in new.scopes):
        faults.append(("scope", ["At least one scope of RFC 6749 §3.3 characters."]))
    if not _REALM.match(new.realm):
        faults.append(("realm", ["1 to 64 letters, digits, dots, dashes or underscores."]))
    if not all(_is_redirect_uri(uri) for uri in new.redirect_uris):
        faults.append(("redirect_uri", ["An absolute https URI without fragment."]))
    if not all(_is_origin(origin) for origin in new.origins):
        faults.append(("origin", ["An https origin, for example https://login.example.org."]))
    if not all(_is_absolute(uri) for uri in new.resources):
        faults.append(("resource", ["An absolute URI (RFC 8707)."]))
    if new.jwks is not None and not _is_public_jwks(new.jwks):
        faults.append(("jwks", ["A JWK set of public EC P-256, Ed25519 or RSA keys."]))
    return faults


def _is_redirect_uri(uri: str) -> bool:
    parts = origins.split(uri)
    return parts is not None and origins.is_secure(parts) and "#" not in uri


def _is_absolute(uri: str) -> bool:
    """Tell whether it is an absolute URI without fragment, with a host if it is on the web."""
    scheme = _ABSOLUTE.match(uri)
    if scheme is None or not _SCOPE.match(uri):
        return False
    return scheme[1].lower() not in {"http", "https"} or origins.split(uri) is not None


def _is_origin(origin: str) -> bool:
    return origins.fault_of(origin, path_allowed=False) is None


def _is_public_jwks(jwks: Mapping[str, object]) -> bool:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys:
        return False
    return all(isinstance(key, dict) and jose.is_public_jwk(key) for key in keys)
