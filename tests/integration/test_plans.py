"""What the service tells its database finds rows by an index, however many there are."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from mfa_service.persistence.base import Base
from mfa_service.persistence.partitions import CHALLENGES, Partitions
from tests.support.everybody import GATEWAY_ROUTES, everything, prepared_to_step_up
from tests.support.notified import Endpoint, endpoint
from tests.support.people import LOGIN_SETTINGS, WatchedLogin
from tests.support.plans import (
    PostgresPlanner,
    Scan,
    SqlitePlanner,
    Told,
    told_to_postgresql,
    told_to_sqlite,
)
from tests.support.postgres import PostgresServer
from tests.support.world import World, close, make_world

ALLOWED = {
    "signing_key": (r"SELECT", "a handful for as long as the service lives"),
    "authenticator_model": (r"SELECT", "a few hundred models, read once in a while and kept"),
    "client": (r"SELECT .* WHERE client.scopes != ", "as many as there are applications"),
    "session": (r"DELETE .*seen_at <= ", "those of the last hour, tidied once a minute"),
    "outbox": (
        r"DELETE .*authenticator_id IN ",
        "what was not sent yet, minutes at most; a person who is erased may have some of it",
    ),
    "challenge": (r"DELETE .*length\(", "once in a process: what an old version wrote (SQLite)"),
}
"""Which statements may read a whole table, and why that costs nothing to speak of."""


@pytest.fixture
def notified() -> Iterator[Endpoint]:
    with endpoint("/cb") as made:
        yield made


@pytest.fixture
def world(any_url: str, notified: Endpoint, tmp_path: Path) -> Iterator[World]:
    """Return the service on each database with all that can be configured for people."""
    routes = tmp_path / "routes.toml"
    routes.write_text(GATEWAY_ROUTES)
    made = make_world(
        any_url,
        WatchedLogin(),
        **LOGIN_SETTINGS,
        MFA_GATEWAY_ROUTES=str(routes),
        MFA_GATEWAY_MODE="nginx",
        MFA_NOTIFICATION_HOSTS=notified.host,
        MFA_AUDIT_DAYS="30",
    )
    yield made
    close(made)


def watching(world: World, server: PostgresServer) -> AbstractContextManager[Told]:
    is_sqlite = world.services.foundation.work.engine.dialect.name == "sqlite"
    return told_to_sqlite(world) if is_sqlite else told_to_postgresql(world, server)


def is_allowed(scan: Scan) -> bool:
    wording, _ = ALLOWED.get(scan.table, ("(?!)", ""))
    return re.match(wording, scan.statement) is not None


def test_no_table_that_grows_is_read_as_a_whole(
    world: World, notified: Endpoint, postgres: PostgresServer
) -> None:
    with watching(world, postgres) as told:
        everything(world, notified)
    written = " ".join(told.statements)
    assert {name for name in Base.metadata.tables if name not in written} <= {"metadata_blob"}
    faults = [str(scan) for scan in told.scans() if not is_allowed(scan)]
    assert not faults, "\n".join(faults)


def test_a_row_that_is_referred_to_is_deleted_without_a_look_at_all_that_refer() -> None:
    """A database looks for them itself, and no plan shows it. Clients are never deleted."""
    for table in Base.metadata.sorted_tables:
        first = {next(iter(index.columns)).name for index in table.indexes}
        first.add(next(iter(table.primary_key)).name)
        for column in (key.parent.name for key in table.foreign_keys):
            assert column in first | {"client_id"}, f"{table.name}.{column} has no index"


SCANNING = [
    "SELECT id FROM authenticator WHERE label = {}",
    "SELECT id FROM challenge WHERE status = {}",
    "SELECT id FROM challenge ORDER BY id",
    "SELECT count(*) FROM audit_event",
    "DELETE FROM push_sent WHERE client_id = {}",
    "UPDATE challenge SET page_session = '' WHERE created_at < 1",
    "SELECT a.id FROM authenticator a JOIN device ON pin = a.label WHERE a.id = {}",
]


@pytest.mark.parametrize("statement", SCANNING)
def test_a_statement_that_reads_all_is_seen(any_url: str, statement: str) -> None:
    planner = planner_of(any_url)
    parameter, values = ("?", ("x",)) if isinstance(planner, SqlitePlanner) else ("$1::text", None)
    told = statement.format(parameter)
    plan = planner.plan(told, values if "{}" in statement else ())
    assert planner.scanned(plan), plan


def planner_of(url: str) -> SqlitePlanner | PostgresPlanner:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return SqlitePlanner(str(parsed.database))
    return PostgresPlanner(parsed)


_IN_PARTITIONS = re.compile(r"(?:SELECT|UPDATE|DELETE).*\b(?:challenge|seen_token|audit_event)\b")
_DAY = 86_400


def test_a_step_up_touches_the_partitions_of_now_only(
    postgres_url: str, postgres: PostgresServer
) -> None:
    """By the plans with the values that were told: what was opened a day ago costs nothing."""
    world = make_world(postgres_url)
    at = world.clock.now()
    for weeks in range(1, 4):
        Partitions(world.services.foundation.work).make(at - weeks * 7 * _DAY)
    step = prepared_to_step_up(world)
    with told_to_postgresql(world, postgres) as told:
        step()
    close(world)
    planner = told.planner
    assert isinstance(planner, PostgresPlanner)
    of_now, oldest = (CHALLENGES.name(CHALLENGES.periods(when)[0][0]) for when in (at, at - _DAY))
    hot = {told: filled for told, filled in told.statements.items() if _IN_PARTITIONS.match(told)}
    assert len(hot) > 5
    for parameters, filled in hot.items():
        plan = planner.plan(filled)
        parts = planner.parts(plan) - {"challenge_before"}
        by_id = "challenge.id = $" in parameters
        assert parts == {of_now} if by_id else min(parts) >= oldest, f"{filled}\n{plan}"
