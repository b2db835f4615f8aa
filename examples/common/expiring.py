"""Keep values in memory until they expire: enough for an example, not for two processes."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Clock = Callable[[], int]
Value = TypeVar("Value")


class Expiring(Generic[Value]):
    """A dictionary whose entries die after `seconds`; every method is atomic among threads.

    At most `limit` entries are kept; the oldest goes first, so that strangers cannot fill it.
    """

    def __init__(self, seconds: int, now: Clock, *, limit: int = 10_000) -> None:
        self._seconds = seconds
        self._now = now
        self._limit = limit
        self._entries: dict[str, tuple[int, Value]] = {}
        self._lock = threading.Lock()

    def put(self, key: str, value: Value) -> None:
        """Keep `value` under `key` for the lifetime of this store, starting now."""
        with self._lock:
            self._put(key, value)

    def add(self, key: str, value: Value) -> bool:
        """Keep `value` unless `key` is there already; say whether it was new."""
        with self._lock:
            if self._alive(key) is not None:
                return False
            self._put(key, value)
            return True

    def get(self, key: str) -> Value | None:
        """Return what lives under `key`, if anything."""
        with self._lock:
            return self._alive(key)

    def take(self, key: str) -> Value | None:
        """Return and forget what lives under `key`, so that only one caller ever gets it."""
        with self._lock:
            value = self._alive(key)
            self._entries.pop(key, None)
            return value

    def _put(self, key: str, value: Value) -> None:
        now = self._now()
        self._entries.pop(key, None)
        for old in [key for key, (until, _) in self._entries.items() if until <= now]:
            del self._entries[old]
        while len(self._entries) >= self._limit:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (now + self._seconds, value)

    def _alive(self, key: str) -> Value | None:
        until, value = self._entries.get(key, (0, None))
        return value if until > self._now() else None
