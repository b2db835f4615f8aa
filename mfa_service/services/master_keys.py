"""Following one master key by the next: what each still holds, and sealing anew."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from mfa_service.adapters.master_keys import MasterKeys
from mfa_service.domain.events import Event
from mfa_service.domain.ports import Clock, SealBroken, SecretBox
from mfa_service.persistence import audit, key_marks
from mfa_service.persistence.key_marks import Marked, Replacement
from mfa_service.persistence.unit_of_work import UnitOfWork

from .sealed_places import CLIENT_SECRETS, LASTING, PASSING, SEALED, Sealed

BATCH = 100
_ROUNDS = 5
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What a master key still holds: counts by table and column.

    `lasting` are hashes that stay until their secret is used, `passing` those of what ends soon.
    `clients` are the ids of the first clients whose secret is hashed under a key to be removed.
    """

    kid: str
    listed: bool
    current: bool
    sealed: dict[str, int]
    lasting: dict[str, int]
    passing: dict[str, int]
    clients: list[str]

    @property
    def used(self) -> bool:
        """Whether any value names this key."""
        return bool(self.sealed or self.lasting or self.passing)

    @property
    def removable(self) -> bool:
        """Whether nothing would be lost without this key."""
        return not (self.current or self.used)


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What one run did: values sealed anew, and those that open under no listed key."""

    sealed_anew: dict[str, int]
    broken: dict[str, int]


Progress = Callable[[str, int], object]


class MasterKeyService:
    """Use cases behind `mfa keys master`; they run beside the service."""

    def __init__(
        self,
        work: UnitOfWork,
        keys: MasterKeys,
        box: SecretBox,
        clock: Clock,
        *,
        batch: int = BATCH,
    ) -> None:
        self._work = work
        self._keys = keys
        self._box = box
        self._clock = clock
        self._batch = batch

    def uses(self) -> list[KeyUse]:
        """Return every key that is listed or that some value names, the current one first."""
        sealed = self._counts(place.marked for place in SEALED)
        lasting, passing = self._counts(LASTING), self._counts(PASSING)
        listed = self._keys.ids()
        strangers = sorted({*sealed, *lasting, *passing} - set(listed))
        return [
            KeyUse(
                kid=kid,
                listed=kid in listed,
                current=kid == self._keys.current,
                sealed=sealed.get(kid, {}),
                lasting=lasting.get(kid, {}),
                passing=passing.get(kid, {}),
                clients=self._clients(kid) if CLIENT_SECRETS.title in lasting.get(kid, {}) else [],
            )
            for kid in (*listed, *strangers)
        ]

    def rewrap(self, told: Progress) -> Rewrapped:
        """Seal anew, under the first key, all that another one sealed.

        Each batch is a transaction of its own, so it may be interrupted at any time and called
        again; `told` hears of every column that something was done in. What others write
        meanwhile is left as they wrote it.
        """
        done = Rewrapped({}, {})
        for place in SEALED:
            anew, broken = self._column(place)
            title = place.marked.title
            if anew:
                done.sealed_anew[title] = anew
                told(title, anew)
            if broken:
                done.broken[title] = broken
        if done.sealed_anew:
            count = sum(done.sealed_anew.values())
            reason = f"{count} sealed under {self._keys.current}"
            entry = audit.Entry(Event.ADMIN_MASTER_REWRAP, self._clock.now(), reason=reason)
            with self._work.transaction() as tx:
                audit.record(tx, entry)
        return done

    def _counts(self, columns: Iterable[Marked]) -> dict[str, dict[str, int]]:
        """Return counts by key, then by column."""
        found: dict[str, dict[str, int]] = {}
        at = self._clock.now()
        for marked in columns:
            with self._work.reading() as tx:
                each = key_marks.counts(tx, marked, self._keys.ids(), at=at)
            for kid, count in each.items():
                found.setdefault(kid, {})[marked.title] = count
        return found

    def _clients(self, kid: str) -> list[str]:
        if kid in {self._keys.current, key_marks.UNREADABLE}:
            return []
        with self._work.reading() as tx:
            return key_marks.keys_under(
                tx, CLIENT_SECRETS, kid, at=self._clock.now(), most=_MOST_NAMED
            )

    def _column(self, place: Sealed) -> tuple[int, int]:
        """Go through a column until a round finds nothing more to do; rows may be held."""
        anew, broken = 0, 0
        for _ in range(_ROUNDS):
            changed, seen, broken = self._round(place)
            anew += changed
            if seen == changed + broken:
                break
        return anew, broken

    def _round(self, place: Sealed) -> tuple[int, int, int]:
        """Go through a column once; return how many were replaced, seen, and did not open."""
        replacement, changed, seen, broken = Replacement(place.marked), 0, 0, 0
        after: tuple[object, ...] | None = None
        while rows := self._page(place.marked, after):
            values = {}
            for row in rows:
                old = bytes(getattr(row, place.marked.name))
                new = self._anew(place, row, old)
                if new is not None:
                    values[key_marks.key_of_row(place.marked, row)] = (old, new)
            if values:
                with self._work.transaction() as tx:
                    changed += replacement.run(tx, values)
            seen, broken = seen + len(rows), broken + len(rows) - len(values)
            after = key_marks.key_of_row(place.marked, rows[-1])
        return changed, seen, broken

    def _page(self, marked: Marked, after: tuple[object, ...] | None) -> list[Row[Any]]:
        with self._work.reading() as tx:
            found = key_marks.page(tx, marked, self._keys.current, after=after, size=self._batch)
        return list(found)

    def _anew(self, place: Sealed, row: Row[Any], old: bytes) -> bytes | None:
        """Return a value sealed under the first key; `None` if it opens under no listed one."""
        where = place.place(row)
        try:
            return self._box.seal(self._box.open(old, place=where), place=where)
        except SealBroken:
            return None
