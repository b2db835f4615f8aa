"""A connected socket that gives up at a moment, and after so many bytes."""

import select
import socket
import time

MAX_BYTES = 4 * 1024 * 1024


class BoundedStream:
    """A socket that gives up at a moment, not after each pause, and after so many bytes."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._until = 0.0
        self._left = 0

    def allow(self, seconds: float) -> None:
        """Permit reading and writing for so long from now."""
        self._until, self._left = time.monotonic() + seconds, MAX_BYTES

    def recv(self, count: int) -> bytes:
        """Return what is there next; raise OSError when time or bytes are used up."""
        self._wait()
        data = self._stream.recv(count)
        self._left -= len(data)
        if self._left < 0:
            raise OSError("too large")
        return data

    def sendall(self, data: bytes) -> None:
        """Send all; raise OSError when the time is used up."""
        self._wait()
        self._stream.sendall(data)

    def shutdown(self, how: int) -> None:
        """Shut down as a socket does."""
        self._stream.shutdown(how)

    def close(self) -> None:
        """Close as a socket does."""
        self._stream.close()

    def is_out_of_time(self) -> bool:
        """Tell whether the time is used up."""
        return time.monotonic() >= self._until

    def is_quiet(self) -> bool:
        """Tell whether the server neither hung up nor said something unasked."""
        if self._stream.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(self._stream.fileno(), select.POLLIN)
        return not poll.poll(0)

    def _wait(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("too slow")
        self._stream.settimeout(left)
