"""Shared fixtures: a world per test, on SQLite, and on PostgreSQL where that may matter."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.live import live_world
from tests.support.postgres import PostgresServer, Template
from tests.support.world import World, close, make_world, migrated


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "mfa.db"
    migrated(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> Template:
    return postgres.template_from(migrated)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    shutil.copy(sqlite_template, tmp_path / "mfa.db")
    return f"sqlite:///{tmp_path / 'mfa.db'}"


@pytest.fixture
def postgres_url(postgres: PostgresServer, postgres_template: Template) -> Iterator[str]:
    with postgres.database(postgres_template) as url:
        yield url


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    """Return the service on SQLite."""
    made = make_world(sqlite_url)
    yield made
    close(made)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest) -> str:
    """Return a migrated database of each kind in turn."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def any_world(any_url: str) -> Iterator[World]:
    """Return the service on each kind of database in turn."""
    made = make_world(any_url)
    yield made
    close(made)


@pytest.fixture(scope="module")
def live(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return the service on a port of this process, for programs and browsers; one per file."""
    path = tmp_path_factory.mktemp("live") / "mfa.db"
    shutil.copy(sqlite_template, path)
    with live_world(f"sqlite:///{path}") as made:
        yield made
