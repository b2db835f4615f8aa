"""Wake-ups reach other processes by every carrier, and come back after an outage."""

import itertools
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from mfa_service.adapters.wakeup_carried import CarriedWakeUp, Transport, TransportFault
from mfa_service.adapters.wakeup_local import LocalTransport
from mfa_service.adapters.wakeup_memory import MemoryWakeUp
from mfa_service.adapters.wakeup_postgres import PostgresTransport
from mfa_service.adapters.wakeup_redis import RedisTransport
from tests.support.patience import SECONDS, until
from tests.support.redis import RedisServer

Make = Callable[[], Transport]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path)
    yield made
    made.stop()


@pytest.fixture(params=["postgresql", "redis", "local"])
def make(request: pytest.FixtureRequest) -> Make:
    """Return what makes one more connection to the same carrier."""
    if request.param == "redis":
        url = request.getfixturevalue("server").url
        return lambda: RedisTransport(url)
    if request.param == "local":
        names = map(str, itertools.count())
        folder = request.getfixturevalue("tmp_path") / ("a long name " * 12)
        return lambda: LocalTransport(folder, next(names))
    database = request.getfixturevalue("postgres_url")
    return lambda: PostgresTransport(database)


@contextmanager
def process(transport: Transport, name: str) -> Iterator[CarriedWakeUp]:
    """Lend what one process has, once it hears others."""
    made = CarriedWakeUp(MemoryWakeUp(10), transport, name=name)
    made.start()
    try:
        until(lambda: made.hears)
        yield made
    finally:
        made.stop()


def test_who_waits_in_another_process_is_woken(make: Make) -> None:
    with process(make(), "one") as one, process(make(), "two") as two:
        place = two.subscribe("challenge:a")
        assert place is not None
        one.tell("challenge:b", "user:c")
        one.tell("challenge:a")
        assert place.wait(SECONDS)
        place.close()


def test_who_waits_for_something_else_is_not(make: Make) -> None:
    with process(make(), "one") as one, process(make(), "two") as two:
        other, last = two.subscribe("challenge:b"), two.subscribe("challenge:z")
        assert other is not None
        assert last is not None
        one.tell("challenge:a")
        one.tell("challenge:z")
        assert last.wait(SECONDS)
        assert not other.wait(0)


def test_what_concerns_one_process_only_is_not_carried(make: Make) -> None:
    one = CarriedWakeUp(MemoryWakeUp(10), make(), name="one", kept=frozenset({"outbox"}))
    one.start()
    until(lambda: one.hears)
    with process(make(), "two") as two:
        here, there, last = one.park("outbox"), two.park("outbox"), two.park("challenge:z")
        assert here is not None
        assert there is not None
        assert last is not None
        one.tell("outbox", "user:a")
        one.tell("challenge:z")
        assert last.wait(SECONDS)
        assert (here.wait(0), there.wait(0)) == (True, False)
    one.stop()


def test_many_at_once_all_arrive(make: Make) -> None:
    with process(make(), "one") as one, process(make(), "two") as two:
        places = [two.subscribe(f"challenge:{number}") for number in range(10)]
        for number in range(1000):
            one.tell(f"challenge:{number % 10}", f"user:{number}")
        assert all(place is not None and place.wait(SECONDS) for place in places)


def test_ones_own_is_not_heard_again(make: Make) -> None:
    with process(make(), "one") as one, process(make(), "two") as two:
        place, other = one.subscribe("challenge:a"), one.subscribe("challenge:z")
        assert place is not None
        assert other is not None
        one.tell("challenge:a")
        assert place.wait(SECONDS)
        two.tell("challenge:z")
        assert other.wait(SECONDS)
        assert not place.wait(0)


def test_after_a_restart_of_redis_everybody_looks_again_and_hears(server: RedisServer) -> None:
    with (
        process(RedisTransport(server.url), "one") as one,
        process(RedisTransport(server.url), "two") as two,
    ):
        place = two.subscribe("challenge:a")
        assert place is not None
        server.stop()
        until(lambda: not two.hears)
        one.tell("challenge:a")  # lost, and nobody fails
        server.start()
        assert place.wait(SECONDS), "who waited looks again: something may have been missed"
        until(lambda: one.hears and two.hears)
        told_again(one, two)


def told_again(one: CarriedWakeUp, two: CarriedWakeUp) -> None:
    place = two.subscribe("challenge:later")
    assert place is not None

    def told() -> bool:
        one.tell("challenge:later")
        return place.wait(0.2)

    until(told)


def test_a_connection_to_postgresql_that_is_cut_is_made_anew(postgres_url: str) -> None:
    with (
        process(PostgresTransport(postgres_url), "one") as one,
        process(PostgresTransport(postgres_url), "two") as two,
    ):
        place = two.subscribe("challenge:a")
        assert place is not None
        dsn = postgres_url.replace("+psycopg", "")
        with psycopg.connect(dsn, autocommit=True) as administrator:
            administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'mfa wake-ups'"
            )
        assert place.wait(SECONDS)
        told_again(one, two)


@pytest.mark.parametrize(
    "text", ["", "x", "7", "{}", "[]", '["one"]', '["x", 7, null]', '["x", "' + "y" * 300 + '"]']
)
def test_a_text_that_is_none_of_ours_wakes_nobody_and_ends_nothing(
    server: RedisServer, text: str
) -> None:
    with (
        redis.Redis.from_url(server.url) as client,
        process(RedisTransport(server.url), "one") as one,
        process(RedisTransport(server.url), "two") as two,
    ):
        client.publish("mfa:wake_up", text)
        client.publish("mfa:wake_up", b"\xff\xfe")
        told_again(one, two)


def test_a_server_that_is_not_there_is_no_end(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.stop()
    one = CarriedWakeUp(MemoryWakeUp(10), RedisTransport(server.url), name="one")
    one.start()
    place = one.subscribe("challenge:a")
    assert place is not None
    one.tell("challenge:a")
    assert place.wait(SECONDS), "who waits here is woken without any carrier"
    assert not one.hears
    server.start()
    until(lambda: one.hears)
    one.stop()
    server.stop()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "rediss://127.0.0.1:1"])
def test_a_fault_of_redis_names_no_address(url: str) -> None:
    with pytest.raises(TransportFault) as fault:
        RedisTransport(url).publish("x")
    assert "127.0.0.1" not in str(fault.value)


def test_a_fault_of_postgresql_names_no_address() -> None:
    with pytest.raises(TransportFault) as fault:
        PostgresTransport("postgresql+psycopg://nobody:secret@127.0.0.1:1/x").publish("x")
    assert "secret" not in str(fault.value)


def test_the_socket_of_a_process_that_was_killed_is_removed_by_who_meets_it(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "wake"
    with process(LocalTransport(folder, "one"), "one") as one:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as killed:
            killed.bind(str(folder / "killed"))
        assert (folder / "killed").exists()
        one.tell("challenge:a")
        until(lambda: not (folder / "killed").exists())
    assert list(folder.iterdir()) == []


def test_nobody_else_can_enter_the_folder_of_the_sockets(tmp_path: Path) -> None:
    with process(LocalTransport(tmp_path / "wake", "one"), "one"):
        assert (tmp_path / "wake").stat().st_mode & 0o777 == 0o700
