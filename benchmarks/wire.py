"""How a flow calls a server: over a kept connection, with as little work as possible."""

import json
import socket
from dataclasses import dataclass
from typing import Any, Protocol

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and body of an answer."""

    status: int
    body: bytes

    def json(self, *, status: int) -> dict[str, Any]:
        """Return the body; raise RuntimeError unless the answer has `status`."""
        if self.status != status:
            raise RuntimeError(f"expected {status}, got {self.status}: {self.body.decode()[:400]}")
        found: dict[str, Any] = json.loads(self.body)
        return found


class Wire(Protocol):
    """Sends one request and waits for its answer."""

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        authorization: str = "",
        media: str = JSON,
        origin: str = "",
    ) -> Reply:
        """Return the answer, whatever its status."""
        ...


class Socket:
    """A kept HTTP/1.1 connection; reads what the measured servers send, no more."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        authorization: str = "",
        media: str = JSON,
        origin: str = "",
    ) -> Reply:
        """Return the answer; raises OSError when the server hangs up."""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
        if authorization:
            head += f"Authorization: {authorization}\r\n"
        if origin:
            head += f"Origin: {origin}\r\n"
        if body:
            head += f"Content-Type: {media}\r\nContent-Length: {len(body)}\r\n"
        self._socket.sendall(head.encode() + b"\r\n" + body)
        return self._answer()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _answer(self) -> Reply:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"\r\ncontent-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += self._more()
        return Reply(int(head[9:12]), body)

    def _more(self) -> bytes:
        received = self._socket.recv(65_536)
        if not received:
            raise ConnectionResetError("the server hung up")
        return received
