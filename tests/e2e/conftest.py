"""One service with two workers for each kind of database, shared by the tests of a process."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import PostgresServer, Template
from tests.support.remote import remote_world, served
from tests.support.world import World


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a migrated database that lives as long as the session."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("shared") / "mfa.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    server: PostgresServer = request.getfixturevalue("postgres")
    template: Template = request.getfixturevalue("postgres_template")
    return server.new_database(template)


@pytest.fixture(scope="session")
def workers(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return the world of a running service with two workers; subjects are shared by tests."""
    folder: Path = tmp_path_factory.mktemp("served")
    with (
        served(shared_url, folder, workers=2) as server,
        remote_world(server.url, shared_url) as world,
    ):
        yield world


@pytest.fixture
def sub(request: pytest.FixtureRequest) -> str:
    """Return a subject that no other test uses."""
    return str(request.node.name)
