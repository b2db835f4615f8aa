"""Long polls: wait for a change without a lost wake-up and without a database connection.

Within a process a waiter is told at once, by other processes through what carries wake-ups. The
net beneath is `Watcher`, one loop per process, which compares what is waited for with the database.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from mfa_service.adapters.wakeup_carried import CarriedWakeUp
from mfa_service.domain.challenge import Challenge as ChallengeValue
from mfa_service.domain.challenge import proofs_to_json
from mfa_service.domain.ids import challenge_ids_from
from mfa_service.domain.ports import Clock
from mfa_service.persistence.models import Challenge, Enrollment
from mfa_service.persistence.open_challenges import IS_OPEN, LONGEST_OPEN
from mfa_service.persistence.unit_of_work import UnitOfWork

from . import parking
from .enrollment_rows import Enrollment as EnrollmentValue
from .foundation import Foundation
from .parking import Parked, Visit

T = TypeVar("T")
WATCH_SECONDS, SELDOM_SECONDS = 0.2, 3
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Watched(Generic[T]):
    """What somebody waits for: how to read it, and what of it counts.

    `mark` is what `Watcher` reads of it when nothing has changed.
    """

    topic: str
    read: Callable[[], T]
    state: Callable[[T], object]
    mark: Callable[[T], object]
    final: Callable[[T], bool]
    until: Callable[[T], int | None]


def wait_for_change(foundation: Foundation, watched: Watched[T], *, seconds: int) -> T:
    """Return what `read` gives once its `state` differs from the first, it is final, or time is up.

    The place is taken before the first read, so no change between the two is missed. When no
    place is left the answer comes at once, and the caller polls. Raises `Parked` where the server
    can put a request aside.
    """
    if not seconds:
        return watched.read()
    visit = parking.visit()
    if visit is not None:
        return _park(foundation, watched, visit, seconds=seconds)
    place = foundation.wake_up.subscribe(watched.topic)
    if place is None:
        return watched.read()
    try:
        first = found = watched.read()
        deadline = foundation.clock.now() + seconds
        while (left := _left(foundation, watched, found, deadline)) > 0:
            if watched.state(found) != watched.state(first):
                break
            place.saw(watched.mark(found))
            told = place.wait(left)
            found = watched.read()
            if not told:
                break
        return found
    finally:
        place.close()


def _park(foundation: Foundation, watched: Watched[T], visit: Visit, *, seconds: int) -> T:
    """Return what is read, or put the request aside with the place that it has taken."""
    place = foundation.wake_up.park(watched.topic)
    if place is None:
        return watched.read()
    with ExitStack() as unless_parked:
        unless_parked.callback(place.close)
        found = watched.read()
        if visit.deadline is None:
            visit.first, visit.deadline = watched.state(found), foundation.clock.now() + seconds
        left = _left(foundation, watched, found, visit.deadline)
        if left <= 0 or watched.state(found) != visit.first:
            return found
        place.saw(watched.mark(found))
        unless_parked.pop_all()
    raise Parked(place, left)


def _left(foundation: Foundation, watched: Watched[T], found: T, deadline: int) -> int:
    """Return for how many seconds there is something to wait for."""
    if watched.final(found):
        return 0
    end = watched.until(found)
    return min(deadline, deadline if end is None else end) - foundation.clock.now()


class Watcher:
    """Tells this process's waiters of what other processes changed; `look` is called in a loop."""

    def __init__(self, work: UnitOfWork, wake_up: CarriedWakeUp, clock: Clock) -> None:
        self._work = work
        self._wake_up = wake_up
        self._clock = clock
        self._looked_at = 0

    def look(self) -> None:
        """Compare what every waiter saw with the database, and tell those who saw something else.

        While other processes are heard, it looks every 3 s only, for what was not carried.
        """
        at = self._clock.now()
        if self._wake_up.hears and at - self._looked_at < SELDOM_SECONDS:
            return
        self._looked_at = at
        topics = self._wake_up.topics()
        if not topics:
            return
        found: dict[str, object] = dict.fromkeys(topics)
        found |= self._challenges(_named(topics, "challenge:"))
        found |= self._users(_named(topics, "user:"))
        found |= self._enrollments(_named(topics, "enrollment:"))
        for topic, mark in found.items():
            self._wake_up.tell_unless(topic, mark)

    def _challenges(self, ids: list[str]) -> dict[str, object]:
        moving = (Challenge.status, Challenge.attempts_left, Challenge.push_state, Challenge.proofs)
        query = select(Challenge.id, *moving)
        rows = self._rows(query, Challenge.id, ids)
        return {f"challenge:{row[0]}": [*row[1:]] for row in rows}

    def _enrollments(self, ids: list[str]) -> dict[str, object]:
        query = select(Enrollment.id, Enrollment.state, Enrollment.attempts_left)
        rows = self._rows(query, Enrollment.id, ids)
        return {f"enrollment:{row[0]}": [*row[1:]] for row in rows}

    def _users(self, ids: list[str]) -> dict[str, object]:
        at = self._clock.now()
        pending: dict[str, set[str]] = {f"user:{user_id}": set() for user_id in ids}
        query = select(Challenge.user_id, Challenge.id, Challenge.proofs).where(
            IS_OPEN,
            Challenge.id >= challenge_ids_from(at - LONGEST_OPEN),
            Challenge.expires_at > at,
            Challenge.offers_push == 1,
        )
        for user_id, challenge_id, proofs in self._rows(query, Challenge.user_id, ids):
            pending[f"user:{user_id}"].add(challenge_id + proofs)
        return dict(pending)

    def _rows(
        self, query: Select[*tuple[Any, ...]], key: InstrumentedAttribute[str], ids: list[str]
    ) -> Iterator[Row[*tuple[Any, ...]]]:
        for start in range(0, len(ids), _BATCH):
            with self._work.reading() as tx:
                yield from tx.execute(query.where(key.in_(ids[start : start + _BATCH])))


def mark_of_challenge(challenge: ChallengeValue) -> object:
    """Return what `Watcher` reads of a challenge like this one."""
    proofs = proofs_to_json(challenge.proofs)
    return [challenge.status, challenge.attempts_left, challenge.push_state, proofs]


def mark_of_enrollment(enrollment: EnrollmentValue) -> object:
    """Return what `Watcher` reads of an enrollment like this one."""
    return [enrollment.state, enrollment.attempts_left]


def mark_of_pending(challenges: Iterable[ChallengeValue]) -> object:
    """Return what `Watcher` reads of a user for whom these are pending."""
    return {challenge.id + proofs_to_json(challenge.proofs) for challenge in challenges}


def _named(topics: Iterable[str], prefix: str) -> list[str]:
    return [topic.removeprefix(prefix) for topic in topics if topic.startswith(prefix)]
