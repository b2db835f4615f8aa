"""Fills a database with people who only take up room, by its own SQL: millions in minutes.

Each row is a copy of one that the service wrote for somebody who takes part, with ids of its own:
so its size is real. Ids are in hexadecimal digits, which are a part of the alphabet of ours.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, create_engine, text

from mfa_service.persistence.base import Base, standalone_engine
from mfa_service.persistence.partitions import Partitions
from mfa_service.persistence.unit_of_work import UnitOfWork

from .places import Place

_DAY = 86_400
_AUDITED, _CHALLENGED = 120 * _DAY, 30 * _DAY
_EVENTS = 10
_LARGE = ('"user"', "authenticator", "device", "device_key", "challenge", "audit_event")
_CLUSTERED = {'"user"': "pk_user", "authenticator": "pk_authenticator", "device": "pk_device"}
_PLAIN_INDEXES = """
SELECT indexdef, indexname FROM pg_indexes JOIN pg_class ON relname = indexname
WHERE schemaname = 'public' AND tablename IN ('authenticator', 'challenge', 'audit_event')
AND indexdef NOT LIKE 'CREATE UNIQUE%' AND NOT relispartition
"""

_SQLITE_INDEXES = """
SELECT sql, name FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'
AND tbl_name IN ('authenticator', 'challenge', 'audit_event')
"""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a database says what is not standard."""

    numbers: str
    digits: str

    @classmethod
    def of(cls, engine: Engine) -> "Dialect":
        """Return that of an engine."""
        if engine.dialect.name == "postgresql":
            return cls(
                "generate_series(1, {}) AS g(n)",
                "substr(md5(random()::text), 1, {})",
            )
        numbers = "(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {})"
        return cls(f"{numbers} SELECT n FROM g) AS g", "substr(lower(hex(randomblob(16))), 1, {})")

    def rows(self, count: int) -> str:
        """Return what gives the numbers from 1 to `count` as `g.n`."""
        return self.numbers.format(count)

    def random(self, length: int) -> str:
        """Return so many random digits."""
        return self.digits.format(length)


def fill(place: Place, users: int) -> None:
    """Add so many users with three authenticators and ten events of the audit each.

    Of each table there has to be at least one row: somebody has to have stepped up before.
    """
    engine = standalone_engine(place.url)
    if engine.dialect.name == "postgresql":
        _make_partitions(engine)
        with _tidied(place.url), engine.begin() as tx:
            tx.execute(text("SET LOCAL session_replication_role = replica"))  # no foreign keys
            _Filling(tx, Dialect.of(engine), users).everything()
    else:
        with _unguarded(place.url) as connection:
            _Filling(connection, Dialect.of(engine), users).everything()
    engine.dispose()


