"""Enrolling on the way: somebody who has nothing yet adds the first one, and goes on.

Only a hint that a trusted issuer signed a moment ago gets here, for a person of whom nothing is
listed: the binding rule lets the first authenticator in, and only then (contract section 5).
"""

from mfa_service.domain import entra
from mfa_service.domain.challenge import Challenge
from mfa_service.domain.errors import NotFound
from mfa_service.domain.ids import new_authorization_id
from mfa_service.domain.oauth import AuthorizationRequest, OAuthError
from mfa_service.domain.session import BeganBy
from mfa_service.domain.subject import Client
from mfa_service.persistence import queries
from mfa_service.persistence.consume import lock_user

from . import subjects
from .authorizations import Answer, AuthorizationService, RequestRefused
from .foundation import Foundation
from .sessions import Beginning, Browser, Person, SessionService

LIFETIME = 600
"""Seconds; Entra gives up after about as many."""


class FirstSteps:
    """Use cases of an errand: a session for one request, which ends with it."""

    def __init__(
        self,
        foundation: Foundation,
        authorizations: AuthorizationService,
        sessions: SessionService,
    ) -> None:
        self._f = foundation
        self._authorizations = authorizations
        self._sessions = sessions

    def begin(self, client: Client, request: AuthorizationRequest, browser: Browser) -> str | None:
        """Return the cookie of an errand, if the person has nothing; `None` for anybody else."""
        with self._f.work.reading() as tx:
            found = queries.subject_by_sub(tx, client.realm, request.sub)
        if found is not None and not found.is_new:
            return None
        subject = subjects.known(self._f, client.realm, request.sub)
        if subject is None:
            return None
        at, key = self._f.clock.now(), new_authorization_id(self._f.randomness)
        self._authorizations.keep(client, request, key, expires_at=at + LIFETIME)
        with self._f.work.transaction() as tx:
            if lock_user(tx, subject.user.id) is None:
                return None
            errand = Beginning(BeganBy.HINT, key, LIFETIME)
            return self._sessions.begin(tx, subject.user.id, errand, browser, at=at)

    def name_of(self, person: Person) -> str | None:
        """Return how the caller calls the person, to be recognised by; it proves nothing."""
        return self._request(person).shown_name

    def types(self, person: Person) -> tuple[str, ...]:
        """Return the types of authenticators that can answer what the errand is for."""
        methods = entra.methods_for(self._request(person).amr_values)
        factors = self._f.factors
        return tuple(factors[method].type for method in methods if method in factors)

    def go_on(self, person: Person) -> Challenge:
        """End the errand, once, and return the challenge that it was for.

        Raises `RequestRefused` when nothing that counts was added, `NotFound` when it is over.
        """
        request = self._request(person)
        self._end(person)
        try:
            return self._authorizations.resume(person.session.authorization_id or "")
        except OAuthError as exc:
            if request.target is None:
                raise NotFound from exc
            raise RequestRefused(request.target, exc) from exc

    def give_up(self, person: Person) -> Answer:
        """End the errand and return what the caller is told; raise `NotFound` when it is over."""
        target = self._request(person).target
        if target is None:
            raise NotFound
        self._end(person)
        error = OAuthError("access_denied", "The person has nothing to confirm with.")
        return self._authorizations.refusal(target, error)

    def _end(self, person: Person) -> None:
        if not self._sessions.end(person, person.session.id):
            raise NotFound

    def _request(self, person: Person) -> AuthorizationRequest:
        return self._authorizations.waiting(person.session.authorization_id or "")
