"""How long rows are kept: partitions are dropped on PostgreSQL, rows are deleted on SQLite."""

from sqlalchemy import Connection, delete, func, select, text

from mfa_service.domain.ids import challenge_ids_from
from mfa_service.domain.limits import Limits

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

    def run(self, limits: Limits, *, at: int) -> None:
        """Do what is due; safe beside others that do the same."""
        challenges, audit = at - limits.kept_after_end, at - limits.audit_kept
        if self._partitions is not None:
            self._partitions.make(at)
            self._partitions.drop(CHALLENGES, challenges)
            self._partitions.drop(TOKENS, at)
            if limits.audit_kept:
                self._partitions.drop(AUDIT, audit)
            return
        with self._work.transaction() as tx:
            self._delete_challenges(tx, before=challenges)
            tx.execute(delete(SeenToken).where(SeenToken.expires_at < at))
            if limits.audit_kept:
                _delete_audit(tx, before=audit)

    def _delete_challenges(self, tx: Connection, *, before: int) -> None:
        """Delete by id, which begins with the time; once in a process what an old version wrote."""
        over = Challenge.expires_at < before
        tx.execute(delete(Challenge).where(Challenge.id < challenge_ids_from(before), over))
        if not self._swept:
            tx.execute(delete(Challenge).where(func.length(Challenge.id) == _OLD_LENGTH, over))
            self._swept = True


def _delete_audit(tx: Connection, *, before: int) -> None:
    """Delete a day or more; what refuses that is put away within this transaction only."""
    oldest = tx.scalar(select(func.min(AuditEvent.at)))
    if oldest is None or oldest >= before - _DAY:
        return
    guard = tx.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": _GUARD})
    tx.execute(text(f"DROP TRIGGER {_GUARD}"))
    tx.execute(delete(AuditEvent).where(AuditEvent.at < before))
    tx.execute(text(guard))
