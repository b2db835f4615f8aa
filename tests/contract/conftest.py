"""Names for the tests that schemathesis collects, so that they can be told apart and spread."""

import pytest
from schemathesis.pytest.plugin import SchemathesisFunction


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the operation into the id: pytest 9.2 drops it, and xdist runs one test of a name."""
    for item in items:
        if isinstance(item, SchemathesisFunction) and "[" not in item.nodeid:
            operation = item.name.partition("[")[2].removesuffix("]")
            item._id = item._id.with_params(operation)
