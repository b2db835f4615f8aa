"""Wake-ups between the processes of one host, by datagrams: for SQLite, which has no notifications.

Each process binds a socket in a folder beside the database that only its user can enter.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Self

from .wakeup_carried import TransportFault

_LOOK_SECONDS, _SEND_SECONDS = 0.5, 0.2
_LONGEST = 65_536
_LINUX = Path("/proc/self/fd")


class LocalTransport:
    """`Transport` over the sockets of a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        """Take the folder, which is made when it is needed, and a name that is ours alone."""
        self._folder = folder
        self._name = name
        self._sending: socket.socket | None = None

    def publish(self, text: str) -> None:
        """Send to every other process; one that does not take it in time finds out by looking."""
        if self._sending is None:
            self._sending = _datagrams(_SEND_SECONDS)
        try:
            with _Folder(self._folder) as folder:
                for name in folder.names():
                    if name != self._name:
                        _send(self._sending, text.encode(), folder, name)
        except OSError as exc:
            raise TransportFault(type(exc).__name__) from exc

    def texts(self, stopped: threading.Event) -> Iterator[str | None]:
        """Bind our socket, and give what comes."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with _Folder(self._folder) as folder, closing(_datagrams(_LOOK_SECONDS)) as heard:
                heard.bind(folder.address(self._name))
                try:
                    yield None
                    while not stopped.is_set():
                        with suppress(TimeoutError):
                            yield heard.recv(_LONGEST).decode("utf-8", "replace")
                finally:
                    folder.remove(self._name)
        except OSError as exc:
            raise TransportFault(type(exc).__name__) from exc

    def close(self) -> None:
        """Close the socket that sends."""
        if self._sending is not None:
            self._sending.close()


class _Folder:
    """An open folder, in which sockets have short addresses however long its path is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> Self:
        self._fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def names(self) -> list[str]:
        return os.listdir(self._fd)  # noqa: PTH208  # of what is open

    def address(self, name: str) -> str:
        return str((_LINUX / str(self._fd) if _LINUX.is_dir() else self._path) / name)

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._fd)


def _datagrams(seconds: float) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.settimeout(seconds)
    return made


def _send(sending: socket.socket, text: bytes, folder: _Folder, name: str) -> None:
    try:
        sending.sendto(text, folder.address(name))
    except ConnectionRefusedError:  # its process was killed
        folder.remove(name)
    except (TimeoutError, FileNotFoundError):
        pass
