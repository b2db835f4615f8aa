"""Partitions by time on PostgreSQL: made ahead of time, and dropped whole when their time is over.

Each table has one more partition, `…_before`, for what falls into no other; in it is also what was
there before the table was partitioned, but for the audit, whose past is in `…_until_<day>`. While
`…_before` holds a row of some period, no partition of that period is made: a replay guard never has
two places for one row.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, column, func, select, table, text
from sqlalchemy.exc import DBAPIError

from mfa_service.domain.ids import challenge_ids_from

from .unit_of_work import UnitOfWork

_LOCK = 7205759404  # an advisory lock: one process at a time looks after partitions
_LONGEST_WAIT = "500ms"  # whoever comes after waits as long, so better try again later
_AHEAD = 3
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A table, and by which periods of time its rows are kept.

    `time` is the column by whose value a row is over, `bound` returns SQL for the lowest value of
    the partition's key at a time, `first` the beginning of the period that a day is in. With
    `own_key` each partition has the primary key itself: it does not hold the column of time, so
    the table cannot have it.
    """

    table: str
    time: str
    bound: Callable[[int], str]
    first: Callable[[datetime], datetime]
    longest: timedelta
    own_key: tuple[str, ...] = ()

    def periods(self, at: int) -> list[tuple[datetime, datetime]]:
        """Return the period of a time, and those that follow."""
        begin = self.first(datetime.fromtimestamp(at, UTC))
        found = []
        for _ in range(_AHEAD + 1):
            end = self.first(begin + self.longest)
            found.append((begin, end))
            begin = end
        return found

    def name(self, begin: datetime) -> str:
        """Return a partition's name."""
        return f"{self.table}_{begin:%Y%m%d}"

    def has(self, names: Iterable[str], begin: datetime) -> bool:
        """Tell whether a partition of these names holds the period that begins then."""
        return any(
            name == self.name(begin) or ("_until_" in name and (self.end(name) or begin) > begin)
            for name in names
        )

    def is_over(self, name: str, before: int) -> bool:
        """Tell whether all rows of a partition are older; never of the one that has no period."""
        end = self.end(name)
        return end is not None and end.timestamp() <= before

    def end(self, name: str) -> datetime | None:
        """Return when a partition's period ends; `…_until_<day>` holds all that was before."""
        part = name.removeprefix(f"{self.table}_")
        day = part.removeprefix("until_")
        if not day.isdigit():
            return None
        at = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
        return at if day != part else self.first(at + self.longest)


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _monday(at: datetime) -> datetime:
    return _midnight(at) - timedelta(days=at.weekday())


def _first_of_month(at: datetime) -> datetime:
    return _midnight(at).replace(day=1)


def _second(at: int) -> str:
    return str(at)


def _id_of_challenge(at: int) -> str:
    return f"'{challenge_ids_from(at)}'"


AUDIT = Partitioned("audit_event", "at", _second, _first_of_month, timedelta(days=31))
CHALLENGES = Partitioned("challenge", "expires_at", _id_of_challenge, _monday, timedelta(days=7))
TOKENS = Partitioned(
    "seen_token",
    "expires_at",
    _second,
    _midnight,
    timedelta(days=1),
    own_key=("holder", "jti_hash"),
)
ALL = (AUDIT, CHALLENGES, TOKENS)


class Partitions:
    """Looks after the partitions of a PostgreSQL database."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def make(self, at: int) -> None:
        """Make those that are missing, of now and of the next periods."""
        with self._work.reading() as tx:
            known = {kind.table: _names(tx, kind) for kind in ALL}
        for kind in ALL:
            for begin, end in kind.periods(at):
                if not kind.has(known[kind.table], begin):
                    self._alone(_make, kind, begin, end)

    def drop(self, kind: Partitioned, before: int) -> int:
        """Drop those whose rows are all from before a time; return how many."""
        with self._work.reading() as tx:
            over = [name for name in _names(tx, kind) if kind.is_over(name, before)]
            rest = _newest(tx, kind)
        if rest is not None and rest < before:
            self._alone(_empty, kind, before)
        return sum(self._alone(_drop, name) for name in over)

    def _alone(self, step: Callable[..., None], *given: object) -> bool:
        """Run one step in its own transaction; tell whether it was done.

        What does not get its lock soon gives up, so that nobody else has to wait for it: the next
        round tries again.
        """
        try:
            with self._work.transaction() as tx:
                tx.execute(text(f"SET LOCAL lock_timeout = '{_LONGEST_WAIT}'"))
                # PostgreSQL may have to read all of `…_before`.
                tx.execute(text("SET LOCAL statement_timeout = 0"))
                if not tx.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}):
                    return False
                _try(step, tx, *given)
        except _PutOff as exc:
            extra = {"event": "partitions", "reason": exc.reason}
            logger.warning("a partition could not be made or dropped now", extra=extra)
            return False
        return True


class _PutOff(Exception):
    """The database refused a step: somebody holds the table, or the role may not do it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _try(step: Callable[..., None], tx: Connection, *given: object) -> None:
    try:
        step(tx, *given)
    except DBAPIError as exc:
        if exc.connection_invalidated:
            raise
        raise _PutOff(type(exc.orig).__name__) from exc


def _names(tx: Connection, kind: Partitioned) -> list[str]:
    query = text(
        "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
        " WHERE inhparent = CAST(:table AS regclass) ORDER BY child.relname"
    )
    return list(tx.scalars(query, {"table": kind.table}))


def _make(tx: Connection, kind: Partitioned, begin: datetime, end: datetime) -> None:
    """Make a table beside and attach it: so others need not wait while it is made."""
    if kind.has(_names(tx, kind), begin):  # somebody was faster
        return
    name = kind.name(begin)
    tx.execute(text(f"CREATE TABLE {name} (LIKE {kind.table} INCLUDING DEFAULTS)"))
    if kind.own_key:
        tx.execute(text(f"ALTER TABLE {name} ADD PRIMARY KEY ({', '.join(kind.own_key)})"))
    low, high = (kind.bound(int(when.timestamp())) for when in (begin, end))
    tx.execute(
        text(
            f"ALTER TABLE {kind.table} ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})"
        )
    )


def _newest(tx: Connection, kind: Partitioned) -> int | None:
    """Return the time of the newest row that is in no period; `None` if there is none."""
    newest: int | None = tx.scalar(
        select(func.max(column(kind.time))).select_from(table(f"{kind.table}_before"))
    )
    return newest


def _empty(tx: Connection, kind: Partitioned, before: int) -> None:
    """Empty what is in no period at once, if it all is over."""
    tx.execute(text(f"LOCK TABLE {kind.table}_before IN ACCESS EXCLUSIVE MODE"))
    newest = _newest(tx, kind)
    if newest is not None and newest < before:
        tx.execute(text(f"TRUNCATE {kind.table}_before"))


def _drop(tx: Connection, name: str) -> None:
    tx.execute(text(f"DROP TABLE {name}"))
