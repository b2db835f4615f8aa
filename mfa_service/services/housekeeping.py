"""Tidies what has expired. No rule depends on it: expiry is decided where it is asked."""

import logging
import threading
from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, delete, or_, select

from mfa_service.domain.errors import Unavailable
from mfa_service.persistence import authorizations, sessions, states
from mfa_service.persistence.base import Base
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
logger = logging.getLogger(__name__)


class HousekeepingService:
    """Deletes and closes in small transactions, so that nothing waits long for it."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    def run(self) -> dict[str, int]:
        """Tidy once, safe beside others that do the same; return how many rows of what it was."""
        at, done = self._f.clock.now(), dict[str, int]()
        for step in (
            self._end_challenges,
            self._delete_challenges,
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

    def _delete_challenges(self, tx: Connection, at: int) -> dict[str, int]:
        """Delete what is shown no more: to its person for 30 days, to its client for 24 h.

        Of a person that was erased only the client's part is left.
        """
        old = _deleted(tx, Challenge, _ended_before(at - self._f.limits.kept_after_end))
        readable_from = at - self._f.limits.readable_after_end
        of_nobody = Challenge.user_id.not_in(select(User.id))
        orphans = _deleted(tx, Challenge, _ended_before(readable_from) & of_nobody)
        return {"challenges_deleted": old + orphans}

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
        return {
            "prompts_deleted": _deleted(tx, Prompt, Prompt.expires_at < at),
            "seen_tokens_deleted": _deleted(tx, SeenToken, SeenToken.expires_at < at),
            "stored_answers_deleted": _deleted(tx, IdempotentReply, replies),
            "counted_pushes_deleted": _deleted(tx, PushSent, PushSent.sent_at < at - 2 * _DAY),
            "messages_deleted": _deleted(tx, Outbox, Outbox.expires_at < at - _DAY),
        }


def _deleted(tx: Connection, model: type[Base], over: ColumnElement[bool]) -> int:
    """Delete what is over; return how many rows it was."""
    return tx.execute(delete(model).where(over)).rowcount


def _ended_before(limit: int) -> ColumnElement[bool]:
    ended = or_(Challenge.ended_at < limit, Challenge.ended_at.is_(None))
    return (Challenge.expires_at < limit) & ended


class Loop(threading.Thread):
    """Calls something again and again in the background; a fault of the store is no end."""

    def __init__(self, name: str, call: Callable[[], object], *, seconds: float) -> None:
        super().__init__(name=name, daemon=True)
        self._call = call
        self._seconds = seconds
        self._stopped = threading.Event()

    def run(self) -> None:
        """Call, wait, call."""
        while not self._stopped.wait(self._seconds):
            try:
                self._call()
            except Unavailable:
                logger.warning("the database does not answer", extra={"event": self.name})
            except Exception:  # the loop outlives any single fault; the log has it
                logger.exception("background work failed", extra={"event": self.name})

    def stop(self) -> None:
        """Let the thread end after the call that runs."""
        self._stopped.set()
