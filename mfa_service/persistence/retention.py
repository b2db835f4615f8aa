"""How long rows are kept: partitions are dropped on PostgreSQL, rows are deleted on SQLite."""

from sqlalchemy import ColumnElement, Connection, delete, func, select, text

from mfa_service.domain.ids import challenge_ids_from
from mfa_service.domain.limits import Limits

from .base import Base
from .models import AuditEvent, Challenge, SeenToken
from .partitions import AUDIT, CHALLENGES, TOKENS, Partitions
from .unit_of_work import UnitOfWork

_DAY = 86_400
_OLD_LENGTH = 30  # of ids of challenges that did not begin with a time
_GUARD = "audit_event_no_delete"


class Retention:
    """Ends what was kept long enough: challenges, replay guards and, if so wished, the audit."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._partitions = Partitions(work) if work.engine.dialect.name == "postgresql" else None
        self._swept = False

    def prepare(self, *, at: int) -> None:
        """Make the partitions of now and of the next periods, where there are any."""
        if self._partitions is not None:
            self._partitions.make(at)

    def run(self, limits: Limits, *, at: int) -> dict[str, int]:
        """Do what is due, safe beside others that do the same; return how much of what it was."""
        if self._partitions is not None:
            return self._drop(self._partitions, limits, at=at)
        with self._work.transaction() as tx:
            done = {
                "challenges_deleted": self._delete_challenges(
                    tx, before=at - limits.kept_after_end
                ),
                "seen_tokens_deleted": _deleted(tx, SeenToken, SeenToken.expires_at < at),
            }
            if limits.audit_kept:
                done["audit_events_deleted"] = _delete_audit(tx, before=at - limits.audit_kept)
        return done

    @staticmethod
    def _drop(partitions: Partitions, limits: Limits, *, at: int) -> dict[str, int]:
        """Make the partitions of the next time, and drop those whose time is over."""
        partitions.make(at)
        dropped = partitions.drop(CHALLENGES, at - limits.kept_after_end)
        dropped += partitions.drop(TOKENS, at)
        if limits.audit_kept:
            dropped += partitions.drop(AUDIT, at - limits.audit_kept)
        return {"partitions_dropped": dropped}

    def _delete_challenges(self, tx: Connection, *, before: int) -> int:
        """Delete by id, which begins with the time; once in a process what an old version wrote."""
        over = Challenge.expires_at < before
        deleted = _deleted(tx, Challenge, (Challenge.id < challenge_ids_from(before)) & over)
        if not self._swept:
            deleted += _deleted(tx, Challenge, (func.length(Challenge.id) == _OLD_LENGTH) & over)
            self._swept = True
        return deleted


def _deleted(tx: Connection, model: type[Base], over: ColumnElement[bool]) -> int:
    """Delete what is over; return how many rows it was."""
    return tx.execute(delete(model).where(over)).rowcount


def _delete_audit(tx: Connection, *, before: int) -> int:
    """Delete a day or more; what refuses that is put away within this transaction only."""
    oldest = tx.scalar(select(func.min(AuditEvent.at)))
    if oldest is None or oldest >= before - _DAY:
        return 0
    guard = tx.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": _GUARD})
    tx.execute(text(f"DROP TRIGGER {_GUARD}"))
    deleted = _deleted(tx, AuditEvent, AuditEvent.at < before)
    tx.execute(text(guard))
    return deleted
