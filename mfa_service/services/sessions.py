"""Sessions of people in self-service: begun, found by their cookie, listed, ended (S 3.9, 9.2)."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row

from mfa_service.domain.authenticator import Authenticator
from mfa_service.domain.errors import NotFound
from mfa_service.domain.events import Event
from mfa_service.domain.ids import new_session_id
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.session import BeganBy, Session
from mfa_service.domain.subject import Subject
from mfa_service.jose import b64url
from mfa_service.persistence import audit, queries
from mfa_service.persistence import sessions as rows

from .foundation import Foundation
from .own_client import SCOPES, OwnClient
from .tokens import Caller

_TOKEN_BYTES = 32
_LONGEST_USER_AGENT = 256


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser says when a session begins; the session of `cookie` ends then."""

    user_agent: str
    cookie: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a session begins; an errand has a request that it is for, and fewer seconds."""

    by: BeganBy
    authorization_id: str | None = None
    lifetime: int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a session: what they have, and as what they call the other use cases."""

    session: Session
    subject: Subject
    caller: Caller

    @property
    def sub(self) -> str:
        """The subject by the authorization server's identifier."""
        return self.subject.user.sub

    @property
    def on_errand(self) -> bool:
        """Whether the session may do nothing but add a first authenticator for a request."""
        return self.session.authorization_id is not None

    def authenticator(self, authenticator_id: str) -> Authenticator:
        """Return one of the person's authenticators that are listed; raise `NotFound`."""
        for found in self.subject.authenticators:
            if found.id == authenticator_id:
                return found
        raise NotFound


class SessionService:
    """Use cases around the cookie of self-service."""

    def __init__(self, foundation: Foundation, own_client: OwnClient) -> None:
        self._f = foundation
        self._own_client = own_client

    def begin(
        self, tx: Connection, user_id: str, beginning: Beginning, browser: Browser, *, at: int
    ) -> str:
        """Write a session and return its cookie, 256 bits that were never used before (S 9.2).

        The caller holds the user's row. What the browser brought is given up, never adopted: a
        cookie that somebody planted opens nothing.
        """
        if browser.cookie is not None:
            rows.end_by_cookie(tx, _hash(browser.cookie))
        session = Session(
            id=new_session_id(self._f.randomness, user_id),
            user_id=user_id,
            began_by=beginning.by,
            created_at=at,
            seen_at=at,
            expires_at=at + (beginning.lifetime or self._f.limits.session_lifetime),
            user_agent=browser.user_agent[:_LONGEST_USER_AGENT],
            authorization_id=beginning.authorization_id,
        )
        token = b64url(self._f.randomness.bytes(_TOKEN_BYTES))
        rows.begin(tx, session, _hash(token))
        event = Event.SESSION_BEGIN
        audit.record(tx, audit.Entry(event, at, user_id=user_id, result=beginning.by))
        return token

    def find(self, cookie: str | None, *, in_use: bool = True) -> Person | None:
        """Return whose session this is, if it is alive: 900 s unused or 3600 s old end it.

        `in_use=False` does not prolong it: a page that waits in the background is no use.
        """
        if cookie is None:
            return None
        at, idle, hashed = self._f.clock.now(), self._f.limits.session_idle, _hash(cookie)
        if in_use:
            with self._f.work.transaction() as tx:
                session = rows.touch(tx, hashed, at=at, idle=idle)
        else:
            with self._f.work.reading() as tx:
                session = rows.find(tx, hashed, at=at, idle=idle)
        return None if session is None else self._person(session)

    def _person(self, session: Session) -> Person | None:
        with self._f.work.reading() as tx:
            subject = queries.subject_by_id(tx, session.user_id)
        if subject is None:
            return None
        own, proven = self._own_client.of(subject.user.realm), session.began_by is BeganBy.LOGIN
        caller = Caller(own, frozenset(SCOPES), sub=subject.user.sub, proven=proven)
        return Person(session, subject, caller)

    def of(self, person: Person) -> list[Session]:
        """Return every session of the person that is alive, the latest used first."""
        at, idle = self._f.clock.now(), self._f.limits.session_idle
        with self._f.work.reading() as tx:
            return rows.of_user(tx, person.session.user_id, at=at, idle=idle)

    def end(self, person: Person, session_id: str) -> bool:
        """End one of the person's sessions, on the server; tell whether it was there still."""
        with self._f.work.transaction() as tx:
            ended = rows.end(tx, person.session.user_id, session_id)
            if ended:
                self._note_end(tx, person)
        return ended

    def end_others(self, person: Person) -> int:
        """End every session of the person but this one; return how many."""
        with self._f.work.transaction() as tx:
            ended = rows.end_others(tx, person.session.user_id, person.session.id)
            if ended:
                self._note_end(tx, person)
        return ended

    def say_next(self, person: Person, notice: JsonObject) -> None:
        """Keep what the next page of this session says."""
        with self._f.work.transaction() as tx:
            rows.put_notice(tx, person.session.id, json.dumps(notice))

    def notice(self, person: Person) -> JsonObject:
        """Return what was to be said, this once; empty if nothing."""
        if person.session.notice is None:
            return {}
        with self._f.work.transaction() as tx:
            rows.put_notice(tx, person.session.id, None)
        said: JsonObject = json.loads(person.session.notice)
        return said

    def keep_shown(self, person: Person, enrollment_id: str, shown: JsonObject) -> None:
        """Keep, sealed to this session, what an enrollment shows to this browser only."""
        kept = json.dumps({"enrollment_id": enrollment_id, "shown": shown}).encode()
        sealed = self._f.secret_box.seal(kept, place=shown_place(person.session))
        with self._f.work.transaction() as tx:
            rows.put_shown(tx, person.session.id, sealed)

    def shown(self, person: Person, enrollment_id: str, *, once: bool) -> JsonObject:
        """Return what this enrollment shows here, with `once` never again; empty if it is gone."""
        sealed = person.session.shown
        if sealed is None:
            return {}
        opened = self._f.secret_box.open(sealed, place=shown_place(person.session))
        kept = json.loads(opened)
        if kept["enrollment_id"] != enrollment_id:
            return {}
        if once:
            with self._f.work.transaction() as tx:
                if not self._take(tx, person, sealed, opened):
                    return {}
        shown: JsonObject = kept["shown"]
        return shown

    def _take(self, tx: Connection, person: Person, sealed: bytes, opened: bytes) -> bool:
        """Use up what is shown once; sealed anew meanwhile (a new master key) it is the same."""
        if rows.take_shown(tx, person.session.id, sealed):
            return True
        now = rows.shown_of(tx, person.session.id)
        place = shown_place(person.session)
        if now is None or self._f.secret_box.open(now, place=place) != opened:
            return False
        return rows.take_shown(tx, person.session.id, now)

    def _note_end(self, tx: Connection, person: Person) -> None:
        at, user_id = self._f.clock.now(), person.session.user_id
        audit.record(tx, audit.Entry(Event.SESSION_END, at, user_id=user_id))


def _hash(token: str) -> str:
    """Return what is stored of a cookie: it carries 256 random bits, so no key is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def shown_place(session: Session | Row[Any]) -> str:
    """Return the place to which a session seals what it shows."""
    return f"session|shown|{session.user_id}|{session.id}"
