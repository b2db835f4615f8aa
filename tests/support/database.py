"""What an intruder sees who holds the database, or may write to it."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, make_url, text

from .world import World


def rows(world: World, query: str, **values: Any) -> list[dict[str, Any]]:
    """Return the rows of a query."""
    with world.services.foundation.work.reading() as tx:
        return [dict(row) for row in tx.execute(text(query), values).mappings()]


def execute(world: World, statement: str, **values: Any) -> int:
    """Change the database behind the service's back; return how many rows changed."""
    with world.services.foundation.work.transaction() as tx:
        return _count(tx, statement, values)


def _count(tx: Connection, statement: str, values: dict[str, Any]) -> int:
    return int(tx.execute(text(statement), values).rowcount)


def everything_in(sqlite_url: str) -> bytes:
    """Return every byte of a SQLite database's files, and its dump as SQL, blobs as they are."""
    path = Path(str(make_url(sqlite_url).database))
    files = [file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*"))]
    with sqlite3.connect(path) as connection:
        dump = "\n".join(connection.iterdump()).encode("utf-8", "surrogatepass")
        blobs = b"\n".join(_blobs(connection))
    connection.close()
    return b"\n".join([*files, dump, blobs])


def _blobs(connection: sqlite3.Connection) -> Iterable[bytes]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for row in connection.execute(f'SELECT * FROM "{table}"'):
            yield from (value for value in row if isinstance(value, bytes))
