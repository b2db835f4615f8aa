"""Tidies what has expired. No rule depends on it: expiry is decided where it is asked."""

from sqlalchemy import ColumnElement, Connection, delete, or_, select

from mfa_service.persistence import authorizations, sessions, states
from mfa_service.persistence.models import (
    Challenge,
    Enrollment,
    IdempotentReply,
    Outbox,
    Prompt,
    PushSent,
    SeenToken,
    User,
)

from .foundation import Foundation
from .idempotency import KEPT_SECONDS

_DAY = 86_400
_BATCH = 1000


class HousekeepingService:
    """Deletes and closes in small transactions, so that nothing waits long for it."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    def run(self) -> None:
        """Tidy once; safe beside other workers that do the same."""
        at = self._f.clock.now()
        for step in (
            self._end_challenges,
            self._delete_challenges,
            self._end_enrollments,
            self._delete_sessions,
            self._delete_authorizations,
            self._delete_guards,
        ):
            with self._f.work.transaction() as tx:
                step(tx, at)

    @staticmethod
    def _end_challenges(tx: Connection, at: int) -> None:
        states.expire_challenges(tx, at=at)
        states.fail_exhausted(tx, at=at)

    def _delete_challenges(self, tx: Connection, at: int) -> None:
        """Delete what is shown no more: to its person for 30 days, to its client for 24 h.

        Of a person that was erased only the client's part is left.
        """
        tx.execute(delete(Challenge).where(_ended_before(at - self._f.limits.kept_after_end)))
        readable_from = at - self._f.limits.readable_after_end
        of_nobody = Challenge.user_id.not_in(select(User.id))
        tx.execute(delete(Challenge).where(_ended_before(readable_from), of_nobody))

    @staticmethod
    def _end_enrollments(tx: Connection, at: int) -> None:
        query = (
            select(Enrollment.id)
            .where(
                Enrollment.state.in_((states.PENDING, states.CLAIMED)), Enrollment.expires_at <= at
            )
            .limit(_BATCH)
        )
        for enrollment_id in tx.scalars(query).all():
            states.end_enrollment(tx, enrollment_id)
        tx.execute(delete(Enrollment).where(Enrollment.expires_at < at - 30 * _DAY))

    def _delete_sessions(self, tx: Connection, at: int) -> None:
        sessions.delete_over(tx, at=at, idle=self._f.limits.session_idle)

    @staticmethod
    def _delete_authorizations(tx: Connection, at: int) -> None:
        """Delete requests that nobody came for, and what yields nothing more since a day."""
        authorizations.delete_over(tx, at=at, kept=_DAY)

    @staticmethod
    def _delete_guards(tx: Connection, at: int) -> None:
        tx.execute(delete(Prompt).where(Prompt.expires_at < at))
        tx.execute(delete(SeenToken).where(SeenToken.expires_at < at))
        tx.execute(delete(IdempotentReply).where(IdempotentReply.created_at < at - KEPT_SECONDS))
        tx.execute(delete(PushSent).where(PushSent.sent_at < at - 2 * _DAY))
        tx.execute(delete(Outbox).where(Outbox.expires_at < at - _DAY))


def _ended_before(limit: int) -> ColumnElement[bool]:
    ended = or_(Challenge.ended_at < limit, Challenge.ended_at.is_(None))
    return (Challenge.expires_at < limit) & ended
