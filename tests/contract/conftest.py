"""A world whose people may call, and names for the tests that schemathesis collects."""

from collections.abc import Iterator

import pytest
from schemathesis.pytest.plugin import SchemathesisFunction

from tests.support.me import peoples_world
from tests.support.world import World


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    """Return the service with a login issuer, so that every operation can be reached."""
    with peoples_world(sqlite_url) as people:
        yield people.world


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the operation into the id: pytest 9.2 drops it, and xdist runs one test of a name."""
    for item in items:
        if isinstance(item, SchemathesisFunction) and "[" not in item.nodeid:
            operation = item.name.partition("[")[2].removesuffix("]")
            item._id = item._id.with_params(operation)
