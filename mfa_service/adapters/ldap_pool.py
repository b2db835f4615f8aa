"""Connections to one LDAP server, kept for the next question and bounded in number."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mfa_service.domain.client_directory import DirectoryServer
from mfa_service.domain.ports import DirectoryBusy, DirectoryFault

from .ldap_session import ConnectionLost, Session

T = TypeVar("T")

WAITING_PER_CONNECTION = 3
_WAIT_SECONDS = 1


class Pool:
    """Lends a connection to one thread at a time.

    At most `connections` questions are asked at once, and three times as many wait for their
    turn, a second at most; everybody else is refused at once, so that a slow server cannot hold
    the threads that others need.
    """

    def __init__(
        self, server: DirectoryServer, turns: "Turns", prepare: Callable[[Session], None]
    ) -> None:
        """Take what makes a new connection ready; it raises `DirectoryFault` if it cannot."""
        self._server = server
        self._turns = turns
        self._prepare = prepare
        self._lock = threading.Lock()
        self._idle: list[Session] = []
        self._lent = 0

    def use(self, question: Callable[[Session], T]) -> T:
        """Return the answer to a question; raise `DirectoryFault`.

        A connection that was kept may have died unnoticed: then the question is asked once more,
        over a new one; unless the server is only slow.
        """
        with self._turns.one():
            kept = self._kept()
            if kept is not None:
                try:
                    kept.begin()
                    return self._asked(kept, question)
                except ConnectionLost:
                    if kept.is_out_of_time():
                        raise
                    self._forget()
            return self._asked(self._new(), question)

    def stands(self) -> bool:
        """Tell whether a connection is in use, or kept and as it was left."""
        with self._lock:
            if self._lent:
                return True
        kept = self._kept()
        if kept is None:
            return False
        self._keep(kept)
        return True

    def _asked(self, session: Session, question: Callable[[Session], T]) -> T:
        with self._lock:
            self._lent += 1
        try:
            answer = question(session)
        except BaseException:  # a session in an unknown state is lent to nobody
            session.close()
            raise
        finally:
            with self._lock:
                self._lent -= 1
        self._keep(session)
        return answer

    def _new(self) -> Session:
        session = Session(self._server)
        try:
            self._prepare(session)
        except DirectoryFault:
            session.close()
            raise
        return session

    def _kept(self) -> Session | None:
        """Return the connection used last that is as it was left; close those that are not."""
        while True:
            with self._lock:
                session = self._idle.pop() if self._idle else None
            if session is None or session.is_usable():
                return session
            session.close()

    def _keep(self, session: Session) -> None:
        with self._lock:
            if len(self._idle) < self._server.connections:
                self._idle.append(session)
                return
        session.close()

    def _forget(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()


class Turns:
    """Who may ask now, and who may wait for it."""

    def __init__(self, connections: int) -> None:
        self._asking = threading.BoundedSemaphore(connections)
        self._here = threading.BoundedSemaphore(connections * (1 + WAITING_PER_CONNECTION))

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a turn; raise `DirectoryBusy` when none comes."""
        if not self._here.acquire(blocking=False):
            raise DirectoryBusy("too many wait")
        try:
            if not self._asking.acquire(timeout=_WAIT_SECONDS):
                raise DirectoryBusy("no turn")
            try:
                yield
            finally:
                self._asking.release()
        finally:
            self._here.release()
