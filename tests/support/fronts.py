"""A server in front of the service that ends TLS, and meddles when it is told to."""

import http.client
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .tls import Authority


@dataclass
class Front:
    """Where it listens, where it leads, and what it does to a request and its answer."""

    url: str
    port: int = 0
    merges: bool = False
    keeps_ids: bool = False
    forwards: bool = True
    secures: bool = True
    ahead: int = 0

    def behave(self) -> None:
        """Do what a proxy should."""
        self.merges = self.keeps_ids = False
        self.forwards = self.secures = True
        self.ahead = 0

    def misbehave(self) -> None:
        """Do what it should not."""
        self.merges = self.keeps_ids = True
        self.forwards = self.secures = False
        self.ahead = 90

    def passed_on(self, headers: dict[str, str]) -> dict[str, str]:
        """Return the headers of a request as the service gets them."""
        left_out = {"Host", "X-Request-Id"} if self.keeps_ids else {"Host"}
        more = {"X-Forwarded-For": "203.0.113.9"} if self.forwards else {}
        return {name: value for name, value in headers.items() if name not in left_out} | more


@contextmanager
def ended_tls(folder: Path) -> Iterator[Front]:
    """Run one with a certificate for loopback of an authority whose own is `folder/ca.pem`."""
    Authority().write_server(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    front = Front(f"https://localhost:{server.server_port}")
    server.RequestHandlerClass = _handler(front)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Ask the service, and answer what it answers."""
            path = self.requestline.split()[1]  # `self.path` has its slashes merged already
            path = path.replace("//", "/") if front.merges else path
            sent = front.passed_on(dict(self.headers.items()))
            connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
            connection.request("GET", path, headers=sent)
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            self._answer(answer, body)

        def _answer(self, answer: http.client.HTTPResponse, body: bytes) -> None:
            self.send_response_only(answer.status)
            self.send_header("Date", formatdate(time.time() + front.ahead, usegmt=True))
            if front.secures:
                self.send_header("Strict-Transport-Security", "max-age=31536000")
            for name, value in answer.getheaders():
                if name not in {"Date", "Connection", "Transfer-Encoding"}:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
