"""The connections of `guarded_http`: each exchange has one end, and a sound connection serves more.

What was judged of an address when a connection was made to it holds for that connection. It is used
for its own origin only, by one exchange at a time, and neither idle nor at all for long: a firewall
forgets what is idle, and a name may lead elsewhere by now.
"""

import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpcore

_SHORT_BYTES = 4096
_NO_CONTENT = 204
BROKEN = (httpcore.NetworkError, httpcore.RemoteProtocolError)
"""What a connection says that was closed meanwhile."""
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer, its header names in lower case."""

    status: int
    headers: Mapping[str, str]

    @property
    def is_short(self) -> bool:
        """Tell whether what follows the head is little, and where it ends."""
        if "transfer-encoding" in self.headers:
            return False
        length = self.headers.get("content-length", "0" if self.status == _NO_CONTENT else "")
        return length.isascii() and length.isdigit() and int(length) <= _SHORT_BYTES


@dataclass(frozen=True, slots=True)
class Keeping:
    """How many connections are kept, idle for how long, and how old they get."""

    most: int
    idle: float = 20
    old: float = 300


NONE = Keeping(0)


class Deadline:
    """When the exchange that runs has to be over."""

    def __init__(self) -> None:
        self.until = 0.0

    def left(self, over: type[httpcore.TimeoutException]) -> float:
        """Return the seconds until then; raise `over` if there are none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise over
        return left


class BoundedConnection(httpcore.NetworkStream):
    """A connection that is read from and written to until a moment, and not after each pause."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read; raise `ReadTimeout` when the time is over."""
        return self._stream.read(max_bytes, self._deadline.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write; raise `WriteTimeout` when the time is over."""
        self._stream.write(buffer, self._deadline.left(httpcore.WriteTimeout))

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Return the connection under TLS, with the same end."""
        try:
            left = self._deadline.left(httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            self.close()
            raise
        stream = self._stream.start_tls(ssl_context, server_hostname, left)
        return BoundedConnection(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # httpcore's signature
        """Return what httpcore asks about the connection."""
        return self._stream.get_extra_info(info)


class Line:
    """A connection to one origin, made when the first exchange needs it."""

    def __init__(
        self,
        origin: httpcore.Origin,
        tls: ssl.SSLContext,
        network: httpcore.NetworkBackend,
        deadline: Deadline,
        keeping: Keeping = NONE,
    ) -> None:
        self.origin = origin
        self._deadline = deadline
        self._old_at = time.monotonic() + keeping.old
        self._http = httpcore.HTTPConnection(
            origin, tls, keepalive_expiry=keeping.idle, network_backend=network
        )

    def post(self, url: str, headers: Headers, content: bytes, *, until: float) -> Answer:
        """Return the head of the answer; what follows is read only if that is little."""
        self._deadline.until = until
        try:
            with self._http.stream("POST", url, headers=headers, content=content) as response:
                answer = Answer(response.status, _told(response.headers))
                if answer.is_short:
                    with suppress(*BROKEN, httpcore.TimeoutException):  # the head said it all
                        response.read()
        except BaseException:  # half an exchange is no place for the next one
            self.close()
            raise
        return answer

    def is_sound(self) -> bool:
        """Tell whether it can serve another exchange."""
        usable = self._http.is_available() and not self._http.has_expired()
        return usable and time.monotonic() < self._old_at

    def close(self) -> None:
        """Close it."""
        self._http.close()


class Kept:
    """Idle connections, of all origins so many at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: list[Line] = []
        self._lock = threading.Lock()

    def take(self, origin: httpcore.Origin) -> Line | None:
        """Return one that is the caller's alone from now on; close what is not sound any more."""
        with self._lock:
            sound = [line for line in self._lines if line.is_sound()]
            over = set(self._lines) - set(sound)
            mine = [line for line in sound if line.origin == origin][-1:]
            self._lines = [line for line in sound if line not in mine]
        _close(over)
        return mine[0] if mine else None

    def give(self, line: Line) -> None:
        """Keep one for the next exchange, or close it; the one that is idle longest makes room."""
        over = [line]
        if self._most and line.is_sound():
            with self._lock:
                self._lines.append(line)
                over, self._lines = self._lines[: -self._most], self._lines[-self._most :]
        _close(over)

    @contextmanager
    def doubted(self, origin: httpcore.Origin) -> Iterator[None]:
        """If one that was kept fails in this block, close all of its origin: they are as old."""
        try:
            yield
        except BaseException:  # whatever ended it, the others are as old
            with self._lock:
                over = [line for line in self._lines if line.origin == origin]
                self._lines = [line for line in self._lines if line.origin != origin]
            _close(over)
            raise

    def close(self) -> None:
        """Close all."""
        with self._lock:
            over, self._lines = self._lines, []
        _close(over)


def _close(lines: Iterable[Line]) -> None:
    for line in lines:
        line.close()


def _told(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
