"""Long polls: wait for a change without a lost wake-up and without a database connection.

Within a process a waiter is told at once. What other processes change is told by Redis or
PostgreSQL, and seen by `Watcher`, one loop per process, which compares what is waited for with the
database: a few times a second on SQLite, and as a net beneath the others.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import select

from mfa_service.adapters.wakeup_carried import CarriedWakeUp
from mfa_service.adapters.wakeup_memory import MemoryWakeUp
from mfa_service.domain.challenge import Status
from mfa_service.domain.ports import Clock
from mfa_service.persistence.models import Challenge, Enrollment
from mfa_service.persistence.unit_of_work import UnitOfWork

from .foundation import Foundation

T = TypeVar("T")
WATCH_SECONDS, SELDOM_SECONDS = 0.2, 3
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Watched(Generic[T]):
    """What somebody waits for: how to read it, and what of it counts."""

    topic: str
    read: Callable[[], T]
    state: Callable[[T], object]
    final: Callable[[T], bool]
    until: Callable[[T], int | None]


def wait_for_change(foundation: Foundation, watched: Watched[T], *, seconds: int) -> T:
    """Return what `read` gives once its `state` differs from the first, it is final, or time is up.

    The place is taken before the first read, so no change between the two is missed. When no
    place is left the answer comes at once, and the caller polls.
    """
    place = foundation.wake_up.subscribe(watched.topic) if seconds else None
    if place is None:
        return watched.read()
    try:
        first = found = watched.read()
        deadline = foundation.clock.now() + seconds
        while not watched.final(found) and watched.state(found) == watched.state(first):
            now, end = foundation.clock.now(), watched.until(found)
            left = min(deadline, deadline if end is None else end) - now
            if left <= 0:
                break
            told = place.wait(left)
            found = watched.read()
            if not told:
                break
        return found
    finally:
        place.close()


class Watcher:
    """Tells this process's waiters of what other processes changed; `look` is called in a loop."""

    def __init__(
        self, work: UnitOfWork, wake_up: MemoryWakeUp | CarriedWakeUp, clock: Clock
    ) -> None:
        self._work = work
        self._wake_up = wake_up
        self._clock = clock
        self._looked_at = 0
        self._seen: dict[str, object] = {}

    def look(self) -> None:
        """Compare every waited-for topic with the last look, and tell of those that differ.

        A topic seen for the first time is told of too: it may have changed after its waiter read.
        While other processes are heard, it looks every 3 s only, for what was not carried.
        """
        at = self._clock.now()
        if self._wake_up.hears and at - self._looked_at < SELDOM_SECONDS:
            return
        self._looked_at = at
        topics = self._wake_up.topics()
        found: dict[str, object] = dict.fromkeys(topics)
        found |= self._challenges(_named(topics, "challenge:"))
        found |= self._users(_named(topics, "user:"))
        found |= self._enrollments(_named(topics, "enrollment:"))
        for topic, value in found.items():
            if self._seen.get(topic, self) != value:
                self._wake_up.tell(topic)
        self._seen = dict(found)

    def _challenges(self, ids: list[str]) -> dict[str, object]:
        found: dict[str, object] = {}
        moving = (Challenge.status, Challenge.attempts_left, Challenge.push_state, Challenge.proofs)
        columns = (Challenge.id, *moving)
        for batch in _batches(ids):
            with self._work.reading() as tx:
                for row in tx.execute(select(*columns).where(Challenge.id.in_(batch))):
                    found[f"challenge:{row.id}"] = tuple(row)
        return found

    def _users(self, ids: list[str]) -> dict[str, object]:
        pending: dict[str, set[str]] = {f"user:{user_id}": set() for user_id in ids}
        for batch in _batches(ids):
            query = select(Challenge.user_id, Challenge.id, Challenge.proofs).where(
                Challenge.user_id.in_(batch),
                Challenge.status == Status.PENDING,
                Challenge.expires_at > self._clock.now(),
            )
            with self._work.reading() as tx:
                for row in tx.execute(query):
                    pending[f"user:{row.user_id}"].add(row.id + row.proofs)
        return dict(pending)

    def _enrollments(self, ids: list[str]) -> dict[str, object]:
        found: dict[str, object] = {}
        columns = (Enrollment.id, Enrollment.state, Enrollment.attempts_left)
        for batch in _batches(ids):
            with self._work.reading() as tx:
                for row in tx.execute(select(*columns).where(Enrollment.id.in_(batch))):
                    found[f"enrollment:{row.id}"] = tuple(row)
        return found


def _named(topics: Iterable[str], prefix: str) -> list[str]:
    return [topic.removeprefix(prefix) for topic in topics if topic.startswith(prefix)]


def _batches(ids: list[str]) -> Iterable[list[str]]:
    return (ids[i : i + _BATCH] for i in range(0, len(ids), _BATCH))
