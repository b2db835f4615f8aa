"""How `mfa worker` is: two small answers over HTTP, by the standard library."""

import hmac
import ipaddress
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from click import ClickException

from mfa_service.observability import metrics

_SECONDS = 5


@contextmanager
def health_at(
    host: str, port: int | None, stuck: Callable[[], list[str]], metrics_token: str | None
) -> Iterator[None]:
    """Answer /healthz and /metrics until the block ends, if there is a port."""
    if port is None:
        yield
        return
    members = {"stuck": staticmethod(stuck), "metrics_token": metrics_token}
    try:
        server = _Server((host, port), type("Handler", (_Handler,), members))
    except OSError as exc:
        raise ClickException(f"cannot listen on {host}:{port} ({exc.strerror})") from exc
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    """Answers one request; who says nothing is let go."""

    stuck: Callable[[], list[str]]
    metrics_token: str | None
    timeout = _SECONDS

    def do_GET(self) -> None:
        """Answer by the path."""
        if self.path == "/healthz":
            self._healthz()
        elif self.path == "/metrics":
            self._metrics()
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"")

    def _healthz(self) -> None:
        stuck = self.stuck()
        status = HTTPStatus.SERVICE_UNAVAILABLE if stuck else HTTPStatus.OK
        said = {"status": "stuck", "loops": stuck} if stuck else {"status": "ok"}
        self._answer(status, "application/json", json.dumps(said).encode())

    def _metrics(self) -> None:
        """Answer whom `mfa serve` answers: a loopback peer, not through a proxy, or the token."""
        if not (self._is_loopback() or self._has_token()):
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"")
            return
        text = metrics.exposition(several_processes=False)
        self._answer(HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", text)

    def _is_loopback(self) -> bool:
        names = {name.lower() for name in self.headers}
        if any(name == "forwarded" or name.startswith("x-forwarded-") for name in names):
            return False
        return ipaddress.ip_address(self.client_address[0].partition("%")[0]).is_loopback

    def _has_token(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        token = self.metrics_token
        return token is not None and hmac.compare_digest(given.encode(), token.encode())

    def _answer(self, status: HTTPStatus, media: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Name no software."""
        return "mfa"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name
        """Say nothing of who asks."""
