"""gunicorn's threaded worker, in which requests that wait take no thread (ADR 0034)."""

import heapq
import itertools
import json
import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.util import http_date, write_nonblock
from gunicorn.workers.gthread import TConn, ThreadWorker

from mfa_service.services.parking import Parked, Visit, visiting

_STAYING_MILLISECONDS = 5


class _Threads(ThreadPoolExecutor):
    def are_wanted(self) -> bool:
        """Tell whether something waits for a thread."""
        return not self._work_queue.empty()


@dataclass(slots=True)
class _Again:
    """Stands for a connection's parser until it has given the request that was put aside."""

    conn: Any
    parser: Any
    request: Any

    def __next__(self) -> Any:  # noqa: ANN401
        """Return the request; the next one comes from the connection."""
        self.conn.parser = self.parser
        return self.request


@dataclass(frozen=True, slots=True)
class _Aside:
    """A request that waits for its place to be told."""

    request: Any
    parked: Parked


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """Keeps the connection of a request that waits beside the idle ones, and asks it again.

    Everything but `handle_request` runs in the main thread. What is told by others comes through
    the method queue, which takes no lock: signals may interrupt this thread anywhere.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self._aside: dict[TConn, _Aside] = {}
        self._ends: list[tuple[float, int, TConn, _Aside]] = []
        self._numbers = itertools.count()
        self._staying = threading.Semaphore(self.cfg.threads // 2)

    def get_thread_pool(self) -> "_Threads":
        """Return threads that can be asked whether somebody waits for one."""
        return _Threads(max_workers=self.cfg.threads)

    def enqueue_req(self, conn: TConn) -> None:
        """Give a thread to a connection once something came on it, and not before."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.settimeout(0)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:  # noqa: ANN401
        """Answer a request, and those that follow at once on its connection.

        Whoever steps somebody up sends several requests in a row: to wait for the next one here
        costs less than to hand the connection to the main thread and back (ADR 0047).
        """
        result = super().handle(conn)
        while result is True and self._follows(conn):
            result = super().handle(conn)
        return result

    def handle_request(self, req: Any, conn: TConn) -> Any:  # noqa: ANN401
        """Answer it, or note that it waits: a GET, which has changed nothing when it waits."""
        if req.method != "GET":
            return super().handle_request(req, conn)
        req.visit = getattr(req, "visit", None) or Visit()
        try:
            with visiting(req.visit):
                return super().handle_request(req, conn)
        except Parked as parked:
            conn.aside = _Aside(req, parked)
            return True

    def finish_request(self, conn: TConn, fs: Any) -> None:  # noqa: ANN401
        """Put the connection aside if its request waits, else go on as gunicorn does."""
        aside = conn.__dict__.pop("aside", None)
        if aside is None:
            super().finish_request(conn, fs)
        elif fs.result():
            self._put_aside(conn, aside)
        else:
            aside.parked.place.close()
            super().finish_request(conn, fs)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Dispatch what happens, and ask those again whose time is up."""
        if self._ends:
            timeout = min(timeout, max(self._ends[0][0] - time.monotonic(), 0))
        super().wait_for_and_dispatch_events(timeout)
        now = time.monotonic()
        while self._ends and self._ends[0][0] <= now:
            _, _, conn, aside = heapq.heappop(self._ends)
            self._ask_again(conn, aside)

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401
        """Wake whoever waits, then end as gunicorn does."""
        application = getattr(self, "wsgi", None)  # none while the worker still loads it
        if application is not None:
            self.method_queue.defer(application.extensions["mfa"].wake_up.shut)
        super().handle_exit(sig, frame)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:  # noqa: ANN401
        """Answer what is no HTTP with a problem; the text of the fault is not repeated."""
        head = (
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nCache-Control: no-store\r\n"
            f"Date: {http_date()}\r\nContent-Type: application/problem+json\r\n"
        )
        body = json.dumps(self._problem())
        text = f"{head}Content-Length: {len(body)}\r\n\r\n{body}"
        self.log.info("bad request: %s", type(exc).__name__)
        try:
            write_nonblock(client, text.encode("ascii"))
        except OSError:
            self.log.debug("the peer is gone")

    def _follows(self, conn: TConn) -> bool:
        """Tell whether a request comes within a moment, while no connection waits for a thread.

        Half of the threads wait for none, so that a new connection finds one.
        """
        if not self.alive or "aside" in conn.__dict__ or self.tpool.are_wanted():
            return False
        if conn.parser.unreader.buf.getvalue():
            return True
        if not self._staying.acquire(blocking=False):
            return False
        try:
            awaited = select.poll()
            awaited.register(conn.sock, select.POLLIN)
            return bool(awaited.poll(_STAYING_MILLISECONDS))
        finally:
            self._staying.release()

    def _put_aside(self, conn: TConn, aside: _Aside) -> None:
        conn.sock.settimeout(0)
        self._aside[conn] = aside
        self.poller.register(conn.sock, EVENT_READ, partial(self._on_bytes_aside, conn))
        end = time.monotonic() + aside.parked.seconds
        heapq.heappush(self._ends, (end, next(self._numbers), conn, aside))
        aside.parked.place.when_told(partial(self.method_queue.defer, self._ask_again, conn, aside))

    def _ask_again(self, conn: TConn, aside: _Aside) -> None:
        """Let a thread handle the request anew; it takes a new place before it reads."""
        if self._take_back(conn, aside):
            conn.parser = _Again(conn, conn.parser, aside.request)
            self.enqueue_req(conn)

    def _on_bytes_aside(self, conn: TConn, client: socket.socket) -> None:
        """Forget a request whose peer is gone; what it sends early is read after the answer.

        It may have been told in the same round of events: then a thread has the connection.
        """
        aside = self._aside.get(conn)
        if aside is None:
            return
        try:
            is_gone = not client.recv(1, socket.MSG_PEEK)
        except OSError:
            is_gone = True
        if not is_gone:
            self.poller.unregister(client)
        elif self._take_back(conn, aside):
            self.nr_conns -= 1
            conn.close()

    def _take_back(self, conn: TConn, aside: _Aside) -> bool:
        """Tell whether it still was aside; it is no more."""
        if self._aside.get(conn) is not aside:
            return False
        del self._aside[conn]
        with suppress(KeyError):  # a peer that sent early is not listened to
            self.poller.unregister(conn.sock)
        aside.parked.place.close()
        return True

    def _problem(self) -> dict[str, object]:
        issuer = self.wsgi.extensions["mfa"].issuer
        return {
            "type": f"{issuer}/problems/malformed-json",
            "title": "Bad request",
            "status": 400,
            "detail": "The request is not HTTP that is accepted here.",
            "instance": None,
        }
