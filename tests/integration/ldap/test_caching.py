"""How long and how many answers of the directory are used again, by a directory that counts."""

from dataclasses import dataclass, field

import pytest

from mfa_service.domain.errors import Unavailable
from mfa_service.domain.ports import DirectoryBusy, DirectoryFault, Listed
from mfa_service.domain.subject import Client, Source
from mfa_service.services.directory_clients import (
    KEPT_IF_UNKNOWN,
    MOST_KEPT,
    RETRY_SECONDS,
    DirectoryClients,
)
from tests.support.ports import FrozenClock
from tests.support.racing import race

KEPT = 30


@dataclass
class CountingDirectory:
    """A directory that has these clients, counts what it is asked, and may be away."""

    names: set[str] = field(default_factory=lambda: {"svc"})
    asked: list[str] = field(default_factory=list)
    fault: DirectoryFault | None = None
    standing: bool = True

    def find(self, client_id: str) -> Listed | None:
        self._ask(client_id)
        if client_id not in self.names:
            return None
        client = Client(client_id, client_id, "default", ("a",), source=Source.DIRECTORY)
        return Listed(client, f"uid={client_id}")

    def proves(self, listed: Listed, secret: str) -> bool:
        self._ask(f"{listed.client.id} {secret}")
        return secret == "right"

    def all(self) -> list[Listed]:
        found = (self.find(name) for name in sorted(self.names))
        return [listed for listed in found if listed]

    def stands(self) -> bool:
        return self.standing

    def _ask(self, question: str) -> None:
        self.asked.append(question)
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def behind() -> CountingDirectory:
    return CountingDirectory()


@pytest.fixture
def clients(behind: CountingDirectory, clock: FrozenClock) -> DirectoryClients:
    return DirectoryClients(behind, clock, kept_seconds=KEPT)


def test_answers_are_used_again_within_bounds(
    behind: CountingDirectory, clients: DirectoryClients, clock: FrozenClock
) -> None:
    assert clients.find("svc") == clients.find("svc") is not None
    clock.advance(KEPT - 1)
    clients.find("svc")
    assert behind.asked == ["svc"]
    clock.advance(1)
    clients.find("svc")
    assert behind.asked == ["svc", "svc"]


def test_what_is_unknown_is_unknown_for_a_shorter_time(
    behind: CountingDirectory, clients: DirectoryClients, clock: FrozenClock
) -> None:
    assert clients.find("nobody") is clients.find("nobody") is None
    clock.advance(KEPT_IF_UNKNOWN - 1)
    behind.names.add("nobody")
    assert clients.find("nobody") is None
    clock.advance(1)
    assert clients.find("nobody") is not None
    assert behind.asked == ["nobody", "nobody"]


def test_nothing_is_kept_when_nothing_is_to_be_kept(
    behind: CountingDirectory, clock: FrozenClock
) -> None:
    clients = DirectoryClients(behind, clock, kept_seconds=0)
    for _ in range(2):
        clients.find("svc")
        clients.find("nobody")
    assert len(behind.asked) == 4


def test_a_clock_that_went_back_makes_nothing_older_than_it_is_useful(
    behind: CountingDirectory, clients: DirectoryClients, clock: FrozenClock
) -> None:
    clients.find("svc")
    clock.advance(-1)
    clients.find("svc")
    assert behind.asked == ["svc", "svc"]


def test_a_thousand_are_kept_and_the_oldest_makes_room(
    behind: CountingDirectory, clients: DirectoryClients
) -> None:
    clients.find("svc")
    for number in range(MOST_KEPT - 1):
        clients.find(f"stranger-{number}")
    clients.find("svc")
    assert behind.asked.count("svc") == 1
    clients.find("one-more")
    clients.find("svc")
    assert behind.asked.count("svc") == 2


def test_a_secret_is_never_believed_from_memory(
    behind: CountingDirectory, clients: DirectoryClients
) -> None:
    """Each token request reads the entry and its groups, and binds."""
    for _ in range(2):
        assert clients.by_secret("svc", "right").holds
    assert behind.asked == ["svc", "svc right"] * 2
    assert not clients.by_secret("svc", "wrong").holds


def test_a_token_request_makes_newer_what_is_known(
    behind: CountingDirectory, clients: DirectoryClients
) -> None:
    assert clients.find("svc") is not None
    behind.names.clear()
    assert clients.by_secret("svc", "right").client is None
    assert clients.find("svc") is None


def test_an_empty_secret_asks_nobody(behind: CountingDirectory, clients: DirectoryClients) -> None:
    assert not clients.by_secret("svc", "").holds
    assert behind.asked == []


def test_a_fault_is_no_success_though_an_answer_was_kept(
    behind: CountingDirectory, clients: DirectoryClients
) -> None:
    clients.find("svc")
    behind.fault = DirectoryFault("gone")
    with pytest.raises(Unavailable):
        clients.find("other")
    with pytest.raises(Unavailable):
        clients.find("svc")
    with pytest.raises(Unavailable):
        clients.by_secret("svc", "right")
    assert behind.asked == ["svc", "other"]


def test_an_answer_is_not_used_again_once_its_connection_is_gone(
    behind: CountingDirectory, clients: DirectoryClients
) -> None:
    clients.find("svc")
    behind.standing = False
    behind.fault = DirectoryFault("gone")
    with pytest.raises(Unavailable):
        clients.find("svc")


def test_during_an_outage_one_tries_every_five_seconds(
    behind: CountingDirectory, clients: DirectoryClients, clock: FrozenClock
) -> None:
    behind.fault = DirectoryFault("gone")
    for _ in range(3):
        with pytest.raises(Unavailable) as refused:
            clients.find("svc")
        assert refused.value.headers["Retry-After"] == str(RETRY_SECONDS)
    assert len(behind.asked) == 1
    clock.advance(RETRY_SECONDS)
    for _ in range(3):
        with pytest.raises(Unavailable):
            clients.by_secret("svc", "right")
    assert len(behind.asked) == 2
    behind.fault = None
    clock.advance(RETRY_SECONDS - 1)
    with pytest.raises(Unavailable):
        clients.find("svc")
    clock.advance(1)
    assert clients.find("svc") is not None
    assert clients.find("other") is None


def test_of_many_at_once_one_makes_the_try(
    behind: CountingDirectory, clients: DirectoryClients, clock: FrozenClock
) -> None:
    behind.fault = DirectoryFault("gone")
    with pytest.raises(Unavailable):
        clients.find("svc")
    clock.advance(RETRY_SECONDS)
    asked = len(behind.asked)

    def refused() -> bool:
        try:
            clients.by_secret("svc", "right")
        except Unavailable:
            return True
        return False

    assert all(race([refused] * 16))
    assert len(behind.asked) == asked + 1


def test_one_that_is_busy_refuses_without_an_outage(
    behind: CountingDirectory, clients: DirectoryClients
) -> None:
    behind.fault = DirectoryBusy("too many wait")
    with pytest.raises(Unavailable):
        clients.find("svc")
    behind.fault = None
    assert clients.find("svc") is not None
