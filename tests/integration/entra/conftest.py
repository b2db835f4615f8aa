"""A service that a tenant of Microsoft Entra asks, and Entra's side of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browsing import Browser
from tests.support.entra import EntraDouble, entra_world
from tests.support.world import World


@pytest.fixture
def pair(sqlite_url: str, tmp_path: Path) -> Iterator[tuple[World, EntraDouble]]:
    with entra_world(sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
def asked(pair: tuple[World, EntraDouble]) -> World:
    """Return the service."""
    return pair[0]


@pytest.fixture
def entra(pair: tuple[World, EntraDouble]) -> EntraDouble:
    return pair[1]


@pytest.fixture
def browser(asked: World) -> Browser:
    return Browser(asked.app)
