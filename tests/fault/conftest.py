"""A server that can be killed and started again on the same port over the same database."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault.mortal import Mortal
from tests.support.postgres import PostgresServer, Template


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return a migrated database of each kind, the same for all tests of a module."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("mortal") / "mfa.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    template: Template = request.getfixturevalue("postgres_template")
    with server.database(template) as url:
        yield url


@pytest.fixture(scope="module")
def mortal(module_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    """Lend a running service with two workers on each kind of database."""
    folder: Path = tmp_path_factory.mktemp("mortal-logs")
    with Mortal(module_url, folder) as made:
        yield made
