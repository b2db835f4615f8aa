"""Two ways to reach the double: a transport that can lose replies, and HTTP on loopback."""

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx

from tests.unit.mobile_stub.service_double import ServiceDouble


class DoubleTransport(httpx.BaseTransport):
    """Hands requests to the double; `lose` names calls whose reply gets lost, once each.

    `cut` names calls that never arrive, and `then_cut` what is cut after a call.
    """

    def __init__(self, service: ServiceDouble) -> None:
        self.service = service
        self.lose: list[str] = []
        self.cut: list[str] = []
        self.then_cut: dict[str, str] = {}
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer in the same thread."""
        self.requests.append(request)
        call = f"{request.method} {request.url.path}"
        if call in self.cut:
            self.cut.remove(call)
            raise httpx.ConnectError("cut", request=request)
        target = request.url.raw_path.decode()
        status, headers, body = self.service.handle(
            request.method, target, request.headers, request.read()
        )
        if call in self.then_cut:
            self.cut.append(self.then_cut.pop(call))
        if call in self.lose:
            self.lose.remove(call)
            raise httpx.ReadTimeout("lost", request=request)
        return httpx.Response(status, headers=headers, content=body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: ServiceDouble

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, more, data = self.service.handle(self.command, self.path, headers, body)
        self.send_response_only(status)
        for name, value in more.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815  (names of http.server)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""


@contextmanager
def served() -> Generator[ServiceDouble]:
    """Serve a double on a free loopback port; it is gone when the block ends."""
    service = ServiceDouble()
    handler = type("Handler", (_Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False
    service.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
