"""Wake-ups between processes: each tells the others by a transport, off the request's path.

What a transport loses, `services.waiting.Watcher` finds; so it may fail at any moment. A process
says for which kinds of topics somebody waits there; what nobody waits for elsewhere is not carried.
"""

import json
import logging
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

from .wakeup_memory import MemoryWakeUp, Place

_MOST_TOPICS = 100
_LONGEST_TOPIC = 200
_MOST_WAITING = 10_000
_BELIEVED_SECONDS = 6.0
_SAID_SHARE, _ARRIVED_SHARE = 1 / 3, 1 / 6
_WAITED_FOR = "?"
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
        believed_seconds: float = _BELIEVED_SECONDS,
    ) -> None:
        """Take what tells our own texts from those of other processes as `name`; no secret.

        The topics that are `kept` concern this process only and are not carried. That somebody
        waits for a kind is said three times before it is believed no more.
        """
        self._local = local
        self._transport = transport
        self._name = name
        self._kept = kept
        self._outgoing: queue.SimpleQueue[tuple[str, ...]] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listens = False
        self._known_from = 0.0  # since when everybody has said what is waited for there
        self._wanted: dict[str, float] = {}  # until when somebody elsewhere waits, by kind
        self._believed = believed_seconds
        self._say_every = believed_seconds * _SAID_SHARE
        self._said: dict[str, float] = {}  # when we said that somebody waits here, by kind
        self._say_again_at = 0.0
        self._heard_from = 0.0  # since when others know of all for which somebody waits here

    @property
    def hears(self) -> bool:
        """Whether others tell us of all that is waited for here, so that nobody looks often."""
        return self._listens and time.monotonic() >= self._heard_from

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
        return self._waiting(self._local.subscribe(*topics))

    def park(self, *topics: str) -> Place | None:
        """Return a place; see `MemoryWakeUp`."""
        return self._waiting(self._local.park(*topics))

    def tell(self, *topics: str) -> None:
        """Wake who waits here, and in a moment those elsewhere."""
        self._local.tell(*topics)
        carried = tuple(topic for topic in topics if self._is_wanted(topic))
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

    def _is_wanted(self, topic: str) -> bool:
        """Tell whether somebody elsewhere may wait for it; while that is not known, it is so."""
        now = time.monotonic()
        if topic in self._kept:
            return False
        if not self._listens or now < self._known_from:
            return True
        return self._wanted.get(_kind(topic), 0) > now

    def _waiting(self, place: Place | None) -> Place | None:
        """Say that somebody waits here, if others do not know it of this kind."""
        now = time.monotonic()
        for topic in () if place is None else place.topics:
            said = self._said.get(kind := _kind(topic), -self._believed)
            if topic not in self._kept and now - said >= self._say_every:
                self._said[kind] = now
                self._outgoing.put((_WAITED_FOR + kind,))
                if now - said >= self._believed:
                    self._heard_from = now + self._believed * _ARRIVED_SHARE
        return place

    def _said_again(self) -> dict[str, None]:
        """Return what is to be said again: for what kinds somebody still waits here."""
        now = time.monotonic()
        if now < self._say_again_at:
            return {}
        self._say_again_at = now + self._say_every
        kinds = {_kind(topic) for topic in self._local.topics() if topic not in self._kept}
        self._said |= dict.fromkeys(kinds, now)
        return {_WAITED_FOR + kind: None for kind in kinds}

    def _send(self) -> None:
        """Send what was told, several in one text when they come fast."""
        while not self._stopped.is_set():
            topics = self._said_again()
            with suppress(queue.Empty):
                topics |= dict.fromkeys(self._outgoing.get(timeout=self._say_every / 2))
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
            self._listens = False
            self._stopped.wait(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
            failures += 1

    def _hear(self, text: str | None) -> None:
        """Wake who waits for what is told; after a pause everybody, for something was missed."""
        if text is None:
            self._listens = True
            self._known_from = time.monotonic() + self._believed
            self._local.tell(*self._local.topics())
            return
        topics = _topics_of(text, own=self._name)
        now = time.monotonic()
        said = {topic[1:]: now + self._believed for topic in topics if topic[:1] == _WAITED_FOR}
        self._wanted = {kind: until for kind, until in self._wanted.items() if until > now} | said
        if topics:
            self._local.tell(*topics)


def _kind(topic: str) -> str:
    return topic.partition(":")[0]


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
