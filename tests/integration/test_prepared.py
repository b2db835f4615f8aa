"""Statements that the driver runs: the same rows and the same errors as by SQLAlchemy's way."""

from collections.abc import Iterator

import pytest
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from mfa_service.domain.errors import Unavailable
from mfa_service.persistence.base import standalone_engine
from mfa_service.persistence.prepared import Prepared
from mfa_service.persistence.unit_of_work import UnitOfWork

THING = Table(
    "thing",
    MetaData(),
    Column("id", Text, primary_key=True),
    Column("class", Text, nullable=False),
    Column("size", Integer, default=7),
    Column("content", LargeBinary),
    Column("notes", JSON),
)
ADD = Prepared(insert(THING))
BY_CLASS = Prepared(
    select(THING.c.id, THING.c.size, THING.c.content)
    .where(THING.c["class"] == bindparam("wanted"))
    .order_by(THING.c.id)
)
GROW = Prepared(
    update(THING)
    .where(THING.c.id == bindparam("key"), THING.c.size < 100)
    .values(size=THING.c.size + bindparam("by"))
    .returning(THING.c.size)
)


@pytest.fixture
def engine(any_url: str) -> Iterator[Engine]:
    made = standalone_engine(any_url)
    THING.create(made)
    yield made
    made.dispose()


@pytest.fixture
def tx(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        yield made


def test_rows_come_by_the_names_of_their_columns(tx: Connection) -> None:
    ADD.rows(tx, {"id": "b", "class": "x", "size": 2, "content": b"\x00\xff"})
    ADD.rows(tx, {"id": "a", "class": "x", "size": 1, "content": None})
    ADD.rows(tx, {"id": "c", "class": "y", "size": 3, "content": None})
    found = BY_CLASS.rows(tx, {"wanted": "x"})
    assert [(row.id, row.size, row.content) for row in found] == [
        ("a", 1, None),
        ("b", 2, b"\x00\xff"),
    ]
    assert BY_CLASS.rows(tx, {"wanted": "no such"}) == []


def test_an_insert_takes_the_columns_it_is_given_and_the_defaults_of_the_others(
    tx: Connection,
) -> None:
    ADD.rows(tx, {"id": "a", "class": "x"})
    ADD.rows(tx, {"id": "b", "class": "x", "size": 2})
    assert [row.size for row in BY_CLASS.rows(tx, {"wanted": "x"})] == [7, 2]


def test_a_condition_that_does_not_hold_gives_nothing(tx: Connection) -> None:
    ADD.rows(tx, {"id": "a", "class": "x", "size": 99})
    assert GROW.value(tx, {"key": "a", "by": 1}) == 100
    assert GROW.value(tx, {"key": "a", "by": 1}) is None
    assert GROW.row(tx, {"key": "no such", "by": 1}) is None


def test_one_row_is_asked_for_where_there_are_two(tx: Connection) -> None:
    ADD.rows(tx, {"id": "a", "class": "x"})
    ADD.rows(tx, {"id": "b", "class": "x"})
    with pytest.raises(LookupError):
        BY_CLASS.row(tx, {"wanted": "x"})


def test_an_error_is_sqlalchemys_and_does_not_carry_the_parameters(tx: Connection) -> None:
    ADD.rows(tx, {"id": "a", "class": "x"})
    with pytest.raises(IntegrityError) as told:
        ADD.rows(tx, {"id": "b", "class": None, "size": 424242})
    assert told.value.params is None
    assert "424242" not in repr(told.value.statement)
    assert not told.value.connection_invalidated


def test_what_is_written_is_in_the_transaction_and_goes_with_it(engine: Engine) -> None:
    with engine.connect() as tx:
        with tx.begin():
            ADD.rows(tx, {"id": "kept", "class": "x"})
        with tx.begin() as begun:
            ADD.rows(tx, {"id": "lost", "class": "x"})
            begun.rollback()
        assert [row.id for row in BY_CLASS.rows(tx, {"wanted": "x"})] == ["kept"]


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (select(THING.c.id).where(THING.c.id.in_(bindparam("ids", expanding=True))), {"ids": []}),
        (select(THING.c.notes), {}),
        (insert(THING), {"id": "a", "class": "x", "notes": {}}),
        (select(text("id")).select_from(THING).where(THING.c.notes == bindparam("n")), {"n": {}}),
    ],
)
def test_what_sqlalchemy_would_have_to_convert_is_refused(
    tx: Connection, statement: object, values: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match="converted"):
        Prepared(statement).rows(tx, values)  # type: ignore[arg-type]


def test_a_connection_that_is_gone_is_told_as_gone_and_replaced(postgres_url: str) -> None:
    engine = standalone_engine(postgres_url)
    ask = Prepared(select(bindparam("given", type_=Text).label("given")))
    with engine.connect() as tx, engine.connect() as other:
        victim = tx.scalar(text("SELECT pg_backend_pid()"))
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
        with pytest.raises(DBAPIError) as told:
            ask.value(tx, {"given": "x"})
        assert told.value.connection_invalidated
        assert tx.invalidated
    with engine.connect() as tx:
        assert ask.value(tx, {"given": "x"}) == "x"
    engine.dispose()


@pytest.fixture
def cut_off(postgres_url: str) -> Iterator[UnitOfWork]:
    """Return a store whose only pooled connection has died without its knowledge."""
    engine = standalone_engine(postgres_url)
    THING.create(engine)
    with engine.connect() as tx:
        victim = tx.scalar(text("SELECT pg_backend_pid()"))
    other = standalone_engine(postgres_url)
    with other.connect() as tx:
        tx.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
    other.dispose()
    yield UnitOfWork(engine)
    engine.dispose()


def test_a_single_read_is_repeated_when_its_connection_turns_out_to_be_dead(
    cut_off: UnitOfWork,
) -> None:
    with cut_off.reading() as tx:
        assert BY_CLASS.rows(tx, {"wanted": "x"}) == []
        assert BY_CLASS.rows(tx, {"wanted": "y"}) == []


def test_a_transaction_begins_on_another_connection_when_the_first_is_dead(
    cut_off: UnitOfWork,
) -> None:
    with cut_off.transaction() as tx:
        ADD.rows(tx, {"id": "a", "class": "x"})
    with cut_off.reading() as tx:
        assert [row.id for row in BY_CLASS.rows(tx, {"wanted": "x"})] == ["a"]


def test_what_was_cut_off_in_the_middle_is_told_and_not_repeated(postgres_url: str) -> None:
    work = UnitOfWork(standalone_engine(postgres_url))
    THING.create(work.engine)
    with (  # noqa: PT012  # what is cut off is the whole transaction
        pytest.raises(Unavailable),
        work.transaction() as tx,
        work.engine.connect() as other,
    ):
        ADD.rows(tx, {"id": "a", "class": "x"})
        victim = tx.scalar(text("SELECT pg_backend_pid()"))
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
        ADD.rows(tx, {"id": "b", "class": "x"})
    with work.reading() as tx:
        assert BY_CLASS.rows(tx, {"wanted": "x"}) == []
    work.engine.dispose()
