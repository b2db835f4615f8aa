"""A CIBA client's notification endpoint on loopback, which says what a test wants it to say."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.loopback import listening


@dataclass
class Endpoint:
    """Where it is and what came; `statuses` are said in turn, and then 204."""

    url: str
    host: str
    statuses: list[int] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    drips: bool = False

    @property
    def tokens(self) -> list[str]:
        """The bearer tokens that came."""
        return [str(each["authorization"]).removeprefix("Bearer ") for each in self.received]

    @property
    def auth_req_ids(self) -> list[str]:
        """What was announced."""
        return [each["body"]["auth_req_id"] for each in self.received]


@contextmanager
def endpoint(path: str = "/cb") -> Iterator[Endpoint]:
    """Run an endpoint until the block ends."""
    with listening(lambda host: Endpoint(f"http://{host}{path}", host), _handler) as made:
        yield made


def _handler(made: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            made.received.append(
                {
                    "path": self.path,
                    "host": self.headers["Host"],
                    "authorization": self.headers["Authorization"],
                    "type": self.headers["Content-Type"],
                    "body": json.loads(body),
                }
            )
            if made.drips:
                self._drip()
                return
            status = made.statuses.pop(0) if made.statuses else 204
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"http://{made.host}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _drip(self) -> None:
            try:
                for byte in b"HTTP/1.1 204 No Content\r\n" + b"x" * 10_000:
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.02)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name
            """Say nothing."""

    return Handler
