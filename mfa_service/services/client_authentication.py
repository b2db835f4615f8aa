"""Finding clients, and judging how they prove who they are."""

import hmac
import logging
from collections.abc import Mapping, Sequence

from mfa_service import jose
from mfa_service.domain.events import Event
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Client, Subject
from mfa_service.persistence import audit, clients, queries
from mfa_service.persistence.consume import remember_token

from .directory_clients import DirectoryClients
from .foundation import Foundation

ASSERTION_ALGORITHMS = frozenset({"ES256", "EdDSA", "PS256", "RS256"})
_ASSERTION_LIFETIME = 300
_ASSERTION_TYPES = ("JWT", "client-authentication+jwt", None)
_ALG_OF_KEY = {"EC": ("ES256",), "OKP": ("EdDSA",), "RSA": ("PS256", "RS256")}
logger = logging.getLogger(__name__)


def secret_purpose(client_id: str) -> str:
    """Return the purpose under which a client's secret is hashed: it is good for no other."""
    return f"client_secret|{client_id}"


class ClientAuthentication:
    """Which clients there are, and what proves that a caller is one of them.

    A client of ours wins over one of the directory with the same id, a disabled one too: the
    directory is asked about ids that we do not have, and only those wait for it.
    """

    def __init__(self, foundation: Foundation, directory: DirectoryClients | None = None) -> None:
        self._f = foundation
        self._directory = directory

    def find(self, client_id: str) -> Client | None:
        """Return an enabled client; raise `Unavailable` when only the directory could say."""
        client = self.known(client_id)
        return None if client is None or client.disabled else client

    def find_with(self, client_id: str, sub: str) -> tuple[Client | None, Subject | None]:
        """Return what `find` does, and the subject of this name in the client's realm."""
        with self._f.work.reading() as tx:
            found = queries.client_and_subject(tx, client_id, sub)
        if found is not None:
            return (None, None) if found[0].disabled else found
        client = self._directory.find(client_id) if self._directory is not None else None
        if client is None:
            return None, None
        with self._f.work.reading() as tx:
            return client, queries.subject_by_sub(tx, client.realm, sub)

    def known(self, client_id: str) -> Client | None:
        """Return a client, enabled or not; raise `Unavailable` as `find` does."""
        client = self._local(client_id)
        if client is None and self._directory is not None:
            client = self._directory.find(client_id)
        return client

    def in_directory(self) -> list[Client]:
        """Return the clients of the directory, if there is one; raise `Unavailable`."""
        return self._directory.all() if self._directory is not None else []

    def by_secret(self, client_id: str, secret: str) -> Client | None:
        """Return the enabled client that this secret belongs to (`client_secret_basic`).

        Raises `Unavailable` when only the directory could say.
        """
        client = self._local(client_id)
        if client is None and self._directory is not None:
            proven = self._directory.by_secret(client_id, secret)
            client, holds = proven.client, proven.holds
        else:
            holds = self._is_secret(client_id, client, secret)
        if client is not None and holds and not client.disabled:
            self._hash_anew(client, secret)
            return client
        self._note_refusal(client)
        return None

    def _hash_anew(self, client: Client, secret: str) -> None:
        """Hash a right secret under the first master key, so that the one before can go."""
        hashed = self._f.keyed_hash.of(secret, purpose=secret_purpose(client.id))
        if client.secret_hash is not None and client.secret_hash != hashed:
            with self._f.work.transaction() as tx:
                clients.rehash(tx, client.id, client.secret_hash, hashed)

    def _local(self, client_id: str) -> Client | None:
        with self._f.work.reading() as tx:
            return queries.client(tx, client_id)

    def _is_secret(self, client_id: str, client: Client | None, secret: str) -> bool:
        """Tell whether a client of ours has this secret; takes as long when there is none."""
        expected = (client.secret_hash if client else None) or ""
        hashes = self._f.keyed_hash.every(secret, purpose=secret_purpose(client_id))
        return _matches(expected, hashes)

    def by_assertion(self, assertion: str) -> Client | None:
        """Return the client that signed this assertion, once (`private_key_jwt`, RFC 7523 §3)."""
        client = None
        try:
            jws = jose.parse(assertion, typ=_ASSERTION_TYPES, members=members_of(assertion))
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
        jose.verify_jwk(jws, key_for(client.jwks, jws), algorithms=ASSERTION_ALGORITHMS)
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


def _matches(expected: str, hashes: Sequence[str]) -> bool:
    """Compare with every hash, without early exit."""
    held = [hmac.compare_digest(expected, computed) for computed in hashes]
    return any(held)


def members_of(assertion: str) -> set[str]:
    """Return which of the optional header members are there; `alg` always is."""
    present = jose.header_of(assertion)
    return {"alg"} | ({"typ", "kid"} & set(present))


def key_for(jwks: Mapping[str, object], jws: jose.Jws) -> JsonObject:
    """Return the registered key that a header's `alg` and `kid` mean; raise `JoseError` if none."""
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
