"""Who may write to a SQLite file next: threads of one process queue, processes take turns."""

import fcntl
import os
import threading
import time
from pathlib import Path

from mfa_service.domain.errors import Unavailable

WAIT_SECONDS = 10
_LOOK_SECONDS = 0.001


class Turns:
    """One writer at a time over all processes that come here, none of them overtaken twice.

    SQLite itself lets those who wait look now and then, and whoever looks in the right moment
    wins: a process whose threads queue leaves others less than a millisecond. Here who waits
    for the writer's lock holds the gate, and nobody else gets as far as that lock. The locks are
    the kernel's (`flock`), so a process that dies gives them back.
    """

    def __init__(self, database: str | None, *, wait_seconds: float = WAIT_SECONDS) -> None:
        """Take the path of the database; without one there are no other processes."""
        self._database = database
        self._wait_seconds = wait_seconds
        self._thread = threading.Lock()
        self._gate = self._writer = -1

    def take(self) -> None:
        """Take the right to write; raise `Unavailable` when it does not come in time."""
        until = time.monotonic() + self._wait_seconds
        if not self._thread.acquire(timeout=self._wait_seconds):
            raise _busy()
        try:
            if self._database is not None:
                if self._writer < 0:
                    self._open(self._database)
                self._pass_gate(until)
        except BaseException:
            self._thread.release()
            raise

    def pass_on(self) -> None:
        """Give it to whoever comes next."""
        try:
            if self._database is not None:
                fcntl.flock(self._writer, fcntl.LOCK_UN)
        finally:
            self._thread.release()

    def _pass_gate(self, until: float) -> None:
        _lock(self._gate, until)
        try:
            _lock(self._writer, until)
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)

    def _open(self, database: str) -> None:
        at = Path(f"{database}-turns")
        self._gate, self._writer = (_opened(at.with_name(at.name + name)) for name in ("0", "1"))


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _lock(file: int, until: float) -> None:
    while not _locks(file):
        if time.monotonic() >= until:
            raise _busy()
        time.sleep(_LOOK_SECONDS)


def _locks(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _busy() -> Unavailable:
    return Unavailable("The database is busy.", retry_after=1)
