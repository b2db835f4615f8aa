"""The databases to measure on, each in a folder that is gone afterwards."""

import base64
import contextlib
import json
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from mfa_service.persistence import base
from mfa_service.settings import Settings
from tests.support.leash import free_port
from tests.support.world import migrated

from . import bare
from .postgres import durable_postgres
from .statements import PostgresTrace, SqliteTrace, Statement

_FSYNCS = 20
Take = Callable[[], tuple[Statement, ...]]


@dataclass(frozen=True, slots=True)
class Place:
    """A migrated database with the yardstick's tables beside the service's."""

    name: str
    version: str
    folder: Path
    url: str
    port: int
    database_pid: int | None
    trace: Callable[[Engine], AbstractContextManager[Take]]

    @property
    def service_env(self) -> dict[str, str]:
        """The service's settings; the key is as good as this database lives."""
        return {
            "MFA_DATABASE_URL": self.url,
            "MFA_ISSUER": f"http://localhost:{self.port}",
            "MFA_MASTER_KEYS": f"k1:{base64.b64encode(self._key()).decode()}",
            "MFA_LOG_LEVEL": "WARNING",
        }

    @property
    def settings(self) -> Settings:
        """The same, for the part that runs in this process."""
        return Settings.load(self.service_env)

    @property
    def bare_env(self) -> dict[str, str]:
        """The yardstick's settings: the same database, the service's pool settings."""
        options = json.dumps(base.engine_options(self.url))
        return {"BARE_DATABASE_URL": self.url, "BARE_ENGINE_OPTIONS": options}

    def fsync_milliseconds(self) -> float:
        """Return how long a small write takes to reach this folder's disk (median)."""
        times = []
        with (self.folder / "fsync").open("wb") as file:
            for _ in range(_FSYNCS):
                started = time.perf_counter()
                file.write(b"x" * 4096)
                file.flush()
                os.fsync(file.fileno())
                times.append(time.perf_counter() - started)
        return statistics.median(times) * 1000

    def _key(self) -> bytes:
        path = self.folder / "key"
        if not path.exists():
            path.write_bytes(os.urandom(32))
        return path.read_bytes()


@contextmanager
def sqlite_place() -> Iterator[Place]:
    """Lend a SQLite file."""
    with tempfile.TemporaryDirectory(prefix="mfa-bench-") as name:
        folder = Path(name)
        url = f"sqlite:///{folder}/mfa.db"
        _fill(url)
        yield Place(
            name="SQLite",
            version=sqlite3.sqlite_version,
            folder=folder,
            url=url,
            port=free_port(),
            database_pid=None,
            trace=lambda engine: contextlib.nullcontext(SqliteTrace(engine).take),
        )


@contextmanager
def postgresql_place() -> Iterator[Place]:
    """Lend a PostgreSQL server of its own, with its defaults: a commit reaches the disk."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mfa-bench-")))
        server = stack.enter_context(durable_postgres())
        _fill(server.url)

        @contextmanager
        def trace(engine: Engine) -> Iterator[Take]:
            server.log_statements(on=True)
            engine.dispose()
            try:
                yield PostgresTrace(server.log).take
            finally:
                server.log_statements(on=False)

        yield Place(
            name="PostgreSQL",
            version=server.version(),
            folder=folder,
            url=server.url,
            port=free_port(),
            database_pid=server.pid,
            trace=trace,
        )


def yardstick_engine(url: str) -> Engine:
    """Return the bare view's engine, with the service's own pool settings."""
    return bare.make_engine(url, base.engine_options(url))


def _fill(url: str) -> None:
    """Make the tables of both sides, which have to be treated alike by their engines."""
    migrated(url, at=int(time.time()))
    ours, theirs = yardstick_engine(url), base.standalone_engine(url)
    bare.make_tables(ours)
    if _pragmas(ours) != _pragmas(theirs):
        raise RuntimeError("bare.py sets other pragmas than the service: mend it")
    ours.dispose()
    theirs.dispose()


def _pragmas(engine: Engine) -> list[object]:
    if engine.dialect.name != "sqlite":
        return []
    names = ("busy_timeout", "journal_mode", "foreign_keys", "synchronous")
    with engine.connect() as connection:
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
