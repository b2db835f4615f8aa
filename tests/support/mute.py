"""Servers that are reached and of no use: one never answers, one drips, one talks nonsense."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Talk = Callable[[socket.socket], None]


@dataclass
class Mute:
    """A server on loopback that accepts everybody; `callers` counts them."""

    port: int
    callers: int = 0
    inside: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    def hang_up(self) -> None:
        """Cut everybody who is inside."""
        for caller in self.inside:
            with contextlib.suppress(OSError):
                caller.shutdown(socket.SHUT_RDWR)
            caller.close()


@contextmanager
def mute(talk: Talk | None = None) -> Iterator[Mute]:
    """Lend one that says nothing, or what `talk` says to each caller; at the end all are cut."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as door:
        made = Mute(door.getsockname()[1])
        porter = threading.Thread(target=_admit, args=(door, made, talk), daemon=True)
        porter.start()
        try:
            yield made
        finally:
            with contextlib.suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            porter.join(10)
            made.hang_up()


def drips(caller: socket.socket) -> None:
    """Promise a long message and send it byte by byte, for as long as somebody listens."""
    with contextlib.suppress(OSError):
        caller.sendall(bytes.fromhex("3084 7fffffff"))
        stop = threading.Event()
        while not stop.wait(0.05):
            caller.sendall(b"x")


def nonsense(caller: socket.socket) -> None:
    """Answer with what is no LDAP."""
    with contextlib.suppress(OSError):
        caller.recv(65_536)
        caller.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def an_odd_message(caller: socket.socket) -> None:
    """Answer with BER that is no answer to anything."""
    with contextlib.suppress(OSError):
        caller.recv(65_536)
        caller.sendall(bytes.fromhex("300c 020101 6107 0a0100 0400 0400")[:9] + b"\xff" * 64)


def _admit(door: socket.socket, made: Mute, talk: Talk | None) -> None:
    while True:
        try:
            caller, _ = door.accept()
        except OSError:
            return
        made.inside.append(caller)
        made.callers += 1
        if talk is not None:
            threading.Thread(target=talk, args=(caller,), daemon=True).start()
