"""A gateway in each mode in turn, and one in the mode for nginx."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import MODES, Gate, gate


@pytest.fixture(params=MODES)
def any_gate(request: pytest.FixtureRequest, sqlite_url: str, tmp_path: Path) -> Iterator[Gate]:
    with gate(sqlite_url, tmp_path, str(request.param)) as made:
        yield made


@pytest.fixture
def nginx(sqlite_url: str, tmp_path: Path) -> Iterator[Gate]:
    with gate(sqlite_url, tmp_path) as made:
        yield made
