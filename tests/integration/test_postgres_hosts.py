"""PostgreSQL on several hosts: the URL names them all, and lost ones cost no time for long."""

import threading
from typing import Any

import pytest
from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import OperationalError

from mfa_service.adapters.wakeup_postgres import PostgresTransport
from mfa_service.domain.errors import Unavailable
from mfa_service.persistence import schema
from mfa_service.persistence.base import standalone_engine
from mfa_service.persistence.reaching import connect_arguments
from mfa_service.persistence.unit_of_work import UnitOfWork
from tests.support.leash import free_port
from tests.support.world import close, make_world

LOST = "127.0.0.2"  # loopback too, where no PostgreSQL of ours listens
LOCK_NOT_AVAILABLE = "55P03"


def with_query(url: str, query: str) -> str:
    """Return `url` without host, and with this query; the port of the server is `{port}`."""
    before, _, at = url.rpartition("@")
    port = make_url(url).port
    return f"{before}@/{at.rpartition('/')[2]}?{query.format(port=port, lost=free_port())}"


@pytest.fixture(
    params=[
        f"host={LOST},127.0.0.1&port={{lost}},{{port}}&target_session_attrs=read-write",
        f"host={LOST}:{{lost}}&host=127.0.0.1:{{port}}&target_session_attrs=read-write",
    ],
    ids=["as libpq has it", "as SQLAlchemy has it"],
)
def several(request: pytest.FixtureRequest, postgres_url: str) -> str:
    """Return a URL that names a lost host first, in both ways of writing it."""
    return with_query(postgres_url, request.param)


def test_the_service_runs_on_the_host_that_answers(several: str) -> None:
    world = make_world(several)
    totp, api = world.totp(), world.client()
    answered = api.answer(api.challenge()["id"], "totp", totp.next())
    assert answered.get_json()["status"] == "satisfied"
    close(world)


def test_wake_ups_are_carried_by_the_host_that_answers(several: str) -> None:
    sender, hearer, stopped = (
        PostgresTransport(several),
        PostgresTransport(several),
        threading.Event(),
    )
    heard = hearer.texts(stopped)
    assert next(heard) is None
    sender.publish("challenge:1")
    assert next(text for text in heard if text) == "challenge:1"
    stopped.set()
    assert list(heard) == []
    sender.close()


def hosts_asked(engine: Engine) -> list[str]:
    """Return a list that grows by the hosts in their order whenever a connection is made."""
    asked: list[str] = []

    def note(_: object, __: object, ___: object, named: dict[str, Any]) -> None:
        asked.append(named["host"])

    event.listen(engine, "do_connect", note)
    return asked


def test_the_host_that_took_the_last_connection_is_asked_first(several: str) -> None:
    engine = standalone_engine(several)
    asked = hosts_asked(engine)
    for _ in range(3):
        engine.connect().close()
        engine.dispose()
    assert asked == [f"{LOST},127.0.0.1", f"127.0.0.1,{LOST}", f"127.0.0.1,{LOST}"]


def test_a_host_that_a_connection_was_lost_to_is_asked_last_until_it_takes_one(
    several: str,
) -> None:
    engine = standalone_engine(several)
    with engine.connect() as one:
        pid = one.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with engine.connect() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
        asked = hosts_asked(engine)
        with pytest.raises(OperationalError):
            one.exec_driver_sql("SELECT 1")
    for _ in range(2):
        engine.connect().close()
        engine.dispose()
    assert asked == [f"{LOST},127.0.0.1", f"127.0.0.1,{LOST}"]


def test_a_statement_has_an_end_and_the_url_has_the_last_word(postgres_url: str) -> None:
    shown = {}
    for given in ("", "?options=-c%20lock_timeout%3D7s"):
        engine = standalone_engine(postgres_url + given)
        with engine.connect() as tx:
            names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
            shown[given] = [tx.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
        engine.dispose()
    assert list(shown.values()) == [["30s", "5s", "10s"], ["30s", "7s", "10s"]]


@pytest.mark.parametrize(
    ("where", "seconds"),
    [
        ("@db/mfa", 5),
        ("@/mfa?host=db-a,db-b&port=1,2", 2),
        ("@/mfa?host=db-a:1&host=db-b:2", 2),
        ("@/mfa?host=db-a,db-b&connect_timeout=9", None),
    ],
)
def test_who_could_ask_another_host_gives_one_up_sooner(where: str, seconds: int | None) -> None:
    arguments = connect_arguments(f"postgresql+psycopg://mfa:x{where}")
    assert arguments.get("connect_timeout") == seconds


def test_a_statement_is_planned_once_whatever_table_it_is_about(postgres_url: str) -> None:
    engine = standalone_engine(postgres_url)
    with engine.connect() as tx:
        assert tx.exec_driver_sql("SHOW plan_cache_mode").scalar() == "force_generic_plan"
    engine.dispose()


def test_whoever_waits_too_long_for_a_lock_is_told_to_come_again(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = standalone_engine(postgres_url + "?options=-c%20lock_timeout%3D50ms")
    work = UnitOfWork(engine)
    lock = 'LOCK TABLE "user" IN EXCLUSIVE MODE'
    with work.transaction() as first:
        first.exec_driver_sql(lock)
        with pytest.raises(Unavailable), work.transaction() as second:
            second.exec_driver_sql(lock)
    told = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert [(said["event"], said["reason"]) for said in told] == [("database", LOCK_NOT_AVAILABLE)]
    with work.transaction() as third:
        third.exec_driver_sql(lock)
    engine.dispose()


def test_an_upgrade_of_the_schema_waits_as_long_as_it_takes(postgres_url: str) -> None:
    impatient = standalone_engine(postgres_url + "?options=-c%20lock_timeout%3D50ms")
    lock = "SELECT pg_advisory_xact_lock(7205759403)"
    patient = standalone_engine(postgres_url)
    with patient.begin() as holder:
        holder.exec_driver_sql(lock)
        with pytest.raises(OperationalError), impatient.begin() as tx:
            tx.exec_driver_sql(lock)
        upgrading = threading.Thread(target=schema.upgrade, args=(impatient,))
        upgrading.start()
        upgrading.join(timeout=0.3)
        assert upgrading.is_alive()
    upgrading.join()
    schema.require_current(impatient)
    impatient.dispose()
    patient.dispose()
