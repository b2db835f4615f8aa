"""Users: found by subject, and erased."""

from dataclasses import replace

from sqlalchemy import Connection, delete, select

from mfa_service.domain.authenticator import Authenticator as AuthenticatorValue
from mfa_service.domain.challenge import Asked
from mfa_service.domain.errors import NotFound
from mfa_service.domain.events import Event
from mfa_service.domain.subject import Client, Subject
from mfa_service.persistence import audit, erasures, queries, sessions, states
from mfa_service.persistence.consume import lock_user
from mfa_service.persistence.models import (
    Authenticator,
    Challenge,
    Device,
    Enrollment,
    Outbox,
    PushSent,
    SpentProof,
    User,
)
from mfa_service.persistence.rows import challenge_place

from .foundation import Foundation
from .reach import Reach
from .tokens import Caller


class UserService:
    """Use cases behind `/v1/users`."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._reach = Reach(foundation)

    def by_sub(self, caller: Caller, sub: str) -> Subject | None:
        """Return the subject of the caller's realm, if there is one."""
        if not caller.may_touch(caller.client.realm, sub):
            return None
        with self._f.work.reading() as tx:
            return queries.subject_by_sub(tx, caller.client.realm, sub)

    def read(self, caller: Caller, user_id: str) -> Subject:
        """Return a user of the caller's realm; raise `NotFound`."""
        with self._f.work.reading() as tx:
            subject = queries.subject_by_id(tx, user_id)
        if subject is None or not caller.may_touch(subject.user.realm, subject.user.sub):
            raise NotFound
        return subject

    def acr_attainable(self, client: Client, subject: Subject) -> str:
        """Return the highest level that the subject can reach now, without `prior`.

        It has the name of the client's dialect.
        """
        highest = self._f.levels.acrs[self._reach.attainable(subject)]
        return client.dialect.name_of(highest, self._f.levels)

    def level_of(self, found: AuthenticatorValue) -> int:
        """Return the rank of the level that one authenticator reaches alone."""
        return self._f.levels.level_of(self._reach.potential(found))

    def erase(self, caller: Caller, user_id: str, *, reason: str) -> None:
        """Erase the person's data; open challenges are cancelled, the audit keeps a pseudonym."""
        at = self._f.clock.now()
        self.read(caller, user_id)
        with self._f.work.transaction() as tx:
            if lock_user(tx, user_id) is None:
                raise NotFound
            cancelled = self._cancel_open(tx, user_id, at=at)
            self._delete_rows(tx, user_id, kept=cancelled)
            if cancelled:
                erasures.remember(tx, user_id, due_at=at + self._f.limits.readable_after_end)
            client_id, event = caller.client.id, Event.ADMIN_USER_ERASE
            entry = audit.Entry(event, at, client_id=client_id, user_id=user_id, reason=reason)
            audit.record(tx, entry)
        self._f.tell(user_id=user_id)
        for challenge_id in cancelled:
            self._f.tell(challenge_id=challenge_id)

    def _cancel_open(self, tx: Connection, user_id: str, *, at: int) -> list[str]:
        """Cancel what is open; of what was asked only what its caller can read is kept, 24 h."""
        cancelled = states.cancel_open(tx, user_id, at=at)
        for challenge_id, sealed in cancelled.items():
            place = challenge_place(challenge_id)
            asked = Asked.from_json(self._f.secret_box.open(sealed, place=place))
            bare = replace(asked, transaction=None, context=None, binding_message=None)
            request = self._f.secret_box.seal(bare.to_json(), place=place)
            states.replace_request(tx, challenge_id, request)
        return list(cancelled)

    @staticmethod
    def _delete_rows(tx: Connection, user_id: str, *, kept: list[str]) -> None:
        """Delete children first. Ended challenges go too, but for the just cancelled ones.

        Enrollments go before all: a claim that runs meanwhile adds a phone and is waited for.
        """
        tx.execute(delete(Enrollment).where(Enrollment.user_id == user_id))
        sessions.forget_user(tx, user_id)
        mine = select(Authenticator.id).where(Authenticator.user_id == user_id)
        for child in (SpentProof, Device, Outbox):
            tx.execute(delete(child).where(child.authenticator_id.in_(mine)))
        ended = (Challenge.user_id == user_id) & Challenge.id.not_in(kept)
        tx.execute(delete(Challenge).where(ended))
        for table in (PushSent, Authenticator):
            tx.execute(delete(table).where(table.user_id == user_id))
        tx.execute(delete(User).where(User.id == user_id))