class _Filling:
    """Fills one database."""

    def __init__(self, tx: Connection, dialect: Dialect, users: int) -> None:
        self._tx, self._sql, self._users = tx, dialect, users
        self._now = int(time.time())

    def everything(self) -> None:
        """Fill every table that grows with the number of users."""
        make = "CREATE TABLE filling AS SELECT g.n AS n"
        user_id = f"'usr_' || {self._sql.random(26)} AS id"
        self._tx.execute(text(f"{make}, {user_id} FROM {self._sql.rows(self._users)}"))
        self._copy("user", "1 = 1", id="f.id", sub=f"'person-' || f.n || {self._sql.random(8)}")
        for kind in ("totp", "phone", "webauthn"):
            self._authenticators(kind)
        self._copy("device_key", "1 = 1", thumbprint=self._sql.random(32) + " || f.n")
        self._challenges()
        self._audit()
        self._tx.execute(text("DROP TABLE filling"))

    def _authenticators(self, kind: str) -> None:
        found = {"id": self._owned("aut"), "user_id": "f.id"}
        if kind == "webauthn":
            found["credential_name"] = self._sql.random(32)
        self._copy("authenticator", f"type = '{kind}'", **found)
        if kind == "phone":
            missing = (
                "(SELECT a.id AS id FROM authenticator a LEFT JOIN device d"
                " ON d.authenticator_id = a.id WHERE a.type = 'phone'"
                " AND d.authenticator_id IS NULL) AS f"
            )
            self._copy("device", "1 = 1", missing, authenticator_id="f.id")

    def _challenges(self) -> None:
        """Spread over thirty days, in the order of time."""
        at = self._spread(_CHALLENGED, "f.n", self._users)
        times = dict.fromkeys(("created_at", "ended_at", "auth_time"), at)
        challenge_id = f"'chl_0' || {at} || substr(f.id, 5, 3) || {self._sql.random(26)}"
        times["expires_at"] = f"{at} + 120"
        self._copy("challenge", "status = 'satisfied'", id=challenge_id, user_id="f.id", **times)

    def _audit(self) -> None:
        """Spread over months, in the order of time; everybody comes again and again."""
        for turn in range(_EVENTS):
            number = f"{turn * self._users} + f.n"
            at = self._spread(_AUDITED, number, _EVENTS * self._users)
            ids = {"authenticator_id": self._owned("aut"), "user_id": "f.id"}
            ids["challenge_id"] = f"'chl_0' || {at} || substr(f.id, 5, 3) || {self._sql.random(26)}"
            self._copy("audit_event", "authenticator_id IS NOT NULL", at=at, id=None, **ids)

    def _owned(self, prefix: str) -> str:
        return f"'{prefix}_' || substr(f.id, 5, 3) || {self._sql.random(26)}"

    def _spread(self, seconds: int, number: str, count: int) -> str:
        """Return times up to a minute ago: with the numbers they rise."""
        begin = self._now - 60 - seconds
        return f"({begin} + CAST(({number}) * {seconds}.0 / {count} AS INTEGER))"

    def _copy(
        self, table: str, which: str, source: str = "filling AS f", **changed: str | None
    ) -> None:
        """Copy one row for each of `source`, with some columns changed; `None` is left out."""
        columns = [
            c.name for c in Base.metadata.tables[table].columns if _is_given(c.name, changed)
        ]
        values = [changed.get(name) or f"t.{name}" for name in columns]
        self._tx.execute(
            text(
                f'INSERT INTO "{table}" ({", ".join(columns)}) SELECT {", ".join(values)}'
                f' FROM {source} CROSS JOIN (SELECT * FROM "{table}" WHERE {which} LIMIT 1) AS t'
            )
        )


def _is_given(name: str, changed: Mapping[str, str | None]) -> bool:
    return name not in changed or changed[name] is not None


def _make_partitions(engine: Engine) -> None:
    """Make those of the past, which nobody made because there was no service."""
    partitions, now = Partitions(UnitOfWork(engine)), int(time.time())
    for days in range(0, 130, 7):
        partitions.make(now - days * _DAY)


@contextmanager
def _tidied(url: str) -> Iterator[None]:
    """Make indexes after what is filled in meanwhile, and have PostgreSQL see what it has.

    Tables are sorted by id, so that those who take part are among the others.
    """
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:

        def run(*statements: str) -> None:
            for statement in statements:
                connection.execute(text(statement))

        indexes = connection.execute(text(_PLAIN_INDEXES)).all()
        run(*(f"DROP INDEX {name}" for _, name in indexes))
        run("ALTER SYSTEM SET max_wal_size = '4GB'", "SELECT pg_reload_conf()")
        yield
        run("SET maintenance_work_mem = '256MB'")
        run(*(f"CLUSTER {table} USING {index}" for table, index in _CLUSTERED.items()))
        run(*(definition.replace(" ON ONLY ", " ON ") for definition, _ in indexes))
        run(*(f"VACUUM (FREEZE, ANALYZE) {table}" for table in _LARGE))
        run("ALTER SYSTEM RESET max_wal_size", "SELECT pg_reload_conf()", "CHECKPOINT")
    engine.dispose()


@contextmanager
def _unguarded(url: str) -> Iterator[Connection]:
    """Lend a connection to SQLite that is quick, and of no use after a crash; indexes come last."""
    engine = create_engine(url)
    with engine.connect() as connection:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000"):
            connection.execute(text(f"PRAGMA {pragma}"))
        indexes = connection.execute(text(_SQLITE_INDEXES)).all()
        for _, name in indexes:
            connection.execute(text(f"DROP INDEX {name}"))
        yield connection
        for definition, _ in indexes:
            connection.execute(text(definition))
        connection.commit()
        connection.execute(text("PRAGMA journal_mode=WAL"))
    engine.dispose()
