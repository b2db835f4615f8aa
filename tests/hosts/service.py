"""The service on two hosts, with a Redis between them and nginx in front, as we publish it."""

import contextlib
import http.client
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.processes import ServerProcess, installed
from tests.support.redis import RedisServer
from tests.support.remote import environment

from .lab import Lab, back, front

SERVICE, PROXY = 8000, 8080
HOSTS = ("host-a", "host-b")
_PUBLISHED = Path(__file__).parents[2] / "deploy" / "hosts" / "nginx.conf"
_START_SECONDS = 60
_FRAME = """\
user root;
pid nginx.pid;
error_log error.log;
daemon off;
worker_processes 1;
events {
    worker_connections 1024;
}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include hosts.conf;
}
"""


class Service:
    """Two hosts with two workers each; made by a thread that stands at a host of the lab."""

    def __init__(self, lab: Lab, folder: Path, database_url: str) -> None:
        self._lab, self._folder = lab, folder
        self._database_url = database_url
        self._running: dict[str, ServerProcess] = {}
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as closing:
            place = self._folder_of("redis")
            self.redis = RedisServer(
                place, back("redis"), lambda command: self._lab.command("redis", command)
            )
            closing.callback(self.redis.stop)
            closing.callback(self._stop)
            for host in HOSTS:
                self.start(host)
            for host in HOSTS:
                self.await_answer(host)
            self._start_proxy()
            self._closing = closing.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()

    def start(self, host: str) -> None:
        """Run `mfa serve` on a host."""
        folder = self._folder_of(host)
        env = environment(self._database_url)
        env |= {"MFA_REDIS_URL": self.redis.url, "TMPDIR": str(folder)}
        command = [installed("mfa"), "serve", "--host", front(host), "--port", str(SERVICE)]
        command = self._lab.command(host, [*command, "--workers", "2"])
        self._running[host] = ServerProcess(command, port=SERVICE, env=env, folder=folder)

    def await_answer(self, host: str) -> None:
        """Return once a host is ready."""
        self._await(host, SERVICE, "/readyz")

    def kill(self, host: str) -> None:
        """End all processes of the service on a host at once."""
        self._running.pop(host).kill()

    def output(self) -> str:
        """Return what all of them have printed."""
        files = sorted(self._folder.glob("*/*.log"))
        return "".join(f"=== {file}\n{file.read_text(errors='replace')}" for file in files)

    def _start_proxy(self) -> None:
        folder = self._folder_of("proxy")
        (folder / "nginx.conf").write_text(_FRAME)
        (folder / "hosts.conf").write_text(_PUBLISHED.read_text("utf-8"))
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        command = [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        command = self._lab.command("proxy", command)
        self._running["proxy"] = ServerProcess(command, port=PROXY, env={}, folder=folder)
        self._await("proxy", PROXY, "/healthz")

    def _await(self, host: str, port: int, path: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while _status(front(host), port, path) != http.HTTPStatus.OK:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{host} does not answer:\n{self.output()}")
            time.sleep(0.05)

    def _folder_of(self, host: str) -> Path:
        folder = self._folder / host
        folder.mkdir(exist_ok=True)
        return folder

    def _stop(self) -> None:
        if "proxy" in self._running:  # who asks goes before who is asked
            self._running.pop("proxy").stop()
        with ThreadPoolExecutor(len(HOSTS)) as pool:
            list(pool.map(ServerProcess.stop, self._running.values()))


def _status(address: str, port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
