"""Wake-ups within one process; `services.waiting` carries them between processes."""

import threading
from collections import defaultdict


class Place:
    """One waiter."""

    def __init__(self, owner: "MemoryWakeUp", topics: tuple[str, ...]) -> None:
        self._owner = owner
        self.topics = topics
        self.told = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Return whether a topic was told of; a told place is ready to wait again."""
        told = self.told.wait(seconds)
        self.told.clear()
        return told and not self._owner.is_shut

    def close(self) -> None:
        """Give the place back."""
        self._owner.remove(self)


class MemoryWakeUp:
    """Waiters by topic. `places` bounds how many threads of this process may wait at once."""

    hears = False
    """Whether other processes are heard: here they never are."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._waiting: defaultdict[str, set[Place]] = defaultdict(set)
        self._count = 0
        self.is_shut = False

    def subscribe(self, *topics: str) -> Place | None:
        """Return a place, or `None` when waiting would take a thread that others need."""
        place = Place(self, topics)
        with self._lock:
            if self._count >= self._places:
                return None
            self._count += 1
            for topic in topics:
                self._waiting[topic].add(place)
        return place

    def remove(self, place: Place) -> None:
        """Forget a waiter."""
        with self._lock:
            self._count -= 1
            for topic in place.topics:
                self._waiting[topic].discard(place)
                if not self._waiting[topic]:
                    del self._waiting[topic]

    def tell(self, *topics: str) -> None:
        """Wake whoever waits for one of these topics."""
        with self._lock:
            for topic in topics:
                for place in self._waiting.get(topic, ()):
                    place.told.set()

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
            self._places = 0
            for places in self._waiting.values():
                for place in places:
                    place.told.set()
