"""Wake-ups within one process; `services.waiting` carries them between processes."""

import resource
import threading
from collections import defaultdict
from collections.abc import Callable

_MOST_PLACES = 10_000
_FILES_FOR_OTHERS = 256
_UNREAD = object()


def waiting_places() -> int:
    """Return how many requests of this process may wait without a thread.

    Each is an open file; a sixth of what the system allows is left to those who do not wait.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return _MOST_PLACES
    return min(max((files - _FILES_FOR_OTHERS) * 5 // 6, 0), _MOST_PLACES)


class Place:
    """One waiter."""

    def __init__(self, owner: "MemoryWakeUp", topics: tuple[str, ...], *, parked: bool) -> None:
        self._owner = owner
        self.topics = topics
        self.parked = parked
        self.mark: object = _UNREAD
        self._told = threading.Event()
        self._call: Callable[[], None] | None = None

    def saw(self, mark: object) -> None:
        """Note what was read, so that a change that nobody told of can be found."""
        self.mark = mark

    def wait(self, seconds: float) -> bool:
        """Return whether a topic was told of; a told place is ready to wait again."""
        told = self._told.wait(seconds)
        self._told.clear()
        return told and not self._owner.is_shut

    def when_told(self, call: Callable[[], None]) -> None:
        """Have `call` called as soon as a topic is told of, or was already."""
        self._call = call
        if self._told.is_set():
            call()

    def tell(self) -> None:
        """Wake it."""
        self._told.set()
        if self._call is not None:
            self._call()

    def close(self) -> None:
        """Give the place back."""
        self._owner.remove(self)


class MemoryWakeUp:
    """Waiters by topic: how many threads may wait at once is bounded, and how many without one."""

    hears = False
    """Whether other processes are heard: here they never are."""

    def __init__(self, threads: int, parked: int | None = None) -> None:
        self._free = {False: threads, True: waiting_places() if parked is None else parked}
        self._lock = threading.Lock()
        self._waiting: defaultdict[str, set[Place]] = defaultdict(set)
        self.is_shut = False

    def subscribe(self, *topics: str) -> Place | None:
        """Return a place, or `None` when waiting would take a thread that others need."""
        return self._take(topics, parked=False)

    def park(self, *topics: str) -> Place | None:
        """Return a place for one that waits without a thread, or `None` when these are taken."""
        return self._take(topics, parked=True)

    def _take(self, topics: tuple[str, ...], *, parked: bool) -> Place | None:
        place = Place(self, topics, parked=parked)
        with self._lock:
            if self.is_shut or self._free[parked] <= 0:
                return None
            self._free[parked] -= 1
            for topic in topics:
                self._waiting[topic].add(place)
        return place

    def remove(self, place: Place) -> None:
        """Forget a waiter."""
        with self._lock:
            self._free[place.parked] += 1
            for topic in place.topics:
                self._waiting[topic].discard(place)
                if not self._waiting[topic]:
                    del self._waiting[topic]

    def tell(self, *topics: str) -> None:
        """Wake whoever waits for one of these topics."""
        with self._lock:
            for topic in topics:
                for place in self._waiting.get(topic, ()):
                    place.tell()

    def tell_unless(self, topic: str, mark: object) -> None:
        """Wake those who wait for a topic and saw something else."""
        with self._lock:
            for place in self._waiting.get(topic, ()):
                if place.mark is not _UNREAD and place.mark != mark:
                    place.tell()

    def topics(self) -> tuple[str, ...]:
        """Return the topics that somebody waits for."""
        with self._lock:
            return tuple(self._waiting)

    def start(self) -> None:
        """Have nobody else to tell."""

    def stop(self) -> None:
        """Have nobody else to hear."""

    def shut(self) -> None:
        """Wake everybody and let nobody wait again: the process is about to stop."""
        with self._lock:
            self.is_shut = True
            for places in self._waiting.values():
                for place in places:
                    place.tell()
