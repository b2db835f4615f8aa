"""Lends connections that stay taken from SQLAlchemy's pool, so that a use costs no checking out."""

import threading

from sqlalchemy import Engine, event
from sqlalchemy.exc import TimeoutError as PoolTimeout

from .base import CONNECTIONS, KEPT, WAIT_SECONDS
from .prepared import Lent


class Lending:
    """Connections of an engine for one use each; the one used last goes first.

    SQLAlchemy's pool makes them and still judges which are dead: with one of them all that lie
    idle here are closed, as they are when the engine is disposed of.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._places = threading.Semaphore(CONNECTIONS)
        self._idle: list[Lent] = []
        event.listen(engine, "engine_disposed", self._forget)
        event.listen(engine, "invalidate", self._forget)

    def take(self) -> Lent:
        """Return a connection outside of any transaction; raise `PoolTimeout` when none is free."""
        if not self._places.acquire(timeout=WAIT_SECONDS):
            raise PoolTimeout("all connections are in use")
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return Lent(self.engine)
        except BaseException:
            self._places.release()
            raise

    def give_back(self, connection: Lent, *, sound: bool) -> None:
        """Take it back. Kept is what is `sound`: nothing failed on it, and nothing is open."""
        try:
            if sound and not connection.in_transaction() and len(self._idle) < KEPT:
                self._idle.append(connection)
            else:
                connection.close()  # rolls back what was not committed
        finally:
            self._places.release()

    def _forget(self, *_: object) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.detach()  # the pool that it came from may be disposed of already
            connection.close()
