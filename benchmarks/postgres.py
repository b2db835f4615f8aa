"""A PostgreSQL that keeps its promises: unlike the one for tests, a commit reaches the disk."""

import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.leash import Leash, free_port
from tests.support.postgres_programs import Programs, demotion, find_programs, private_folder

_START_SECONDS = 60
_SETTINGS = {"listen_addresses": "127.0.0.1", "max_connections": "100", "timezone": "UTC"}


class DurablePostgres:
    """One server with PostgreSQL's own defaults on a free loopback port, gone with this process."""

    def __init__(self, programs: Programs, folder: Path) -> None:
        """Create the cluster below `folder` and start it; returns when it answers."""
        self.log = folder / "log"
        self._password = secrets.token_urlsafe(16)
        self._port = free_port()
        self._create(programs, folder)
        self._process = self._start(programs, folder)
        self._leash = Leash(self._process.pid, "INT", folder)
        self._await_answer()

    @property
    def pid(self) -> int:
        """The process whose descendants do the database's work."""
        return self._process.pid

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database."""
        return f"postgresql+psycopg://postgres:{self._password}@127.0.0.1:{self._port}/postgres"

    def version(self) -> str:
        """Return the server's version."""
        return str(self._scalar("SHOW server_version"))

    def log_statements(self, *, on: bool) -> None:
        """Let sessions that begin from now on write every statement to the log, without values."""
        chosen = "all" if on else "none"
        self._scalar(f"ALTER ROLE postgres SET log_statement = '{chosen}'")
        self._scalar("ALTER ROLE postgres SET log_parameter_max_length = 0")

    def stop(self) -> None:
        """End the server and remove all that it wrote."""
        self._leash.let_go()
        self._process.wait()

    def _create(self, programs: Programs, folder: Path) -> None:
        password = folder / "password"
        password.write_text(self._password)
        password.chmod(0o644)
        subprocess.run(
            [
                *(f"{programs.folder}/initdb", "-D", f"{folder}/data", "-U", "postgres"),
                *("-A", "password", f"--pwfile={password}", "-E", "UTF8", "--locale=C"),
            ],
            check=True,
            capture_output=True,
            cwd=folder,
            **demotion(),
        )

    def _start(self, programs: Programs, folder: Path) -> subprocess.Popen[bytes]:
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        with self.log.open("w") as log:
            return subprocess.Popen(
                [
                    *(f"{programs.folder}/postgres", "-D", f"{folder}/data"),
                    *("-p", str(self._port), "-k", str(folder), *settings),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,
                **demotion(),
            )

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.version()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    text = self.log.read_text()
                    self.stop()
                    raise RuntimeError(f"PostgreSQL did not start: {text}") from None
                time.sleep(0.05)
            else:
                return

    def _scalar(self, statement: str) -> object:
        url = self.url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


@contextmanager
def durable_postgres() -> Iterator[DurablePostgres]:
    """Lend a server for the time of a `with` block."""
    folder = private_folder()
    try:
        server = DurablePostgres(find_programs(folder), folder)
    except BaseException:  # whatever ended it, the folder is ours to remove
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield server
    finally:
        server.stop()
