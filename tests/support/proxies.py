"""Real proxies in front of the gateway, with the configurations that we publish."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from examples.gateway_demo.proxy import API, LISTEN, SERVICE, adapted, nginx_command
from tests.support.leash import free_port
from tests.support.loopback import listening
from tests.support.processes import ServerProcess, installed

REFUSALS = (403, 500, 502, 503)
MODES = {"nginx": "nginx", "envoy": "envoy", "traefik": "forwarded", "caddy": "forwarded"}


@dataclass(frozen=True)
class Seen:
    """One request as it reached the API."""

    method: str
    path: str
    headers: list[tuple[str, str]]

    def identity(self) -> dict[str, str]:
        """Return what an application would take for `X-Auth-*`: underscores count as dashes."""
        found = [(name.replace("_", "-").lower(), value) for name, value in self.headers]
        names = [name for name, _ in found if name.startswith("x-auth-")]
        assert len(names) == len(set(names)), found
        return {name: value for name, value in found if name.startswith("x-auth-") and value}


@dataclass
class ApiDouble:
    """An API that answers everything, and remembers it."""

    address: str
    seen: list[Seen] = field(default_factory=list)


@contextmanager
def api_double() -> Iterator[ApiDouble]:
    """Run an API without any authorization code until the block ends."""
    with listening(ApiDouble, _handler) as double:
        yield double


def _handler(double: ApiDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            double.seen.append(Seen(self.command, self.path, self.headers.items()))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def start_proxy(name: str, folder: Path, *, service_port: int, api: str) -> ServerProcess:
    """Run a proxy by its published configuration; it is ready when it refuses by itself."""
    port = free_port()
    command = _COMMANDS[name](folder, f"127.0.0.1:{port}", f"127.0.0.1:{service_port}", api)
    server = ServerProcess(command, port=port, env={}, folder=folder)
    return server.await_answer("/", *REFUSALS)


def _nginx(folder: Path, listen: str, service: str, api: str) -> list[str]:
    return nginx_command(folder, listen=listen, service=service, api=api)


def _envoy(folder: Path, listen: str, service: str, api: str) -> list[str]:
    ports = {
        f"port_value: {usual.rpartition(':')[2]} ": f"port_value: {actual.rpartition(':')[2]} "
        for usual, actual in ((LISTEN, listen), (SERVICE, service), (API, api))
    }
    text = adapted("envoy.yaml", ports | {f"http://{SERVICE}": f"http://{service}"})
    (folder / "envoy.yaml").write_text(text)
    options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
    return [installed("envoy"), "-c", str(folder / "envoy.yaml"), *options]


def _traefik(folder: Path, listen: str, service: str, api: str) -> list[str]:
    places = {LISTEN: listen, SERVICE: service, API: api}
    for name in ("traefik.yaml", "traefik-routes.yaml"):
        (folder / name).write_text(adapted(name, places))
    return [installed("traefik"), "--configFile", str(folder / "traefik.yaml")]


def _caddy(folder: Path, listen: str, service: str, api: str) -> list[str]:
    places = {SERVICE: service, API: api, "http://:8080": f"http://:{listen.rpartition(':')[2]}"}
    (folder / "Caddyfile").write_text(adapted("Caddyfile", places))
    return [installed("caddyserver"), "run", "--config", str(folder / "Caddyfile")]


_COMMANDS: dict[str, Callable[[Path, str, str, str], list[str]]] = {
    "nginx": _nginx,
    "envoy": _envoy,
    "traefik": _traefik,
    "caddy": _caddy,
}
