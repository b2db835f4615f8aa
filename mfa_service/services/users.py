"""Users: found by subject, and erased."""

from sqlalchemy import Connection, delete, select, update

from mfa_service.domain.challenge import Status
from mfa_service.domain.errors import NotFound
from mfa_service.domain.events import Event
from mfa_service.domain.subject import Subject
from mfa_service.persistence import audit, queries
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
        with self._f.work.reading() as tx:
            return queries.subject_by_sub(tx, caller.client.realm, sub)

    def read(self, caller: Caller, user_id: str) -> Subject:
        """Return a user of the caller's realm; raise `NotFound`."""
        with self._f.work.reading() as tx:
            subject = queries.subject_by_id(tx, user_id)
        if subject is None or subject.user.realm != caller.client.realm:
            raise NotFound
        return subject

    def acr_attainable(self, subject: Subject) -> str:
        """Return the highest level that the subject can reach now, without `prior`."""
        return self._f.levels.acrs[self._reach.attainable(subject)]

    def erase(self, caller: Caller, user_id: str, *, reason: str) -> None:
        """Erase the person's data; open challenges are cancelled, the audit keeps a pseudonym."""
        at = self._f.clock.now()
        self.read(caller, user_id)
        with self._f.work.transaction() as tx:
            if lock_user(tx, user_id) is None:
                raise NotFound
            cancelled = self._cancel_open(tx, user_id, at=at)
            self._delete_rows(tx, user_id)
            client_id, event = caller.client.id, Event.ADMIN_USER_ERASE
            entry = audit.Entry(event, at, client_id=client_id, user_id=user_id, reason=reason)
            audit.record(tx, entry)
        self._f.tell(user_id=user_id)
        for challenge_id in cancelled:
            self._f.tell(challenge_id=challenge_id)

    @staticmethod
    def _cancel_open(tx: Connection, user_id: str, *, at: int) -> list[str]:
        statement = (
            update(Challenge)
            .where(Challenge.user_id == user_id, Challenge.status == Status.PENDING)
            .values(status=Status.CANCELLED, ended_at=at)
            .returning(Challenge.id)
        )
        return list(tx.scalars(statement))

    @staticmethod
    def _delete_rows(tx: Connection, user_id: str) -> None:
        """Delete children first. Ended challenges go too, but for the just cancelled ones."""
        mine = select(Authenticator.id).where(Authenticator.user_id == user_id)
        for child in (SpentProof, Device, Outbox):
            tx.execute(delete(child).where(child.authenticator_id.in_(mine)))
        ended = (Challenge.user_id == user_id) & (Challenge.status != Status.CANCELLED)
        tx.execute(delete(Challenge).where(ended))
        for table in (Enrollment, PushSent, Authenticator):
            tx.execute(delete(table).where(table.user_id == user_id))
        tx.execute(delete(User).where(User.id == user_id))
