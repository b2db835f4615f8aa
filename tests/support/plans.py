"""Every statement that a database is told, and by which plan it would run each."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL, event

from mfa_service.persistence.base import Base

from .postgres import PostgresServer
from .world import World

TABLES = frozenset(Base.metadata.tables)
_QUERY = re.compile(r"(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
_SQLITE_SCAN = re.compile(r"SCAN (\w+)|SEARCH (\w+) USING AUTOMATIC")
_NODE = re.compile(
    r"(?P<kind>Seq Scan|Index (?:Only )?Scan|Bitmap Index Scan)"
    r"(?: Backward)?(?: using (?P<index>\w+))? on \"?(?P<on>\w+)"
)
_LOGGED = re.compile(
    r"^\S+ \S+ \S+ \[\d+\] (?:LOG:  (?:statement|execute [^:]+): |DETAIL:  Parameters: )(.*)$"
)
_VALUE = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
_COLUMN = re.compile(r"\b[a-z_]+\b")
_PARTITION = re.compile(r"_(?:before|\d{8})$")
_WRITES = re.compile(r"(?:Insert|Update|Delete) on \"?(\w+)")
_FIRST_COLUMNS = """
SELECT class.relname, indrelid::regclass::text, attname, indpred IS NOT NULL FROM pg_index
JOIN pg_class class ON class.oid = indexrelid
JOIN pg_attribute ON attrelid = indexrelid AND attnum = 1
"""


@dataclass(frozen=True, slots=True)
class Scan:
    """A table that is read as a whole."""

    table: str
    statement: str
    plan: str

    def __str__(self) -> str:
        return f"{self.table} is read as a whole:\n{self.statement}\n{self.plan}\n"


@dataclass
class Told:
    """Statements, each with values that it was told with, and who finds the plan of each."""

    planner: "SqlitePlanner | PostgresPlanner"
    statements: dict[str, Any] = field(default_factory=dict)

    def scans(self) -> Iterator[Scan]:
        """Give every table that a statement reads as a whole."""
        for statement, values in self.statements.items():
            if _QUERY.match(statement):
                plan = self.planner.plan(statement, values)
                for table in sorted(self.planner.scanned(plan)):
                    yield Scan(table, statement, plan)


@contextmanager
def told_to_sqlite(world: World) -> Iterator[Told]:
    """Note what a world tells SQLite, as the driver is told: with parameters in their places."""
    engine = world.services.foundation.work.engine
    told = Told(SqlitePlanner(str(engine.url.database)))

    def note(statement: str, values: Any) -> None:
        told.statements.setdefault(" ".join(statement.split()), values)

    @event.listens_for(engine, "do_connect")
    def connect(_: object, __: object, ___: object, given: dict[str, Any]) -> None:
        given["factory"] = _noting(note)

    engine.dispose()
    yield told


@contextmanager
def told_to_postgresql(world: World, server: PostgresServer) -> Iterator[Told]:
    """Note what a world tells PostgreSQL, as the server logs it."""
    engine = world.services.foundation.work.engine
    planner = PostgresPlanner(engine.url)
    planner.log_statements()
    engine.dispose()
    begun = server.log_file.stat().st_size
    told = Told(planner)
    yield told
    told.statements.update(_logged(server.log_file.read_bytes()[begun:].decode()))


class SqlitePlanner:
    """Asks SQLite."""

    def __init__(self, path: str) -> None:
        self._path = path

    def plan(self, statement: str, values: Any) -> str:
        """Return the plan of a statement."""
        with closing(sqlite3.connect(self._path)) as asked:
            rows = asked.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            return "\n".join(row[3] for row in rows)

    @staticmethod
    def scanned(plan: str) -> set[str]:
        """Return the tables that a plan reads as a whole; an index made for it does so too."""
        return {"".join(names) for names in _SQLITE_SCAN.findall(plan)} & TABLES


class PostgresPlanner:
    """Asks PostgreSQL, to which everything is cheap that reads a table while it is empty.

    That is forbidden here, so a table is read as a whole only where no index could help.
    """

    def __init__(self, url: URL) -> None:
        self._name = str(url.database)
        self._url = url.set(drivername="postgresql").render_as_string(hide_password=False)

    @cached_property
    def _indexes(self) -> dict[str, tuple[str, str, bool]]:
        """The table of each index, its first column, and whether it is of some rows only."""
        with self._connection() as asked:
            found = asked.execute(_FIRST_COLUMNS.encode()).fetchall()
        return {index: (table.strip('"'), column, some) for index, table, column, some in found}

    def log_statements(self) -> None:
        """Let sessions that begin from now on write every statement to the log."""
        change = sql.SQL("ALTER DATABASE {} SET log_statement = 'all'")
        with self._connection() as asked:
            asked.execute(change.format(sql.Identifier(self._name)))

    def plan(self, statement: str, _: object = None) -> str:
        """Return the plan of a statement, with parameters or with values in their places."""
        with self._connection() as asked:
            for method in ("seqscan", "hashjoin", "mergejoin", "material"):
                asked.execute(sql.SQL("SET enable_{} = off").format(sql.SQL(method)))
            rows = asked.execute(f"EXPLAIN (GENERIC_PLAN) {statement}".encode())
            return "\n".join(row[0] for row in rows)

    def scanned(self, plan: str) -> set[str]:
        """Return the tables that a plan reads as a whole, or by the whole of an index.

        An index serves when its first column is in the condition, when it holds few rows as that
        of what is open does, and when only its first or last row is wanted.
        """
        found, lines = set(), plan.splitlines()
        for above, line, below in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
            node = _NODE.search(line)
            if node is None or self._serves(node["index"] or node["on"], below):
                continue
            only_one = "Limit" in above and "Filter" not in below and node["kind"] != "Seq Scan"
            if not only_one:
                table, *_ = self._indexes.get(node["on"], (node["on"],))
                found.add(_PARTITION.sub("", table))
        return found & TABLES

    @staticmethod
    def parts(plan: str) -> set[str]:
        """Return the partitions that a plan touches."""
        read = {node["on"] for node in _NODE.finditer(plan) if node["kind"] != "Bitmap Index Scan"}
        return {name for name in read | set(_WRITES.findall(plan)) if _PARTITION.search(name)}

    def _serves(self, index: str, told: str) -> bool:
        _, column, holds_some = self._indexes.get(index, ("", "", False))
        return column in _COLUMN.findall(told) if "Index Cond" in told else holds_some

    def _connection(self) -> psycopg.Connection:
        return psycopg.connect(self._url, autocommit=True)


def _logged(text: str) -> dict[str, str]:
    """Return statements as PostgreSQL logs them, each with values in the places of parameters."""
    entries: list[str] = []
    belongs = False
    for line in text.splitlines():
        begins = _LOGGED.match(line)
        if begins:
            entries.append(begins.group(1))
        elif belongs and line.startswith("\t"):
            entries[-1] += f" {line.strip()}"
        belongs = begins is not None or (belongs and line.startswith("\t"))
    found: dict[str, str] = {}
    for entry, detail in zip(entries, [*entries[1:], ""], strict=True):
        values = dict(_VALUE.findall(detail)) if detail.startswith("$1 = ") else {}
        if not entry.startswith("$1 = "):
            filled = _filled(entry, values)
            found.setdefault(entry, filled)
    return found


def _filled(statement: str, values: dict[str, str]) -> str:
    return re.sub(r"\$(\d+)", lambda place: values[place.group(1)], statement)


def _noting(note: Callable[[str, Any], None]) -> type[sqlite3.Connection]:
    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, parameters: Any = (), /) -> "Cursor":
            note(sql, parameters)
            super().execute(sql, parameters)
            return self

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> Cursor:  # type: ignore[override]
            return super().cursor(Cursor)

        def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
            return self.cursor().execute(sql, parameters)

    return Connection
