"""A migration that says that it only expands takes nothing away from the code of before."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, text

from mfa_service.persistence import schema
from mfa_service.persistence.base import standalone_engine
from tests.support.command_line import command_line
from tests.support.postgres import PostgresServer
from tests.support.remote import environment
from tests.support.versions import CONFIG, SCRIPTS, Shape, narrowed

EXPANDING = [
    script.revision
    for script in SCRIPTS.walk_revisions()
    if getattr(script.module, "expands_only", False)
]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        engine = standalone_engine(f"sqlite:///{tmp_path}/empty.db")
        yield engine
        engine.dispose()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as url:
        engine = standalone_engine(url)
        yield engine
        engine.dispose()


def migrate(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        CONFIG.attributes["connection"] = connection
        command.upgrade(CONFIG, revision)


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_the_newest_migration_says_whether_it_only_expands() -> None:
    (head,) = SCRIPTS.get_heads()
    assert isinstance(getattr(SCRIPTS.get_revision(head).module, "expands_only", None), bool)


@pytest.mark.parametrize("revision", EXPANDING)
def test_what_says_that_it_only_expands_does(empty: Engine, revision: str) -> None:
    migrate(empty, str(SCRIPTS.get_revision(revision).down_revision))
    before = Shape.of(empty)
    migrate(empty, revision)
    assert narrowed(before, Shape.of(empty)) == []


NARROWING = {
    "a table that is gone": ("DROP TABLE b", "b is gone"),
    "a column that is gone": ("ALTER TABLE a DROP COLUMN x", "a.x is gone"),
    "a column that is renamed": ("ALTER TABLE a RENAME COLUMN x TO z", "a.x is gone"),
    "a new column that is needed": (
        "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL",
        "a.y is needed, and the code of before does not know it",
    ),
    "a column that is needed now": ("ALTER TABLE a ALTER x SET NOT NULL", "a.x is needed now"),
    "a column of another type": ("ALTER TABLE a ALTER x TYPE BIGINT", "a.x is BIGINT, was INTEGER"),
    "a value that has to be unique": ("CREATE UNIQUE INDEX u ON a (x)", "a: unique x"),
    "a row that has to exist": (
        "ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b (id)",
        "a: referring x",
    ),
}


@pytest.mark.parametrize(("statement", "told"), NARROWING.values(), ids=NARROWING)
def test_what_takes_away_is_seen(postgres: PostgresServer, statement: str, told: str) -> None:
    with postgres.database() as url:
        engine = standalone_engine(url)
        run(engine, "CREATE TABLE a (x INTEGER)", "CREATE TABLE b (id INTEGER PRIMARY KEY)")
        before = Shape.of(engine)
        run(engine, statement)
        assert narrowed(before, Shape.of(engine)) == [told]
        engine.dispose()


def test_what_only_adds_is_nothing_to_tell(empty: Engine) -> None:
    run(empty, "CREATE TABLE a (x INTEGER)")
    before = Shape.of(empty)
    run(
        empty,
        "ALTER TABLE a ADD COLUMN y INTEGER",
        "ALTER TABLE a ADD COLUMN z INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX i ON a (x)",
        "CREATE TABLE b (id INTEGER PRIMARY KEY)",
    )
    assert narrowed(before, Shape.of(empty)) == []


def newer(engine: Engine, listed: str) -> None:
    """Make the database look as if the next version had upgraded it."""
    told = f"code of these revisions may run too: {listed}"
    run(
        engine,
        "UPDATE alembic_version SET version_num = '9999'",
        f"COMMENT ON TABLE alembic_version IS '{told}'",
    )


def test_code_starts_with_a_newer_schema_that_only_expands(postgres_url: str) -> None:
    engine = standalone_engine(postgres_url)
    (head,) = SCRIPTS.get_heads()
    newer(engine, f"9998 {head}")
    schema.require_current(engine)
    assert command_line(environment(postgres_url), "client", "list", "--json").status == 0
    newer(engine, "9998")
    with pytest.raises(schema.SchemaOutdated):
        schema.require_current(engine)
    engine.dispose()


def test_an_upgrade_writes_down_who_may_run_too(postgres_url: str) -> None:
    engine = standalone_engine(postgres_url)
    with engine.connect() as connection:
        query = "SELECT obj_description('alembic_version'::regclass, 'pg_class')"
        told = str(connection.execute(text(query)).scalar()).rpartition(": ")[2].split()
    engine.dispose()
    assert told == schema.revisions_that_may_run(SCRIPTS)
    assert told == [
        str(script.down_revision)
        for script in list(SCRIPTS.walk_revisions())[: len(told)]
        if getattr(script.module, "expands_only", False)
    ]


def test_an_upgrade_waits_for_a_table_a_moment_and_lets_the_others_pass(
    postgres: PostgresServer,
) -> None:
    with postgres.database() as url:
        engine = standalone_engine(url)
        migrate(engine, "0002")
        with engine.begin() as holding:
            holding.execute(text("LOCK TABLE client"))
            with pytest.raises(schema.SchemaBusy):
                schema.upgrade(engine, tries=1)
        engine.dispose()


def test_an_upgrade_goes_on_once_it_gets_its_table(postgres: PostgresServer) -> None:
    with postgres.database() as url:
        engine = standalone_engine(url)
        migrate(engine, "0002")
        with engine.begin() as holding:
            holding.execute(text("LOCK TABLE client"))
            upgrade = threading.Thread(target=schema.upgrade, args=(engine,))
            upgrade.start()
        upgrade.join()
        schema.require_current(engine)
        engine.dispose()
