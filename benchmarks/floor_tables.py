"""The floor's tables, and its statements: the service's tables and rows under other names.

Columns, indexes and the size of rows are the service's, so that a raw statement has the same work
to do; there are no foreign keys and no triggers. Every statement finds its rows by primary key.
"""

import base64
import random
from typing import Any

from sqlalchemy import Column, Connection, Engine, Index, MetaData, Table, insert, select

from mfa_service.persistence.base import Base

from .floor import KEYS, key
from .statements import Statement

_METADATA = MetaData()
_SHORT = 12  # what is shorter is a word, such as a status, and stays
Told = tuple[str, list[Any]]


def make_tables(engine: Engine) -> None:
    """Create the tables and fill them with copies of one row of the service's each."""
    for table in Base.metadata.sorted_tables:
        _copy(table.name)
    _METADATA.create_all(engine)
    with engine.begin() as tx:
        for table in Base.metadata.sorted_tables:
            if not _counts_itself(table):
                _fill(tx, table)


def statement(seen: Statement, connection: Connection) -> Told:
    """Return SQL with `?` for parameters and how each is made, for one that the service told."""
    tables = [_copy(name) for name in seen.tables]
    if seen.verb == "SELECT":
        return _select(tables)
    return _insert(connection, tables[0]) if seen.verb == "INSERT" else _update(tables[0])


def _copy(name: str) -> Table:
    if f"floor_{name}" in _METADATA.tables:
        return _METADATA.tables[f"floor_{name}"]
    origin = Base.metadata.tables[name]
    columns = [
        Column(c.name, c.type, primary_key=c.primary_key, nullable=c.nullable)
        for c in origin.columns
    ]
    made = Table(f"floor_{name}", _METADATA, *columns)
    for number, index in enumerate(sorted(origin.indexes, key=lambda index: str(index.name))):
        Index(f"ix_floor_{name}_{number}", *(made.c[column.name] for column in index.columns))
    return made


def _counts_itself(table: Table) -> bool:
    return table.autoincrement_column is not None


def _template(connection: Connection, table: Table) -> dict[str, Any]:
    """Return a row of the service's, or one that could be."""
    row = connection.execute(select(table).limit(1)).mappings().one_or_none()
    if row is not None:
        return dict(row)
    instead: dict[type, object] = {int: 0, str: "x" * 30, bytes: b"x" * 200}
    return {c.name: instead[c.type.python_type] for c in table.columns}


def _fill(tx: Connection, table: Table) -> None:
    """Insert rows whose text keys are `key(0)`, `key(1)` and so on."""
    made, template = _copy(table.name), _template(tx, table)
    rows = []
    for number in range(KEYS):
        names = {c.name: _numbered(c, number) for c in made.primary_key}
        rows.append(template | names)
    tx.execute(insert(made), rows)


def _numbered(column: Column[Any], number: int) -> object:
    return number + 1 if column.type.python_type is int else key(number)


def _select(tables: list[Table]) -> Told:
    columns = ", ".join(f'"{t.name}"."{c.name}"' for t in tables for c in t.columns)
    keys = [c for table in tables for c in table.primary_key]
    where = " AND ".join(f'"{c.table.name}"."{c.name}" = ?' for c in keys)
    names = ", ".join(f'"{table.name}"' for table in tables)
    return f"SELECT {columns} FROM {names} WHERE {where}", [_known(c) for c in keys]


def _update(table: Table) -> Told:
    indexed = {column.name for index in table.indexes for column in index.columns}
    free = [c for c in table.columns if not c.primary_key and c.name not in indexed]
    column = next((c for c in free if c.type.python_type is int), free[0])
    where = " AND ".join(f'"{c.name}" = ?' for c in table.primary_key)
    sql = f'UPDATE "{table.name}" SET "{column.name}" = ? WHERE {where}'
    value = random.randrange(1 << 30) if column.type.python_type is int else "x" * 20
    return sql, [{"is": value}, *(_known(c) for c in table.primary_key)]


def _insert(connection: Connection, table: Table) -> Told:
    origin = Base.metadata.tables[table.name.removeprefix("floor_")]
    template = _template(connection, origin)
    columns = [c for c in table.columns if not (c.primary_key and _counts_itself(table))]
    names = ", ".join(f'"{c.name}"' for c in columns)
    marks = ", ".join("?" for _ in columns)
    indexed = {column.name for index in table.indexes for column in index.columns}
    made = [
        _fresh(c, template[c.name], random_=c.primary_key or c.name in indexed) for c in columns
    ]
    return f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', made


def _fresh(column: Column[Any], value: object, *, random_: bool) -> dict[str, object]:
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if random_ and isinstance(value, str) and (column.primary_key or len(value) > _SHORT):
        return {"random": max(len(value), 26)}
    return {"is": value}


def _known(column: Column[Any]) -> dict[str, object]:
    return {"known": "number" if column.type.python_type is int else "key"}
