"""A directory for each test, and the service whose clients are in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.directory import Staff, staff
from tests.support.slapd import Slapd, slapd
from tests.support.world import World, close, make_world


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Slapd]:
    """Lend a directory without any client."""
    with slapd(tmp_path) as made:
        yield made


@pytest.fixture
def listing(server: Slapd, sqlite_url: str) -> Iterator[World]:
    """Lend the service whose clients are in that directory."""
    made = make_world(sqlite_url, **server.env)
    yield made
    close(made)


@pytest.fixture
def people(server: Slapd, listing: World) -> Staff:
    """Lend both, with the client `svc` that may open challenges."""
    return staff(server, listing)
