"""Access tokens for clients: issued after client credentials, believed by their signature."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mfa_service import jose
from mfa_service.domain.errors import Unauthenticated
from mfa_service.domain.events import Event
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Client, Source, Subject
from mfa_service.persistence import audit, authorizations, references

from .client_authentication import ClientAuthentication
from .foundation import Foundation

LIFETIME = 300
TYP = "at+jwt"
_REMEMBERED = 1000


class InvalidScope(Exception):
    """More was asked than is registered (RFC 6749 §5.2)."""


class InvalidTarget(Exception):
    """The resource is not registered for the client (RFC 8707 §2)."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A signed access token and what it is good for."""

    token: str = field(repr=False)
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownSubject:
    """What was read of a subject together with the client: `subject` is `None` for a stranger."""

    sub: str
    subject: Subject | None


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that proved itself for this request, with the scopes of its token.

    `sub` is the only subject that it may touch: for everything else of people who act for
    themselves there is nothing there. `proven` tells that they proved a factor to begin with;
    without one each change needs a step-up, suspending too (contract section 10).
    """

    client: Client
    scopes: frozenset[str]
    sub: str | None = None
    proven: bool = True
    known: KnownSubject | None = None

    def may_touch(self, realm: str, sub: str) -> bool:
        """Tell whether this subject is there for the caller."""
        return realm == self.client.realm and self.sub in {None, sub}

    @property
    def is_admin(self) -> bool:
        """Whether it may act without step-up, with a reason."""
        return "mfa:admin" in self.scopes


class TokenService:
    """Issues and reads our own access tokens (RFC 9068)."""

    def __init__(self, foundation: Foundation, clients: ClientAuthentication) -> None:
        self._f = foundation
        self._clients = clients
        self._signed: dict[bytes, jose.Jws] = {}

    def issue(
        self, client: Client, *, scopes: Sequence[str], resources: Sequence[str]
    ) -> IssuedToken:
        """Return a token for 300 s; no scope means all registered ones.

        Raises `InvalidScope` or `InvalidTarget` for what is not registered.
        """
        granted = tuple(dict.fromkeys(scopes)) or client.scopes
        if not set(granted) <= set(client.scopes):
            raise InvalidScope
        if not set(resources) <= {*client.resources, self._f.issuer}:
            raise InvalidTarget
        audience = list(dict.fromkeys(resources)) or [self._f.issuer]
        at = self._f.clock.now()
        claims = {
            "iss": self._f.issuer,
            "sub": client.id,
            "client_id": client.id,
            "aud": audience[0] if len(audience) == 1 else audience,
            "scope": " ".join(granted),
            "iat": at,
            "exp": at + LIFETIME,
            "jti": jose.b64url(self._f.randomness.bytes(16)),
        }
        with self._f.work.transaction() as tx:
            if client.source is Source.DIRECTORY:
                references.refer_to(tx, client, at=at)
            audit.record(tx, audit.Entry(Event.CLIENT_TOKEN, at, client_id=client.id))
        return IssuedToken(self._f.keys.signer.sign(claims, typ=TYP), granted)

    def caller(self, token: str, *, about: Callable[[], str | None] | None = None) -> Caller:
        """Return who holds `token`; raise `Unauthenticated` unless it is good here and now.

        Only `aud` = issuer is good here; a disabled client is refused at once. The subject that
        it asks `about` is read along; who that is is looked for once the token was found good.
        """
        try:
            jws = self._verified(token)
            if jws.claims.get("aud") != self._f.issuer or is_about_person(jws.claims):
                raise jose.JoseError("aud")
            scopes, client_id = jws.text("scope").split(), jws.text("client_id")
        except jose.JoseError as exc:
            raise invalid_token() from exc
        sub, known = about() if about else None, None
        if sub is None:
            client = self._clients.find(client_id)
        else:
            client, subject = self._clients.find_with(client_id, sub)
            known = KnownSubject(sub, subject)
        if client is None:
            raise invalid_token()
        return Caller(client, frozenset(scopes) & frozenset(client.scopes), known=known)

    def read(self, token: str) -> tuple[JsonObject, Client]:
        """Return what a token of ours says, and the client that got it; `aud` is left to judge.

        Raises `JoseError` unless it is alive and its client is enabled, now; one about a person
        is over too when its authorization was revoked (RFC 6749 §4.1.2).
        """
        jws = self._verified(token)
        client = self._clients.find(jws.text("client_id"))
        if client is None:
            raise jose.JoseError("client_id")
        if is_about_person(jws.claims):
            with self._f.work.reading() as tx:
                row = authorizations.find(tx, jws.text("jti"))
            if row is None or row.revoked_at is not None:
                raise jose.JoseError("jti")
        return jws.claims, client

    def _verified(self, token: str) -> jose.Jws:
        """Return a token that we signed and that is alive; raise `JoseError` for any other.

        A signature that held once is not computed again: one token serves many requests. Whether
        its key is still ours, and its times, are judged each time.
        """
        digest = hashlib.sha256(token.encode()).digest()
        jws = self._signed.get(digest)
        parsed = jws or jose.parse(token, typ=TYP, members={"alg", "typ", "kid"})
        key = self._f.keys.public(parsed.header["kid"])
        if key is None:
            raise jose.JoseError("kid")
        if jws is None:
            jose.verify_es256(parsed, key)
            if len(self._signed) >= _REMEMBERED:
                self._signed.clear()
            self._signed[digest] = parsed
        jose.check_times(parsed.claims, at=self._f.clock.now(), lifetime=LIFETIME)
        if parsed.claims.get("iss") != self._f.issuer:
            raise jose.JoseError("iss")
        parsed.text("scope")
        return parsed


def is_about_person(claims: Mapping[str, object]) -> bool:
    """Tell whether a token of ours is about a person who proved presence, not about a client."""
    return "auth_time" in claims


def invalid_token() -> Unauthenticated:
    """Return the refusal of an access token, which says nothing about why (RFC 6750 §3.1)."""
    return Unauthenticated(
        "The access token is not valid.", challenge='Bearer error="invalid_token"'
    )
