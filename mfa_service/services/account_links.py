"""Links that begin a session of self-service: made for a client, spent once, by a button."""

from dataclasses import dataclass, field

from mfa_service.domain.errors import EnrollmentNotOpen, NotFound
from mfa_service.domain.events import Event
from mfa_service.domain.session import BeganBy
from mfa_service.jose import b64url
from mfa_service.persistence import audit, queries, sessions
from mfa_service.persistence.consume import lock_user

from . import subjects
from .foundation import Foundation
from .sessions import Beginning, Browser, SessionService
from .tokens import Caller

PATH = "/account/link/"
_PURPOSE = "account_link"
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class AccountLink:
    """A link for a person. Whoever holds it is that person in self-service, without a factor."""

    url: str = field(repr=False)
    expires_at: int


class AccountLinkService:
    """Use cases behind `POST /v1/account-links` and the page that such a link opens."""

    def __init__(self, foundation: Foundation, sessions_: SessionService) -> None:
        self._f = foundation
        self._sessions = sessions_

    def make(self, caller: Caller, sub: str) -> AccountLink:
        """Return a link of 256 random bits, good for 600 s; the user is made on first use."""
        subject = subjects.known(self._f, caller.client.realm, sub)
        if subject is None:
            raise EnrollmentNotOpen("The subject is being erased.")
        at, token = self._f.clock.now(), b64url(self._f.randomness.bytes(_TOKEN_BYTES))
        user_id, client_id = subject.user.id, caller.client.id
        row = {
            "token_hash": self._f.keyed_hash.of(token, purpose=_PURPOSE),
            "user_id": user_id,
            "client_id": client_id,
            "created_at": at,
            "expires_at": at + self._f.limits.account_link_lifetime,
            "spent_at": None,
        }
        with self._f.work.transaction() as tx:
            if lock_user(tx, user_id) is None:
                raise EnrollmentNotOpen("The subject is being erased.")
            sessions.add_link(tx, row)
            entry = audit.Entry(Event.ACCOUNT_LINK, at, client_id=client_id, user_id=user_id)
            audit.record(tx, entry)
        url = f"{self._f.issuer}{PATH}{token}"
        return AccountLink(url, at + self._f.limits.account_link_lifetime)

    def sub_of(self, token: str) -> str:
        """Return whom a link is for, and spend nothing; raise `NotFound` once it is over."""
        with self._f.work.reading() as tx:
            user_id = sessions.find_link(tx, self._hashes(token), at=self._f.clock.now())
            subject = queries.subject_by_id(tx, user_id) if user_id else None
        if subject is None:
            raise NotFound
        return subject.user.sub

    def spend(self, token: str, browser: Browser) -> str:
        """Use a link up and return the cookie of the session it began; raise `NotFound`."""
        at, hashes = self._f.clock.now(), self._hashes(token)
        with self._f.work.transaction() as tx:
            user_id = sessions.find_link(tx, hashes, at=at)
            if user_id is None or lock_user(tx, user_id) is None:
                raise NotFound
            if sessions.spend_link(tx, hashes, at=at) is None:
                raise NotFound
            return self._sessions.begin(tx, user_id, Beginning(BeganBy.LINK), browser, at=at)

    def _hashes(self, token: str) -> tuple[str, ...]:
        return self._f.keyed_hash.every(token, purpose=_PURPOSE)
