"""A world that the cases of one table share, because none of them leaves a trace."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.world import World, close, make_world


@pytest.fixture(scope="module")
def shared_world(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Return the service on SQLite, the same for a whole file: for what is refused anyway."""
    path = tmp_path_factory.mktemp("shared") / "mfa.db"
    shutil.copy(sqlite_template, path)
    made = make_world(f"sqlite:///{path}")
    yield made
    close(made)


@pytest.fixture
def two_worlds(any_url: str) -> Iterator[tuple[World, World]]:
    """Return two processes' worth of the service over one database."""
    worlds = make_world(any_url), make_world(any_url)
    yield worlds
    for made in worlds:
        close(made)
