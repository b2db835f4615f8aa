"""Connections that are lent without being checked out of SQLAlchemy's pool each time."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, bindparam, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mfa_service.persistence.base import CONNECTIONS, KEPT, standalone_engine
from mfa_service.persistence.lending import Lending
from mfa_service.persistence.prepared import Lent, Prepared

SECONDS = 10
ASK = Prepared(select(bindparam("given").label("given")))


@pytest.fixture
def engine(any_url: str) -> Iterator[Engine]:
    made = standalone_engine(any_url)
    yield made
    made.dispose()


@pytest.fixture
def lending(engine: Engine) -> Lending:
    return Lending(engine)


def works(connection: Lent) -> bool:
    return bool(ASK.value(connection, {"given": "x"}) == "x")


def test_what_came_back_last_is_lent_next(lending: Lending) -> None:
    first, second = lending.take(), lending.take()
    lending.give_back(first, sound=True)
    lending.give_back(second, sound=True)
    assert [lending.take(), lending.take()] == [second, first]
    assert lending.lent == 2


def test_what_failed_or_is_in_the_middle_of_something_is_not_lent_again(lending: Lending) -> None:
    failed, amid = lending.take(), lending.take()
    amid.execute(text("SELECT 1"))
    lending.give_back(failed, sound=False)
    lending.give_back(amid, sound=True)
    assert (failed.closed, amid.closed, lending.lent) == (True, True, 0)
    assert works(lending.take())


def test_who_finds_all_in_use_gets_the_first_that_comes_back(lending: Lending) -> None:
    taken = [lending.take() for _ in range(CONNECTIONS)]
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(lending.take) for _ in range(2)]
        lending.give_back(taken[0], sound=True)
        lending.give_back(taken[1], sound=False)  # one that is gone leaves room for another
        got = [future.result(SECONDS) for future in waiting]
    assert taken[0] in got
    assert all(works(connection) for connection in got)
    assert lending.lent == CONNECTIONS


def test_who_waits_too_long_is_told(engine: Engine) -> None:
    lending = Lending(engine, wait_seconds=0.05)
    taken = [lending.take() for _ in range(CONNECTIONS)]
    with pytest.raises(PoolTimeout):
        lending.take()
    lending.give_back(taken[0], sound=True)
    assert lending.take() is taken[0]


def test_however_many_come_at_once_no_more_than_the_limit_are_there(lending: Lending) -> None:
    lock, most = threading.Lock(), 0

    def use(number: int) -> bool:
        nonlocal most
        connection = lending.take()
        try:
            with lock:
                most = max(most, lending.lent)
            return works(connection)
        finally:
            lending.give_back(connection, sound=number % 7 != 0)

    with ThreadPoolExecutor(CONNECTIONS * 2) as pool:
        assert all(pool.map(use, range(1000)))
    assert 1 < most <= CONNECTIONS
    assert lending.lent == 0


def test_when_a_load_is_over_only_some_stay(lending: Lending) -> None:
    taken = [lending.take() for _ in range(CONNECTIONS)]
    for connection in taken:
        lending.give_back(connection, sound=True)
    assert sum(connection.closed for connection in taken) == CONNECTIONS - KEPT


def test_what_lies_idle_is_closed_with_its_engine(engine: Engine, lending: Lending) -> None:
    connection = lending.take()
    lending.give_back(connection, sound=True)
    engine.dispose()
    assert connection.closed
    assert works(lending.take())


def test_with_one_that_is_dead_all_that_lie_idle_are_dropped(postgres_url: str) -> None:
    engine = standalone_engine(postgres_url)
    lending = Lending(engine)
    victim, idle, other = lending.take(), lending.take(), lending.take()
    pid = victim.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    victim.rollback()
    lending.give_back(idle, sound=True)
    other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    with pytest.raises(DBAPIError) as told:
        victim.start()
    assert told.value.connection_invalidated
    assert idle.closed
    lending.give_back(victim, sound=False)
    lending.give_back(other, sound=True)
    assert works(lending.take())
    engine.dispose()
