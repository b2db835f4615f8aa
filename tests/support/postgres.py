"""A real PostgreSQL for tests: started on demand, one per test process, gone with it."""

import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString, Self

import psycopg
from psycopg import sql

from tests.support.leash import Leash, free_port
from tests.support.postgres_programs import (
    Programs,
    demotion,
    find_programs,
    private_folder,
)

_START_SECONDS = 60
_START_ATTEMPTS = 3
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "timezone": "UTC",
}
_DISCONNECT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


class _StartRefused(Exception):
    """The server ended while starting: mostly because somebody else took the port."""


@dataclass(frozen=True, slots=True)
class Template:
    """A database that is copied, never used."""

    name: str


class PostgresServer:
    """One server on a free loopback port, its data and socket in a folder of its own.

    Nothing survives a crash of the machine (no fsync), which is what makes it fast. The password
    keeps other users of the machine out.
    """

    def __init__(self, programs: Programs, folder: Path, password: str) -> None:
        self._programs = programs
        self.folder = folder
        self._password = password
        self._port = 0

    @classmethod
    def start(cls) -> Self:
        """Return a server that answers; raise RuntimeError naming what to install if none can."""
        folder = private_folder()
        try:
            server = cls(find_programs(folder), folder, secrets.token_urlsafe(16))
            server._create_cluster()
            server._run()
        except BaseException:
            shutil.rmtree(folder)
            raise
        return server

    def stop(self) -> None:
        """End the server, cutting off who is still connected, and remove all that it wrote."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        self._leash.let_go()

    @property
    def process_id(self) -> int:
        """Return the process whose end is the server's end."""
        return self._process.pid

    def program(self, name: str) -> str:
        """Return the path of a program of the same version, as `pg_dump`."""
        return str(self._programs.folder / name)

    def template_from(self, migrate: Callable[[str], None]) -> Template:
        """Run `migrate(url)` once on an empty database and keep the result to copy from."""
        url = self.new_database()
        migrate(url)
        name = _name_in(url)
        self._execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        with self._administrator() as connection:
            connection.execute(_DISCONNECT, (name,))
        return Template(name)

    def new_database(self, template: Template | None = None) -> str:
        """Create a database, empty or a copy of `template`, and return its SQLAlchemy URL."""
        name = f"test_{secrets.token_hex(8)}"
        source = "template0" if template is None else template.name
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, source)
        return f"postgresql+psycopg://postgres:{self._password}@127.0.0.1:{self._port}/{name}"

    def drop_database(self, url: str) -> None:
        """Remove a database of `new_database`, also while connections to it are open."""
        self._execute("DROP DATABASE {} WITH (FORCE)", _name_in(url))

    @contextmanager
    def database(self, template: Template | None = None) -> Iterator[str]:
        """Lend a new database for the time of a `with` block."""
        url = self.new_database(template)
        try:
            yield url
        finally:
            self.drop_database(url)

    def _create_cluster(self) -> None:
        password_file = self.folder / "password"
        password_file.write_text(self._password)
        password_file.chmod(0o644)
        locale = ["--locale=C"]
        if self._programs.major >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        made = subprocess.run(
            [
                *(f"{self._programs.folder}/initdb", "-D", f"{self.folder}/data"),
                *("-U", "postgres", "-A", "password", f"--pwfile={password_file}"),
                *("--no-sync", "-E", "UTF8", *locale),
            ],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
            **demotion(),
        )
        if made.returncode != 0:
            message = f"initdb failed: {made.stderr}"
            raise RuntimeError(message)

    def _run(self) -> None:
        for _ in range(_START_ATTEMPTS):
            try:
                self._run_on(free_port())
            except _StartRefused:
                continue
            return
        message = f"PostgreSQL did not start: {self.log_file.read_text()}"
        raise RuntimeError(message)

    def _run_on(self, port: int) -> None:
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        with self.log_file.open("w") as log:
            self._process = subprocess.Popen(
                [
                    *(f"{self._programs.folder}/postgres", "-D", f"{self.folder}/data"),
                    *("-p", str(port), "-k", str(self.folder), *settings),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                **demotion(),
            )
        self._port = port
        try:
            self._await_answer()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        self._leash = Leash(self._process.pid, "INT", self.folder)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if self._process.poll() is not None:
                raise _StartRefused
            try:
                self._administrator().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def _administrator(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self._port,
            user="postgres",
            password=self._password,
            dbname="postgres",
            autocommit=True,
        )

    def _execute(self, statement: LiteralString, *names: str) -> None:
        with self._administrator() as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    @property
    def log_file(self) -> Path:
        return self.folder / "log"


def _name_in(url: str) -> str:
    return url.rsplit("/", 1)[1]
