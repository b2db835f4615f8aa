"""HTTP byte by byte: what is sent is not made valid, what comes back is read strictly."""

import http.client
import io
import json
import socket
from dataclasses import dataclass
from typing import Any

_SECONDS = 20
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """One response as it came over the wire."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def is_problem(self) -> bool:
        """Tell whether it is `application/problem+json` that says its own status."""
        if self.headers["Content-Type"] != "application/problem+json":
            return False
        problem: dict[str, Any] = json.loads(self.body)
        return problem["status"] == self.status and {"type", "title", "detail"} <= set(problem)


class _Wire:
    """What `http.client` wants of a socket."""

    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream

    def makefile(self, _: str) -> io.BytesIO:
        return self._stream


def exchange(port: int, data: bytes, *, half_close: bool = True) -> list[Answer]:
    """Send bytes, say that no more come, and return every answer until the peer closes.

    Without `half_close` the peer has to end the connection by itself.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as peer:
        received = bytearray()
        try:
            peer.sendall(data)
            if half_close:
                peer.shutdown(socket.SHUT_WR)
            while chunk := peer.recv(_CHUNK):
                received += chunk
        except (ConnectionResetError, BrokenPipeError):
            pass  # the peer refused the rest; what it said before counts
    return list(_answers(bytes(received), data))


def _answers(received: bytes, data: bytes) -> list[Answer]:
    method = "HEAD" if data.startswith(b"HEAD ") else "GET"
    found, stream = [], _Undying(received)
    while stream.tell() < len(received):
        response = http.client.HTTPResponse(_Wire(stream), method=method)  # type: ignore[arg-type]
        response.begin()
        found.append(Answer(response.status, response.headers, response.read()))
    return found


class _Undying(io.BytesIO):
    """Survives `close`, which each response calls at its end."""

    def close(self) -> None:
        pass
