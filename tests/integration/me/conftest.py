"""A world whose people can call `/v1/me`."""

from collections.abc import Iterator

import pytest

from tests.support.me import PeoplesWorld, Person, peoples_world


@pytest.fixture
def people(sqlite_url: str) -> Iterator[PeoplesWorld]:
    with peoples_world(sqlite_url) as made:
        yield made


@pytest.fixture
def any_people(any_url: str) -> Iterator[PeoplesWorld]:
    with peoples_world(any_url) as made:
        yield made


@pytest.fixture
def alice(people: PeoplesWorld) -> Person:
    return people.person()
