"""Clients of a directory: what it said is used again within bounds, and its outage is said at once.

Never is a fault of the directory a success (contract section 9): once it is known, everybody is
refused until the directory has answered again, also those whose answer could still be used.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from mfa_service.domain.errors import Unavailable
from mfa_service.domain.ports import (
    ClientDirectory,
    Clock,
    DirectoryBusy,
    DirectoryFault,
    Listed,
)
from mfa_service.domain.subject import Client

T = TypeVar("T")

KEPT_IF_UNKNOWN = 10
MOST_KEPT = 1000
RETRY_SECONDS = 5
_RESERVED = "cli_self_"
logger = logging.getLogger("mfa_service.directory")


@dataclass(frozen=True, slots=True)
class Proven:
    """A client as it is now, if there is one, and whether the secret was its own."""

    client: Client | None
    holds: bool


class DirectoryClients:
    """The clients of one directory, for any number of threads."""

    def __init__(self, directory: ClientDirectory, clock: Clock, *, kept_seconds: int) -> None:
        """Take how long an answer may be used again; for an unknown id 10 s at most."""
        self._directory = directory
        self._clock = clock
        self._outage = _Outage(clock)
        self._answers = _Answers(clock, kept_seconds)

    def find(self, client_id: str) -> Client | None:
        """Return the client as it is, or was `kept_seconds` ago at most; disabled ones too.

        Raises `Unavailable` when the directory does not say.
        """
        if client_id.startswith(_RESERVED):
            return None
        self._outage.refuse()
        known, client = self._answers.of(client_id)
        if known and self._directory.stands():
            return client
        return self._read(client_id)[0]

    def by_secret(self, client_id: str, secret: str) -> Proven:
        """Return the client as it is now, and whether this is its secret; both are asked anew.

        Raises `Unavailable` when the directory does not say. An empty secret is nobody's, and
        nobody is asked.
        """
        if not secret or client_id.startswith(_RESERVED):
            return Proven(None, holds=False)
        client, listed = self._read(client_id)
        if client is None or listed is None or client.disabled:
            return Proven(client, holds=False)
        holds = self._asked(lambda directory: directory.proves(listed, secret))
        return Proven(client, holds=holds)

    def all(self) -> list[Client]:
        """Return every client, by id; raise `Unavailable`."""
        return [listed.client for listed in self._asked(lambda directory: directory.all())]

    def _read(self, client_id: str) -> tuple[Client | None, Listed | None]:
        listed = self._asked(lambda directory: directory.find(client_id))
        client = listed.client if listed else None
        self._answers.keep(client_id, client)
        return client, listed

    def _asked(self, question: Callable[[ClientDirectory], T]) -> T:
        """Return the directory's answer; after a fault it is asked by one of us every 5 s."""
        self._outage.refuse(try_again=True)
        try:
            answer = question(self._directory)
        except DirectoryBusy as exc:
            logger.warning("the directory is busy", extra=_why(exc))
            raise _unavailable() from exc
        except DirectoryFault as exc:
            self._outage.begin()
            self._answers.forget()
            logger.warning("the directory does not answer", extra=_why(exc))
            raise _unavailable() from exc
        self._outage.end()
        return answer


class _Outage:
    """Whether the directory is known not to answer, and who may try whether it does again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tried_at: int | None = None

    def begin(self) -> None:
        with self._lock:
            self._tried_at = self._clock.now()

    def end(self) -> None:
        with self._lock:
            self._tried_at = None

    def refuse(self, *, try_again: bool = False) -> None:
        """Raise `Unavailable` during an outage, unless it is time for a try.

        Who makes it says `try_again`; all others go on being refused meanwhile.
        """
        at = self._clock.now()
        with self._lock:
            if self._tried_at is None:
                return
            if 0 <= at - self._tried_at < RETRY_SECONDS:
                raise _unavailable()
            if try_again:
                self._tried_at = at


class _Answers:
    """What the directory said, for so many seconds and at most `MOST_KEPT` ids."""

    def __init__(self, clock: Clock, kept_seconds: int) -> None:
        self._clock = clock
        self._kept = kept_seconds
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[int, Client | None]] = OrderedDict()

    def of(self, client_id: str) -> tuple[bool, Client | None]:
        """Return whether something can be used, and what."""
        at = self._clock.now()
        with self._lock:
            told_at, client = self._known.get(client_id, (None, None))
        if told_at is None:
            return False, None
        seconds = self._kept if client else min(self._kept, KEPT_IF_UNKNOWN)
        return 0 <= at - told_at < seconds, client

    def keep(self, client_id: str, client: Client | None) -> None:
        """Remember an answer; the oldest one makes room."""
        with self._lock:
            self._known[client_id] = self._clock.now(), client
            self._known.move_to_end(client_id)
            if len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)

    def forget(self) -> None:
        with self._lock:
            self._known.clear()


def _unavailable() -> Unavailable:
    return Unavailable("The directory of clients does not answer.", retry_after=RETRY_SECONDS)


def _why(exc: DirectoryFault) -> dict[str, str]:
    return {"event": "directory", "reason": str(exc)}
