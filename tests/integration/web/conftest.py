"""People with a browser: Alice at the hosted page, and a world with a login issuer."""

from collections.abc import Iterator

import pytest

from tests.support.alice import Alice, alice_of
from tests.support.people import LOGIN_SETTINGS, WatchedLogin
from tests.support.world import World, close, make_world


@pytest.fixture
def login() -> WatchedLogin:
    return WatchedLogin()


@pytest.fixture
def people(sqlite_url: str, login: WatchedLogin) -> Iterator[World]:
    """Return the service on SQLite, with `login` as its login issuer."""
    made = make_world(sqlite_url, login, **LOGIN_SETTINGS)
    yield made
    close(made)


@pytest.fixture
def any_people(any_url: str, login: WatchedLogin) -> Iterator[World]:
    """Return the same on each kind of database in turn."""
    made = make_world(any_url, login, **LOGIN_SETTINGS)
    yield made
    close(made)


@pytest.fixture
def alice(world: World) -> Alice:
    return alice_of(world)
