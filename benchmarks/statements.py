"""What the database is told in one flow: every statement, as SQLite or PostgreSQL itself saw it.

No event of SQLAlchemy is asked: pings, pragmas and whatever else a driver sends would be missing.
"""

import itertools
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine, event

from .flows import Flow
from .wire import JSON, Reply, Wire

_WARM_UPS = 12  # drivers prepare a statement after some uses
_FILLING = 20
_LOGGED = re.compile(r"^\S+ \S+ \S+ \[\d+\] LOG:  (?:statement|execute [^:]+): (.*)$")
_VERB = re.compile(r"[A-Z]+")
_TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE(?!\s+SET\b))\s+\"?(\w+)", re.IGNORECASE)
_WRITES = {"INSERT", "UPDATE", "DELETE"}
_FRAME = {"BEGIN", "COMMIT", "ROLLBACK"}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its verb and tables are enough to see whether it is needed."""

    sql: str

    @property
    def verb(self) -> str:
        """`SELECT`, `BEGIN` and so on."""
        found = _VERB.match(self.sql.upper())
        return found.group() if found else "?"

    @property
    def is_query(self) -> bool:
        """Whether it reads or writes a table; the others only frame, ask or set."""
        return self.verb in {"SELECT", "WITH", *_WRITES} and bool(_TABLE.search(self.sql))

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it names, each once."""
        return tuple(dict.fromkeys(_TABLE.findall(self.sql)))

    def __str__(self) -> str:
        """Show verb and tables; what touches no table is shown as it is."""
        if self.verb in _FRAME:
            return self.sql
        return " ".join([self.verb, ", ".join(self.tables)]) if self.is_query else self.sql[:60]


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of a flow, or one run of a background loop."""

    name: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What one flow told the database."""

    operations: tuple[Operation, ...]

    @property
    def all(self) -> tuple[Statement, ...]:
        """Every statement in order."""
        return tuple(itertools.chain.from_iterable(o.statements for o in self.operations))

    @property
    def queries(self) -> int:
        """How many read or write a table."""
        return sum(statement.is_query for statement in self.all)

    @property
    def commits(self) -> int:
        """How many times something was made to last: COMMITs, and writes outside of a BEGIN."""
        count, inside = 0, False
        for statement in self.all:
            inside = statement.verb == "BEGIN" or (inside and statement.verb not in _FRAME)
            count += statement.verb == "COMMIT" or (statement.verb in _WRITES and not inside)
        return count

    @property
    def others(self) -> int:
        """How many are neither a query nor BEGIN, COMMIT or ROLLBACK: pings, pragmas."""
        return sum(not s.is_query and s.verb not in _FRAME for s in self.all)


class SqliteTrace:
    """Statements as SQLite runs them."""

    def __init__(self, engine: Engine) -> None:
        self._seen: list[Statement] = []
        event.listen(engine, "connect", lambda raw, _: raw.set_trace_callback(self._note))
        engine.dispose()

    def take(self) -> tuple[Statement, ...]:
        """Return what came since the last call."""
        seen, self._seen = tuple(self._seen), []
        return seen

    def _note(self, sql: str) -> None:
        if not sql.startswith("--"):
            self._seen.append(Statement(" ".join(sql.split())))


class PostgresTrace:
    """Statements as the server logs them; it must have been told to log them."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = log.stat().st_size

    def take(self) -> tuple[Statement, ...]:
        """Return what came since the last call."""
        with self._log.open("rb") as file:
            file.seek(self._offset)
            text = file.read().decode()
            self._offset = file.tell()
        found: list[str] = []
        belongs = False
        for line in text.splitlines():
            if started := _LOGGED.match(line):
                found.append(started.group(1))
            elif line.startswith("\t") and belongs:
                found[-1] += " " + line.strip()
            belongs = bool(started) or (belongs and line.startswith("\t"))
        return tuple(Statement(" ".join(sql.split())) for sql in found)


@dataclass
class Inside:
    """A wire into an application in this process that notes what each request tells."""

    app: Flask
    take: Callable[[], tuple[Statement, ...]]
    operations: list[Operation] = field(default_factory=list)

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        authorization: str = "",
        media: str = JSON,
        origin: str = "",
    ) -> Reply:
        """Return the answer; what it told is the last of `operations`."""
        named = {"Authorization": authorization, "Origin": origin}
        headers = {name: value for name, value in named.items() if value}
        answer = self.app.test_client().open(
            path, method=method, data=body or None, headers=headers, content_type=media
        )
        name = re.sub(r"[a-z]{3}_[\w-]{20,}", "{id}", path)
        self.operations.append(Operation(f"{method} {name}", self.take()))
        return Reply(answer.status_code, answer.data)


@dataclass
class Beside:
    """A wire to another process's server that notes what each request tells.

    `settled` is how long that server may go on writing after it has answered.
    """

    wire: Wire
    take: Callable[[], tuple[Statement, ...]]
    settled: float
    operations: list[Operation] = field(default_factory=list)

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        authorization: str = "",
        media: str = JSON,
        origin: str = "",
    ) -> Reply:
        """Return the answer; what it told is the last of `operations`."""
        answer = self.wire.call(
            method, path, body, authorization=authorization, media=media, origin=origin
        )
        time.sleep(self.settled)
        name = path.partition("?")[0]
        self.operations.append(Operation(f"{method} {name}", self.take()))
        return answer


def told_over(
    flow: Flow, wire: Wire, take: Callable[[], tuple[Statement, ...]], settled: float
) -> Told:
    """Return what one flow tells through another process, after some that filled every cache."""
    for _ in range(_FILLING):
        flow.run(wire)
    time.sleep(settled)
    take()
    beside = Beside(wire, take, settled)
    flow.run(beside)
    return Told(tuple(beside.operations))


def told_by(
    flow: Flow,
    app: Flask,
    take: Callable[[], tuple[Statement, ...]],
    afterwards: Sequence[tuple[str, Callable[[], object]]] = (),
) -> Told:
    """Return what one flow tells, after some that filled every cache."""
    inside = Inside(app, take)
    for _ in range(_WARM_UPS):
        take()
        inside.operations = []
        flow.run(inside)
        for name, step in afterwards:
            step()
            inside.operations.append(Operation(name, take()))
    return Told(tuple(inside.operations))
