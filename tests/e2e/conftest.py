"""Running services, shared by the tests of a process: one alone, and one with two workers."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.leash import free_port
from tests.support.postgres import PostgresServer, Template
from tests.support.processes import ServerProcess, start_service
from tests.support.remote import environment, remote_world, served
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


@dataclass(frozen=True)
class Deployment:
    """A running service with one worker on SQLite, and what an operator needs beside it."""

    server: ServerProcess
    world: World
    env: dict[str, str]
    folder: Path


@pytest.fixture(scope="session")
def deployment(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """Return a service under its real name: its issuer is where it listens."""
    folder, port = tmp_path_factory.mktemp("service"), free_port()
    shutil.copy(sqlite_template, folder / "mfa.db")
    url, issuer = f"sqlite:///{folder / 'mfa.db'}", f"http://localhost:{port}"
    env = environment(url, issuer=issuer)
    with (
        start_service(env, folder=folder, port=port) as server,
        remote_world(server.url, url, issuer=issuer) as world,
    ):
        yield Deployment(server, world, env, folder)


@pytest.fixture
def service(deployment: Deployment) -> World:
    """Return the world of the one-worker service; each test brings its own subjects."""
    return deployment.world
