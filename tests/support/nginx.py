"""nginx by the configuration that we publish, at places of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from examples.gateway_demo.proxy import nginx_program
from tests.architecture.sources import ROOT
from tests.support.leash import free_port
from tests.support.processes import ServerProcess
from tests.support.tls import Authority

PUBLISHED = ROOT / "deploy" / "nginx"


@dataclass(frozen=True)
class Front:
    """A running nginx: with TLS at `url`, without at the port of `process`."""

    process: ServerProcess
    url: str
    folder: Path

    def logged(self) -> str:
        """Return all that it wrote anywhere, with what it printed."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return "".join(path.read_text(errors="replace") for path in files if not _is_key(path))


def command_in(
    folder: Path, *, plain: int = 8080, tls: int = 8443, services: list[int] | None = None
) -> list[str]:
    """Write the configuration with these ports to `folder`, and return what runs nginx with it."""
    for name in ("run", "tls", "log"):
        (folder / name).mkdir(exist_ok=True)
    Authority().write_server(folder / "tls")
    (folder / "tls" / "server.pem").rename(folder / "tls" / "tls.crt")
    (folder / "tls" / "server.key").rename(folder / "tls" / "tls.key")
    places = {
        "listen 8080": f"listen 127.0.0.1:{plain}",
        "listen 8443": f"listen 127.0.0.1:{tls}",
        "/run/nginx": f"{folder}/run",
        "/etc/nginx/tls": f"{folder}/tls",
        "/dev/stdout": f"{folder}/log/access",
        "/dev/stderr": f"{folder}/log/error",
    }
    text = (PUBLISHED / "nginx.conf").read_text("utf-8")
    for usual, actual in places.items():
        assert usual in text
        text = text.replace(usual, actual)
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(user + text)
    upstream = (PUBLISHED / "upstream.conf").read_text("utf-8")
    servers = "".join(f"server 127.0.0.1:{port}; " for port in services or [8000])
    (folder / "upstream.conf").write_text(upstream.replace("server 127.0.0.1:8000;", servers))
    options = ["-g", "daemon off;", "-e", f"{folder}/log/start"]
    return [nginx_program(), "-c", str(folder / "nginx.conf"), *options]


@contextmanager
def front(folder: Path, *, tls: int, services: list[int]) -> Iterator[Front]:
    """Lend nginx in front of the services on these ports."""
    plain = free_port()
    command = command_in(folder, plain=plain, tls=tls, services=services)
    with ServerProcess(command, port=plain, env={}, folder=folder) as process:
        yield Front(process.await_answer("/", 301), f"https://localhost:{tls}", folder)


def _is_key(path: Path) -> bool:
    return path.parent.name == "tls"
