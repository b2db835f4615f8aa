"""A world whose people may call, and names for the tests that schemathesis collects."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from schemathesis.pytest.plugin import SchemathesisFunction

from tests.support.gateway import ROUTES
from tests.support.me import peoples_world
from tests.support.world import World


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """Return the service with a login issuer and routes, so that every operation can be reached."""
    routes = tmp_path / "routes.toml"
    routes.write_text(ROUTES)
    gateway = {"MFA_GATEWAY_ROUTES": str(routes), "MFA_GATEWAY_MODE": "nginx"}
    with peoples_world(sqlite_url, **gateway) as people:
        yield people.world


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the operation into the id: pytest 9.2 drops it, and xdist runs one test of a name."""
    for item in items:
        if isinstance(item, SchemathesisFunction) and "[" not in item.nodeid:
            operation = item.name.partition("[")[2].removesuffix("]")
            item._id = item._id.with_params(operation)
