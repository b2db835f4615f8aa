"""Tidies what has expired. No rule depends on it: expiry is decided where it is asked."""

from sqlalchemy import ColumnElement, Connection, delete, select

from mfa_service.persistence import authorizations, erasures, sessions, states
from mfa_service.persistence.base import Base
from mfa_service.persistence.models import (
    Enrollment,
    IdempotentReply,
    Outbox,
    Prompt,
    PushSent,
)
from mfa_service.persistence.retention import Retention

from .foundation import Foundation
from .idempotency import KEPT_SECONDS

_DAY = 86_400
_BATCH = 1000


class HousekeepingService:
    """Deletes and closes in small transactions, so that nothing waits long for it."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._retention = Retention(foundation.work)

    def run(self) -> dict[str, int]:
        """Tidy once, safe beside others that do the same; return how many rows of what it was."""
        at = self._f.clock.now()
        done = self._retention.run(self._f.limits, at=at)
        for step in (
            self._end_challenges,
            self._finish_erasures,
            self._end_enrollments,
            self._delete_sessions,
            self._delete_authorizations,
            self._delete_guards,
        ):
            with self._f.work.transaction() as tx:
                done |= step(tx, at)
        return done

    @staticmethod
    def _end_challenges(tx: Connection, at: int) -> dict[str, int]:
        return {
            "challenges_expired": states.expire_challenges(tx, at=at),
            "challenges_failed": states.fail_exhausted(tx, at=at),
        }

    @staticmethod
    def _finish_erasures(tx: Connection, at: int) -> dict[str, int]:
        return {"erasures_finished": erasures.finish(tx, at=at)}

    @staticmethod
    def _end_enrollments(tx: Connection, at: int) -> dict[str, int]:
        query = (
            select(Enrollment.id)
            .where(
                Enrollment.state.in_((states.PENDING, states.CLAIMED)), Enrollment.expires_at <= at
            )
            .limit(_BATCH)
        )
        over = tx.scalars(query).all()
        for enrollment_id in over:
            states.end_enrollment(tx, enrollment_id)
        deleted = _deleted(tx, Enrollment, Enrollment.expires_at < at - 30 * _DAY)
        return {"enrollments_expired": len(over), "enrollments_deleted": deleted}

    def _delete_sessions(self, tx: Connection, at: int) -> dict[str, int]:
        ended, links = sessions.delete_over(tx, at=at, idle=self._f.limits.session_idle)
        return {"sessions_deleted": ended, "account_links_deleted": links}

    @staticmethod
    def _delete_authorizations(tx: Connection, at: int) -> dict[str, int]:
        """Delete requests that nobody came for, and what yields nothing more since a day."""
        pushed, authorized = authorizations.delete_over(tx, at=at, kept=_DAY)
        return {"pushed_requests_deleted": pushed, "authorizations_deleted": authorized}

    @staticmethod
    def _delete_guards(tx: Connection, at: int) -> dict[str, int]:
        replies = IdempotentReply.created_at < at - KEPT_SECONDS
        unsent = (Outbox.due_at <= at) & (Outbox.expires_at < at - _DAY)  # nobody holds it now
        return {
            "prompts_deleted": _deleted(tx, Prompt, Prompt.expires_at < at),
            "stored_answers_deleted": _deleted(tx, IdempotentReply, replies),
            "counted_pushes_deleted": _deleted(tx, PushSent, PushSent.sent_at < at - 2 * _DAY),
            "messages_deleted": _deleted(tx, Outbox, unsent),
        }


def _deleted(tx: Connection, model: type[Base], over: ColumnElement[bool]) -> int:
    """Delete what is over; return how many rows it was."""
    return tx.execute(delete(model).where(over)).rowcount
