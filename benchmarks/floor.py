"""The floor's server: a flow's requests, statements and commits by raw driver, and nothing else.

For each request of a flow there is one bare Flask view that tells the database as many statements,
in as many transactions, as the service was seen to tell. Each thread has a connection of its own.
It imports nothing of the service.
"""

import base64
import random
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from flask import Flask, request
from flask.typing import ResponseReturnValue

KEYS = 1000
# As JSON: for each request groups of statements, and whether a group is a transaction.
Group = tuple[bool, list[tuple[str, list[dict[str, Any]]]]]
Plan = list[list[Group]]
_Statement = tuple[str, bool, tuple[Callable[[int], object], ...]]


def key(number: int) -> str:
    """Return the text key of a row that is there."""
    return f"{number:030d}"


@dataclass(frozen=True)
class Driver:
    """How to reach a database by its driver."""

    connect: Callable[[], Any]
    begin: str
    mark: str


class _Threads(threading.local):
    def __init__(self, driver: Driver) -> None:
        self.execute = driver.connect().execute


def driver_for(url: str) -> Driver:
    """Return the raw driver of the database that a SQLAlchemy URL names."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        return Driver(lambda: _sqlite(path), "BEGIN IMMEDIATE", "?")
    plain = url.replace("+psycopg", "")
    return Driver(lambda: psycopg.connect(plain, autocommit=True), "BEGIN", "%s")


def _sqlite(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("busy_timeout=8000", "journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def floor_path(flow: str, number: int) -> str:
    """Return where a request of a flow's floor goes."""
    return f"/floor/{flow}/{number}".replace(" ", "-")


def add_views(app: Flask, plans: dict[str, Plan], driver: Driver) -> None:
    """Add one view for each request of each plan."""
    threads = _Threads(driver)
    for name, plan in plans.items():
        for number, groups in enumerate(plan):
            path = floor_path(name, number)
            view = _view(_compiled(groups, driver.mark), threads, driver.begin)
            app.add_url_rule(path, path, view, methods=["POST"])


def _compiled(groups: Sequence[Group], mark: str) -> list[tuple[bool, list[_Statement]]]:
    return [
        (
            is_transaction,
            [
                (sql.replace("?", mark), sql.startswith("SELECT"), tuple(map(_maker, values)))
                for sql, values in statements
            ],
        )
        for is_transaction, statements in groups
    ]


def _maker(value: dict[str, Any]) -> Callable[[int], object]:
    """Return what makes a parameter, from the number of a row that is there."""
    [(kind, given)] = value.items()
    if kind == "random":
        bits = given * 4
        return lambda _: f"{random.getrandbits(bits):x}"
    if kind == "known":
        return key if given == "key" else lambda number: number + 1
    fixed = base64.b64decode(given) if kind == "bytes" else given
    return lambda _: fixed


def _view(
    groups: list[tuple[bool, list[_Statement]]], threads: _Threads, begin: str
) -> Callable[[], ResponseReturnValue]:
    def view() -> ResponseReturnValue:
        number, execute = request.get_json()["number"], threads.execute
        for is_transaction, statements in groups:
            if is_transaction:
                execute(begin)
            for sql, reads, makers in statements:
                cursor = execute(sql, [make(number) for make in makers])
                if reads:
                    cursor.fetchall()
            if is_transaction:
                execute("COMMIT")
        return {"number": number, "note": "n" * 80}, 201

    return view
