"""The operator's script: no promotion without a fence, and no second one."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine.interfaces import IsolationLevel

from mfa_service.commands.checks.standby import findings
from mfa_service.domain.errors import Unavailable
from mfa_service.persistence.base import standalone_engine
from mfa_service.persistence.readiness import require_ready
from mfa_service.persistence.unit_of_work import UnitOfWork
from tests.support.doctor import doctor
from tests.support.patience import until
from tests.support.remote import environment
from tests.support.world import close, make_world, migrated

from .lab import Lab
from .stores import SCRIPT, Pair

NOTHING_DONE = 1
SOON = "%20".join(
    f"-c%20{name}%3D200ms"
    for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
)
WRITE = "CREATE TABLE written_by_the_old_primary ()"
OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"
IS_STANDBY = "SELECT pg_is_in_recovery()"
WRITTEN = "SELECT to_regclass('written_by_the_old_primary') IS NOT NULL"
WAITS_LONG = (
    "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    " AND clock_timestamp() - query_start > interval '5 s'"
)
WAITS = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


def with_keys(url: str) -> None:
    """Make the schema, and what `/readyz` looks for."""
    migrated(url)
    close(make_world(url))


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as made, made.standing_at("people"):
        yield made


@pytest.fixture(scope="module")
def pair(lab: Lab) -> Iterator[Pair]:
    with Pair(lab, with_keys) as made:
        yield made


def tells(connection: psycopg.Connection, query: str) -> bool:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return bool(row[0])


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["--standby", "host=nowhere"],
        ["--fence", "true"],
        ["--standby", "host=nowhere", "--fence"],
        ["--standby", "host=nowhere", "--fence", "true", "--force", "yes"],
    ],
    ids=" ".join,
)
def test_what_the_script_does_not_understand_it_does_not_do(given: list[str]) -> None:
    told = subprocess.run([SCRIPT, *given], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (NOTHING_DONE, "")
    assert told.stderr.startswith("usage: ")


def test_without_a_fence_nothing_is_promoted(pair: Pair) -> None:
    told = pair.fail_over(fence=["false"])
    assert (told.returncode, "may still write" in told.stderr) == (NOTHING_DONE, True), told
    with pair.connect("db-b") as standby:
        assert tells(standby, IS_STANDBY)


def test_the_script_shows_no_password(pair: Pair) -> None:
    told = pair.fail_over(fence=["false"])
    assert pair.password not in told.stdout + told.stderr + " ".join(map(str, told.args))


def test_what_is_a_standby_is_told_as_unavailable_and_all_connections_to_it_are_dropped(
    pair: Pair,
) -> None:
    engine = standalone_engine(pair.url_of("db-b"))
    work = UnitOfWork(engine)
    with engine.connect() as one, engine.connect() as other:
        assert one.exec_driver_sql("SELECT 1").scalar() == 1
        assert other.exec_driver_sql("SELECT 1").scalar() == 1
    assert engine.pool.checkedin() == 2  # type: ignore[attr-defined]
    with pytest.raises(Unavailable) as told, work.transaction() as tx:
        tx.exec_driver_sql("CREATE TABLE refused ()")
    assert told.value.headers["Retry-After"] == "1"
    assert engine.pool.checkedin() == 0  # type: ignore[attr-defined]
    with work.reading() as tx:
        assert tx.exec_driver_sql(IS_STANDBY).scalar() is True
    engine.dispose()


def test_only_the_primary_is_ready(pair: Pair) -> None:
    primary, standby = (standalone_engine(pair.url_of(host)) for host in ("db-a", "db-b"))
    require_ready(UnitOfWork(primary))
    with pytest.raises(Unavailable):
        require_ready(UnitOfWork(standby))
    assert standby.pool.checkedin() == 0  # type: ignore[attr-defined]
    primary.dispose()
    standby.dispose()


@pytest.mark.parametrize("level", ["READ COMMITTED", "AUTOCOMMIT"])
def test_no_time_out_of_ours_confirms_what_the_standby_does_not_have(
    lab: Lab, pair: Pair, level: IsolationLevel
) -> None:
    engine = standalone_engine(f"{pair.url_of('db-a')}?options={SOON}")
    confirmed = threading.Event()

    def write() -> None:
        with engine.execution_options(isolation_level=level).begin() as tx:
            tx.exec_driver_sql(f'CREATE TABLE "waited in {level}" ()')
        confirmed.set()

    writer = threading.Thread(target=write)
    with pair.connect("db-a") as watching:
        lab.link("db-b", "back", up=False)
        writer.start()
        until(lambda: tells(watching, WAITS))
        watching.execute("SELECT pg_sleep(1)")
        assert tells(watching, WAITS)
        assert not confirmed.is_set()
        lab.link("db-b", "back", up=True)
    writer.join()
    assert confirmed.is_set()
    engine.dispose()


def test_the_doctor_tells_that_a_standby_follows(pair: Pair) -> None:
    told = doctor(environment(pair.url_of("db-a"))).of("standby")
    assert told == [("ok", "commits wait for db_b; there follow db_b")]
    assert doctor(environment(pair.url_of("db-b"))).of("standby") == []


def test_a_role_that_may_not_see_who_follows_says_so_and_fails_nothing(pair: Pair) -> None:
    with pair.connect("db-a") as primary:
        primary.execute(f"CREATE ROLE plain LOGIN PASSWORD '{pair.password}'".encode())
    engine = standalone_engine(pair.url_of("db-a").replace("//postgres:", "//plain:"))
    (told,) = findings(engine)
    assert (told.level, "this role may not see" in told.what) == ("ok", True)
    with pair.connect("db-a") as primary:
        primary.execute(b"GRANT pg_read_all_stats TO plain")
    (told,) = findings(engine)
    assert told.what.endswith("there follow db_b")
    engine.dispose()


def in_which_a_table_is_made(pair: Pair) -> None:
    with pair.connect("db-a") as primary:
        primary.execute(b"CREATE TABLE made_without_a_standby ()")


def documented() -> list[str]:
    """Return what docs/operating.md says to go on without the standby."""
    lines = [line.strip() for line in OPERATING.read_text("utf-8").splitlines()]
    begin = next(i for i, line in enumerate(lines) if line.startswith("ALTER SYSTEM SET"))
    return lines[begin : begin + 2]


def test_commits_that_wait_for_a_lost_standby_are_told_and_go_on_without_it_as_documented(
    pair: Pair,
) -> None:
    env = environment(pair.url_of("db-a"))
    writer = threading.Thread(target=in_which_a_table_is_made, args=(pair,))
    with pair.connect("db-a") as administrator:
        pair.kill("db-b")
        until(lambda: not tells(administrator, "SELECT count(*) FROM pg_stat_replication"))
        assert doctor(env).of("standby") == [
            ("error", "commits wait for db_b, and no such standby follows")
        ]
        writer.start()
        until(lambda: tells(administrator, WAITS_LONG))
        ((level, what),) = doctor(env).of("standby")
        assert (level, what.startswith("commits wait for a standby: 1 of")) == ("error", True)
        for statement in documented():
            administrator.execute(statement.encode())
        writer.join()
        assert doctor(env).of("standby") == []
    pair.start("db-b")
    pair.become_synchronous()
    assert [level for level, _ in doctor(env).of("standby")] == ["ok"]


def test_a_primary_that_is_cut_off_confirms_nothing_that_the_next_one_does_not_have(
    lab: Lab, pair: Pair
) -> None:
    confirmed = threading.Event()

    def write() -> None:
        lost = contextlib.suppress(psycopg.OperationalError)
        with lost, lab.standing_at("db-a"), pair.connect("db-a") as old:
            old.execute(WRITE.encode())
            confirmed.set()

    with lab.standing_at("db-a"), pair.connect("db-a") as watching:
        writer = threading.Thread(target=write)
        fence = lab.link_command("db-a", "back", up=False)
        lab.link("db-a", "back", up=False)
        writer.start()
        until(lambda: tells(watching, WAITS))
        with lab.standing_at("people"):
            told = pair.fail_over(fence=fence)
            assert told.returncode == 0, told.stderr
            with pair.connect("db-b") as primary:
                assert not tells(primary, IS_STANDBY)
                assert not tells(primary, WRITTEN)
        pair.kill("db-a")
        with pytest.raises(psycopg.OperationalError):
            tells(watching, WAITS)
    writer.join()
    assert not confirmed.is_set()
    assert pair.fail_over(fence=fence).returncode == NOTHING_DONE
