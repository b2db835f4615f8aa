"""A TCP door before a server: shut, nobody gets through and who is inside is thrown out."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

_CHUNK = 65_536


class TcpGate:
    """Forwards from a loopback port of its own to `target`, as long as it is open.

    As a context manager it is open at first and gone at the end.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._passing: set[socket.socket] = set()
        self._door: socket.socket | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Let everybody through."""
        door = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = door.getsockname()[1]
        self._door = door
        threading.Thread(target=self._admit, args=(door,), daemon=True).start()

    def shut(self) -> None:
        """Refuse new connections and cut those that exist."""
        if self._door is not None:
            # A blocked accept keeps the port open until it is shut down.
            with contextlib.suppress(OSError):
                self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()
            self._door = None
        with self._lock:
            for passing in self._passing:
                with contextlib.suppress(OSError):
                    passing.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Throw everybody out and stay open, as a restarted server does."""
        self.shut()
        self.open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shut()

    def _admit(self, door: socket.socket) -> None:
        while True:
            try:
                outside, _ = door.accept()
            except OSError:
                return
            try:
                inside = socket.create_connection(self._target)
            except OSError:
                outside.close()
                continue
            with self._lock:
                self._passing |= {outside, inside}
            for pair in ((outside, inside), (inside, outside)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        source.close()
        with self._lock:
            self._passing.discard(source)
