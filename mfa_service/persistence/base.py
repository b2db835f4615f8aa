"""The declarative base, the Flask extension, and how each database is set up."""

from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    create_engine,
    event,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

from mfa_service.observability.spans import count_statement

from .prepared import Lent, begin
from .reaching import connect_arguments, order_hosts

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
BUSY_MILLISECONDS = 8000
KEPT = 16
CONNECTIONS = 32
"""How many connections a process holds at most, and how many it keeps when they are idle."""
WAIT_SECONDS = 10
# No ping before use: a connection that died is told by its first statement, as 503, and the pool
# then drops all that are as old.
_POOL: dict[str, Any] = {
    "hide_parameters": True,  # an error's text must not carry what was bound
    "pool_size": KEPT,
    "max_overflow": CONNECTIONS - KEPT,
    "pool_timeout": WAIT_SECONDS,
    "pool_use_lifo": True,  # few connections do most of the work, and have its statements prepared
}

# Times are whole seconds; SQLite's rowid alias needs the plain type.
RowNumber = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Models inherit from this, never from `db.Model`, so that mypy sees the columns."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {int: BigInteger(), str: Text(), bytes: LargeBinary()}


db = SQLAlchemy(metadata=Base.metadata)


def engine_options(url: str) -> dict[str, Any]:
    """Return pool settings for `url`; a request never waits longer than 10 s for a connection."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": BUSY_MILLISECONDS / 1000}, **_POOL}
    # The driver begins nothing by itself.
    return {"connect_args": connect_arguments(url), "isolation_level": "AUTOCOMMIT", **_POOL}


def standalone_engine(url: str) -> Engine:
    """Return an engine outside of Flask, set up the same way, for the command line."""
    engine = create_engine(url, **engine_options(url))
    prepare(engine)
    return engine


def prepare(engine: Engine) -> None:
    """Count statements, begin transactions ourselves, and give SQLite what it needs.

    On PostgreSQL, if there are several hosts, the likeliest one is asked first.
    """
    event.listen(engine, "before_cursor_execute", _count)
    if engine.dialect.name == "postgresql":
        order_hosts(engine)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin)


def _set_up_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # A spent code must stay spent when the power fails, so every commit reaches the disk.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Begin what SQLAlchemy begins. A unit of work begins by itself, and its single reads never."""
    if not isinstance(connection, Lent):
        begin(connection)


def _count(*_: object) -> None:
    count_statement()
