"""PostgreSQL on two hosts: a primary, and a standby without which nothing counts as committed."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from tests.support.postgres_programs import Programs, demotion, find_programs, private_folder
from tests.support.processes import ServerProcess

from .lab import BACK, Lab, back

SCRIPT = Path(__file__).parents[2] / "deploy" / "failover" / "failover"
PORT, _START_SECONDS = 5432, 60
_HOSTS = ("db-a", "db-b")
_STANDBY = "db_b"
_SETTINGS = {"max_connections": "200", "timezone": "UTC", "shared_buffers": "64MB"}
_USER = "postgres"


class Pair:
    """A primary at `db-a` and its synchronous standby at `db-b`, with PostgreSQL's own promises.

    Made and used by a thread that stands at a host of the lab; both are gone at the end.
    """

    def __init__(self, lab: Lab, prepare: Callable[[str], None]) -> None:
        """Take what is done with the primary's URL before the standby is made of it."""
        self._lab, self._prepare = lab, prepare
        self.password = secrets.token_urlsafe(16)
        self._folder = private_folder()
        self._servers: dict[str, ServerProcess] = {}

    def __enter__(self) -> Self:
        try:
            self._programs: Programs = find_programs(self._folder)
            self._create()
            self._start("db-a")
            self._prepare(self.url_of("db-a"))
            self._copy()
            self._start("db-b")
            self.become_synchronous()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    @property
    def url(self) -> str:
        """The service's URL: both hosts, and whichever of them takes writes."""
        hosts, ports = ",".join(map(back, _HOSTS)), ",".join([str(PORT)] * len(_HOSTS))
        query = f"host={hosts}&port={ports}&target_session_attrs=read-write"
        return f"postgresql+psycopg://{_USER}:{self.password}@/postgres?{query}"

    def url_of(self, host: str) -> str:
        """Return the URL of one of them."""
        return f"postgresql+psycopg://{_USER}:{self.password}@{back(host)}:{PORT}/postgres"

    def kill(self, host: str) -> None:
        """End one as a power cut would; its disk stays."""
        self._servers.pop(host).kill()

    def start(self, host: str) -> None:
        """Start one again over what its disk has."""
        self._start(host)

    def become_synchronous(self) -> None:
        """Let commits wait for the standby, as before it was given up."""
        with self.connect("db-a") as primary:
            primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{_STANDBY}'".encode())
            primary.execute("SELECT pg_reload_conf()")
            self._await(lambda: _is_followed(primary), "the standby does not follow")

    def connect(self, host: str) -> psycopg.Connection:
        """Return an administrator's connection."""
        return psycopg.connect(self._where(host), password=self.password, autocommit=True)

    def fail_over(self, *, fence: list[str]) -> subprocess.CompletedProcess[str]:
        """Run the published script as an operator, to make the standby the primary."""
        path = f"{self._programs.folder}:{os.environ['PATH']}"
        return subprocess.run(
            [SCRIPT, "--standby", self._where("db-b"), "--fence", " ".join(fence)],
            env={"PATH": path, "PGPASSWORD": self.password},
            capture_output=True,
            text=True,
            check=False,
        )

    def _where(self, host: str) -> str:
        return f"host={back(host)} port={PORT} user={_USER} dbname=postgres connect_timeout=5"

    def _create(self) -> None:
        password = self._folder / "password"
        password.write_text(self.password)
        password.chmod(0o644)
        by_password = ["-A", "password", f"--pwfile={password}"]
        data = self._data("db-a")
        self._run("initdb", "-D", str(data), "-U", _USER, *by_password, "-E", "UTF8", "--locale=C")
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all,replication all {BACK}.0/24 scram-sha-256\n")

    def _copy(self) -> None:
        copied_from = f"{self._where('db-a')} application_name={_STANDBY}"
        self._run("pg_basebackup", "-d", copied_from, "-D", str(self._data("db-b")), "-R", "-cfast")

    def _start(self, host: str) -> None:
        sockets = self._folder / f"{host}-socket"
        sockets.mkdir(exist_ok=True)
        os.chown(sockets, *self._owner())
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        command = [
            *(f"{self._programs.folder}/postgres", "-D", str(self._data(host))),
            *(f"-clisten_addresses={back(host)}", "-p", str(PORT), "-k", str(sockets), *settings),
        ]
        command = self._lab.command(host, command, user=self._owner()[0])
        server = ServerProcess(command, port=PORT, env={}, folder=sockets)
        self._servers[host] = server
        self._await(lambda: self._answers(host), f"{host} does not answer:\n{server.output()}")

    def _answers(self, host: str) -> bool:
        try:
            self.connect(host).close()
        except psycopg.OperationalError:
            return False
        return True

    def _await(self, held: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not held():
            if time.monotonic() > deadline:
                raise RuntimeError(otherwise)
            time.sleep(0.05)

    def _data(self, host: str) -> Path:
        return self._folder / host

    def _owner(self) -> tuple[int, int]:
        who = demotion()
        return who["user"], who["group"]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs.folder / program, *arguments],
            env={"PATH": os.environ["PATH"], "PGPASSWORD": self.password},
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            **demotion(),
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr}")

    def _remove(self) -> None:
        for server in self._servers.values():
            os.kill(server.pid, signal.SIGQUIT)  # its data are not wanted any more
            server.await_end()
        shutil.rmtree(self._folder)


def _is_followed(primary: psycopg.Connection) -> bool:
    found = primary.execute("SELECT sync_state FROM pg_stat_replication").fetchall()
    return [row[0] for row in found] == ["sync"]
