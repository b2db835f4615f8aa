"""Wake-ups between processes: each tells the others by a transport, off the request's path.

What a transport loses, `services.waiting.Watcher` finds; so it may fail at any moment.
"""

import json
import logging
import queue
import threading
from collections.abc import Iterator
from typing import Protocol

from .wakeup_memory import MemoryWakeUp, Place

_MOST_TOPICS = 100
_LONGEST_TOPIC = 200
_MOST_WAITING = 10_000
_RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
logger = logging.getLogger(__name__)


class TransportFault(Exception):
    """The transport does not work right now; the text is a word for the log."""


class Transport(Protocol):
    """Carries short texts to every process that listens, this one included; may lose some."""

    def publish(self, text: str) -> None:
        """Send a text of at most 8 kB; raise `TransportFault`."""
        ...

    def texts(self, stopped: threading.Event) -> Iterator[str | None]:
        """Connect, give `None`, and then what comes, until `stopped`; raise `TransportFault`."""
        ...

    def close(self) -> None:
        """Let go of what `publish` holds, which is called no more."""
        ...


class CarriedWakeUp:
    """`MemoryWakeUp` that also tells the other processes, once it is started."""

    def __init__(
        self,
        local: MemoryWakeUp,
        transport: Transport,
        *,
        name: str,
        kept: frozenset[str] = frozenset(),
    ) -> None:
        """Take what tells our own texts from those of other processes as `name`; no secret.

        The topics that are `kept` concern this process only and are not carried.
        """
        self._local = local
        self._transport = transport
        self._name = name
        self._kept = kept
        self._outgoing: queue.SimpleQueue[tuple[str, ...]] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self.hears = False
        """Whether others are heard right now, so that nobody has to look at the database often."""

    def start(self) -> None:
        """Begin to listen and to send, in threads that end with the process."""
        calls = {"wake-ups out": self._send, "wake-ups in": self._listen}
        self._threads = [
            threading.Thread(name=name, target=call, daemon=True) for name, call in calls.items()
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Neither listen nor send any more; returns when both have ended."""
        self._stopped.set()
        self._outgoing.put(())
        for thread in self._threads:
            thread.join()
        self._transport.close()

    def subscribe(self, *topics: str) -> Place | None:
        """Return a place; see `MemoryWakeUp`."""
        return self._local.subscribe(*topics)

    def park(self, *topics: str) -> Place | None:
        """Return a place; see `MemoryWakeUp`."""
        return self._local.park(*topics)

    def tell(self, *topics: str) -> None:
        """Wake who waits here, and in a moment those elsewhere."""
        self._local.tell(*topics)
        carried = tuple(topic for topic in topics if topic not in self._kept)
        if self._threads and carried and self._outgoing.qsize() < _MOST_WAITING:
            self._outgoing.put(carried)

    def tell_unless(self, topic: str, mark: object) -> None:
        """Wake those here who saw something else."""
        self._local.tell_unless(topic, mark)

    def topics(self) -> tuple[str, ...]:
        """Return the topics that somebody waits for here."""
        return self._local.topics()

    def shut(self) -> None:
        """Wake everybody here and let nobody wait again."""
        self._local.shut()

    def _send(self) -> None:
        """Send what was told, several in one text when they come fast."""
        while not self._stopped.is_set():
            topics = dict.fromkeys(self._outgoing.get())
            while not self._outgoing.empty() and len(topics) < _MOST_TOPICS:
                topics |= dict.fromkeys(self._outgoing.get())
            if not topics:
                continue
            try:
                self._transport.publish(json.dumps([self._name, *topics]))
            except TransportFault as exc:
                logger.warning("a wake-up was not carried", extra=_about(exc))
                self._stopped.wait(_RETRY_SECONDS[0])

    def _listen(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            try:
                for text in self._transport.texts(self._stopped):
                    failures = 0
                    self._hear(text)
            except TransportFault as exc:
                logger.warning("wake-ups of others are not heard", extra=_about(exc))
            self.hears = False
            self._stopped.wait(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
            failures += 1

    def _hear(self, text: str | None) -> None:
        """Wake who waits for what is told; after a pause everybody, for something was missed."""
        if text is None:
            self.hears = True
            self._local.tell(*self._local.topics())
            return
        topics = _topics_of(text, own=self._name)
        if topics:
            self._local.tell(*topics)


def _topics_of(text: str, *, own: str) -> list[str]:
    """Return what another process tells of; nothing for what is ours or no such text."""
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(parts, list) or len(parts) > _MOST_TOPICS * 2 or parts[:1] == [own]:
        return []
    return [part for part in parts[1:] if isinstance(part, str) and len(part) <= _LONGEST_TOPIC]


def _about(fault: TransportFault) -> dict[str, str]:
    return {"event": "wake_up", "reason": str(fault)}
