"""Lends connections that stay taken from SQLAlchemy's pool, so that a use costs no checking out."""

import threading
from contextlib import suppress

from sqlalchemy import Engine, event
from sqlalchemy.exc import TimeoutError as PoolTimeout

from .base import CONNECTIONS, KEPT, WAIT_SECONDS
from .prepared import Lent


class Lending:
    """Connections of an engine for one use each; the one used last goes first.

    SQLAlchemy's pool makes them and still judges which are dead: with one of them all that lie
    idle here are closed, as they are when the engine is disposed of.
    """

    def __init__(self, engine: Engine, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self.engine = engine
        self._wait_seconds = wait_seconds
        self._idle: list[Lent] = []
        self._changed = threading.Condition()
        self._there = self._waiting = 0  # under the condition
        event.listen(engine, "engine_disposed", self._forget)
        event.listen(engine, "invalidate", self._forget)

    def take(self) -> Lent:
        """Return a connection outside of any transaction; raise `PoolTimeout` when none is free."""
        try:
            return self._idle.pop()
        except IndexError:
            pass
        with self._changed:
            self._waiting += 1
            found = self._changed.wait_for(self._place, timeout=self._wait_seconds)
            self._waiting -= 1
        if found is None:
            raise PoolTimeout("all connections are in use")
        return found[0] or self._made()

    def give_back(self, connection: Lent, *, sound: bool) -> None:
        """Take it back. Kept is what is `sound`: nothing failed on it, and nothing is open."""
        if sound and len(self._idle) < KEPT and not connection.in_transaction():
            self._idle.append(connection)
            if self._waiting:  # who begins to wait looks once more after it has said so
                self._tell(gone=0)
            return
        try:
            connection.close()  # rolls back what was not committed
        finally:
            self._tell(gone=1)

    @property
    def lent(self) -> int:
        """How many are in use now."""
        return self._there - len(self._idle)

    def _place(self) -> tuple[Lent | None] | None:
        """Return one that came back, or room for another; `None` when there is neither."""
        try:
            return (self._idle.pop(),)
        except IndexError:
            if self._there == CONNECTIONS:
                return None
            self._there += 1
            return (None,)

    def _made(self) -> Lent:
        try:
            return Lent(self.engine)
        except BaseException:
            self._tell(gone=1)
            raise

    def _tell(self, *, gone: int) -> None:
        """Tell one who waits of what came back, or that so many are there no more."""
        with self._changed:
            self._there -= gone
            self._changed.notify()

    def _forget(self, *_: object) -> None:
        with suppress(IndexError):  # one after the other: meanwhile more may come back
            while True:
                connection = self._idle.pop()
                connection.detach()  # the pool that it came from may be disposed of already
                connection.close()
                self._tell(gone=1)
