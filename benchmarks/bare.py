"""The yardstick: a bare Flask view with one SELECT, one INSERT and one UPDATE in a transaction.

It imports nothing of the service but the number of its threads, so that its start-up time and
memory are its own. Pool settings are handed over by `measure`; `places` compares the pragmas.
"""

import argparse
import json
import os
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue
from gunicorn.app.base import BaseApplication
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    create_engine,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.engine.interfaces import DBAPIConnection

from mfa_service.serving import THREADS

from .floor import add_views, driver_for

ACCOUNTS = 1000
_METADATA = MetaData()
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
ACCOUNT = Table(
    "bench_account",
    _METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("balance", BigInteger, nullable=False),
)
ENTRY = Table(
    "bench_entry",
    _METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)
_SELECT = select(ACCOUNT).where(ACCOUNT.c.id == bindparam("key"))
_INSERT = insert(ENTRY).inline()
_UPDATE = (
    update(ACCOUNT)
    .where(ACCOUNT.c.id == bindparam("key"))
    .values(balance=ACCOUNT.c.balance + bindparam("amount"))
)


def make_engine(url: str, options: Mapping[str, Any]) -> Engine:
    """Return an engine with these pool settings and, on SQLite, the service's pragmas.

    PostgreSQL's driver begins its transactions, as it does by itself.
    """
    own = {name: value for name, value in options.items() if name != "isolation_level"}
    engine = create_engine(url, **own)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def make_tables(engine: Engine) -> None:
    """Create the two tables and the accounts."""
    _METADATA.create_all(engine)
    with engine.begin() as tx:
        tx.execute(insert(ACCOUNT), [{"id": n, "balance": 0} for n in range(ACCOUNTS)])


def create_app(engine: Engine) -> Flask:
    """Return an application with the one view."""
    app = Flask(__name__, static_folder=None)

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return {"status": "ok"}

    @app.post("/bare")
    def bare() -> ResponseReturnValue:
        asked = request.get_json()
        account, amount = asked["account"], asked["amount"]
        with engine.begin() as tx:
            found = tx.execute(_SELECT, {"key": account}).one()
            tx.execute(_INSERT, {"account_id": account, "amount": amount, "note": asked["note"]})
            tx.execute(_UPDATE, {"key": account, "amount": amount})
        return {"account": account, "balance": found.balance + amount}, 201

    return app


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn as `mfa_service.serving` configures it, with its own threaded worker or ours."""

    def __init__(self, port: int, workers: int, environ: Mapping[str, str], worker: str) -> None:
        self._port, self._workers, self._worker = port, workers, worker
        self._url = environ["BARE_DATABASE_URL"]
        self._engine_options = json.loads(environ["BARE_ENGINE_OPTIONS"])
        self._plans = json.loads(environ["BARE_PLANS"])
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": f"127.0.0.1:{self._port}",
            "workers": self._workers,
            "worker_class": self._worker,
            "threads": THREADS,
            "timeout": 60,
            "graceful_timeout": 8,
            "keepalive": 75,
            "control_socket_disable": True,
            "loglevel": "warning",
            "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: PTH112
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        app = create_app(make_engine(self._url, self._engine_options))
        add_views(app, self._plans, driver_for(self._url))
        # Our worker tells the service that it stops, and names the issuer in problems.
        no_waiters = SimpleNamespace(shut=lambda: None)
        app.extensions["mfa"] = SimpleNamespace(wake_up=no_waiters, issuer="http://localhost")
        return app


def _set_up_sqlite(connection: DBAPIConnection, _: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("busy_timeout=8000", "journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def main() -> None:
    """Serve in the foreground, with the settings that `places` and `measure` give."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--worker", default="gthread", help="a class of gunicorn's workers")
    given = parser.parse_args()
    _Server(given.port, given.workers, os.environ, given.worker).run()


if __name__ == "__main__":
    main()
