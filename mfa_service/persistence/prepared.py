"""Statements of the hot path: built by SQLAlchemy, compiled once, run by the driver (ADR 0033).

SQLAlchemy spends more on looking up a compiled statement, on its context and on its result than
SQLite spends on the statement. What is left out the hot statements do not use: types that convert,
defaults that are computed, lists in `IN`.
"""

import contextlib
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NoReturn

from sqlalchemy import Connection, Integer, LargeBinary, Text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import Executable
from sqlalchemy.types import NullType

from mfa_service.observability.spans import count_statement

_PLAIN = (Integer, LargeBinary, NullType, Text)

_BEGIN = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "BEGIN ISOLATION LEVEL READ COMMITTED",
}

Record = Any
"""A row by the names of its columns, as SQLAlchemy's `Row` is."""


class _Compiled:
    """One statement for one dialect."""

    def __init__(self, statement: Any, tx: Connection, values: Mapping[str, object]) -> None:  # noqa: ANN401
        # Only an INSERT takes its columns from here; the others name their values themselves.
        columns = {"column_keys": list(values)} if _names_columns(statement, values) else {}
        compiled = statement.compile(dialect=tx.dialect, **columns)
        self.sql = str(compiled)
        _refuse_what_is_converted(compiled)
        defaults = {column.key: column.default.arg for column in compiled.insert_prefetch}
        every = {**compiled.construct_params(dict(values)), **defaults}
        self._fixed = {key: value for key, value in every.items() if key not in values}
        order = compiled.positiontup
        self._in_order = None if order is None else _picking(tuple(order))
        self._record: Any = None

    def fetched(self, cursor: Any) -> list[Record]:  # noqa: ANN401
        """Return the rows of a cursor that ran it; none if it returns nothing.

        A driver may make the description of the columns anew each time: it is looked at once.
        """
        if self._record is None:
            columns = cursor.description
            self._record = columns is not None and record([column[0] for column in columns])
        if self._record is False:
            return []
        return [self._record(*row) for row in cursor.fetchall()]

    def parameters(self, values: Mapping[str, object]) -> Any:  # noqa: ANN401
        """Return the parameters as the driver takes them."""
        every = {**self._fixed, **values} if self._fixed else values
        return every if self._in_order is None else self._in_order(every)


class Prepared:
    """A statement whose rows come as named tuples; errors are SQLAlchemy's, without values."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._is_insert = statement.is_insert
        self._compiled: dict[tuple[str, ...], _Compiled] = {}

    def rows(self, tx: Connection, values: Mapping[str, object]) -> list[Record]:
        """Run it and return every row; a statement that returns none gives an empty list."""
        dialect = tx.dialect
        key = (dialect.name, *values) if self._is_insert else (dialect.name,)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = _Compiled(self._statement, tx, values)
        parameters = compiled.parameters(values)
        count_statement()
        try:
            return compiled.fetched(_run(tx, compiled.sql, parameters))
        except DBAPIError as exc:
            if not _may_repeat(tx, exc):
                raise
        return compiled.fetched(_run(tx, compiled.sql, parameters))

    def row(self, tx: Connection, values: Mapping[str, object]) -> Record | None:
        """Run it and return its only row, `None` if there is none."""
        found = self.rows(tx, values)
        if len(found) > 1:
            raise LookupError("more than one row")
        return found[0] if found else None

    def value(self, tx: Connection, values: Mapping[str, object]) -> Any:  # noqa: ANN401
        """Run it and return the first column of its only row, `None` if there is none."""
        found = self.row(tx, values)
        return None if found is None else found[0]


class Lent(Connection):
    """A connection for units of work: outside of a transaction each statement is a read for itself.

    It begins and commits by the driver; SQLAlchemy learns of it where it runs a statement itself.
    """

    begun = False

    def start(self) -> None:
        """Begin a transaction."""
        begin(self)
        self.begun = True

    def finish(self) -> None:
        """Commit it."""
        if self.in_transaction():
            self.commit()
        else:
            raw: Any = self.connection.dbapi_connection
            try:
                raw.commit()
            except self.dialect.loaded_dbapi.Error as exc:
                _raise(self, raw, "COMMIT", exc)
        self.begun = False


def begin(tx: Connection) -> None:
    """Begin a transaction. READ COMMITTED suffices everywhere; SQLite's turn was settled before."""
    _run(tx, _BEGIN[tx.dialect.name], ())


def _run(tx: Connection, sql: str, parameters: Any) -> Any:  # noqa: ANN401
    """Return the driver's cursor; errors are SQLAlchemy's."""
    raw: Any = tx.connection.dbapi_connection
    try:
        return raw.execute(sql, parameters) if parameters else raw.execute(sql)
    except tx.dialect.loaded_dbapi.Error as exc:
        _raise(tx, raw, sql, exc)


def _may_repeat(tx: Connection, exc: DBAPIError) -> bool:
    """Tell whether a statement may be run again: a single read, whose connection was dead.

    The connection is another one then. What writes is never repeated: it may have been done.
    """
    if not exc.connection_invalidated or not isinstance(tx, Lent) or tx.begun:
        return False
    tx.rollback()
    return True


def _refuse_what_is_converted(compiled: Any) -> None:  # noqa: ANN401
    types = [bound.type for bound in compiled.binds.values()]
    types += [column.type for column in compiled.statement.exported_columns]
    if compiled.post_compile_params or not all(isinstance(type_, _PLAIN) for type_ in types):
        raise ValueError(f"a value would have to be converted: {compiled}")


def _names_columns(statement: Any, values: Mapping[str, object]) -> bool:  # noqa: ANN401
    return bool(statement.is_insert) and set(values) <= set(statement.table.columns.keys())


def record(names: Sequence[str]) -> type[tuple[Any, ...]]:
    """Return the type of rows with these columns."""
    return namedtuple("Record", names)  # noqa: PYI024  # the names are known at run time only


def _picking(order: tuple[str, ...]) -> Callable[[Mapping[str, object]], tuple[object, ...]]:
    if len(order) == 1:
        return lambda values: (values[order[0]],)
    return itemgetter(*order) if order else lambda _: ()


def _raise(tx: Connection, raw: Any, sql: str, exc: Any) -> NoReturn:  # noqa: ANN401
    """Raise what SQLAlchemy would have raised, and drop connections that are dead."""
    lost = tx.dialect.is_disconnect(exc, raw, None)
    wrapped = DBAPIError.instance(
        sql,
        None,
        exc,
        tx.dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=lost,
    )
    if lost:
        with contextlib.suppress(DBAPIError):  # so SQLAlchemy sees it too, and drops what is as old
            tx.exec_driver_sql("SELECT 1")
    raise wrapped from exc
