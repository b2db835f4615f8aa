"""Findings about a PostgreSQL server."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from mfa_service.adapters.clock import SystemClock
from mfa_service.persistence.base import CONNECTIONS

from . import standby
from .clocks import apart
from .finding import Finding, error, ok, warning

_ASKED = text(
    "SELECT current_setting('server_version') AS version,"
    " current_setting('max_connections')::int AS most,"
    " current_setting('superuser_reserved_connections')::int AS reserved,"
    " current_setting('fsync') AS fsync,"
    " current_setting('full_page_writes') AS full_page_writes,"
    " current_setting('synchronous_commit') AS synchronous_commit,"
    " current_setting('transaction_read_only') AS read_only,"
    " pg_is_in_recovery() AS standby,"
    " extract(epoch FROM clock_timestamp())::bigint AS now,"
    " COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls,"
    " COALESCE(host(inet_client_addr()) NOT IN ('127.0.0.1', '::1'), false) AS far"
)


def findings(engine: Engine, processes: int) -> Iterator[Finding]:
    """Look at one server, as one connection sees it."""
    with engine.connect() as connection:
        row = _row(connection)
    yield ok("postgresql", f"version {row.version}")
    yield apart("clock of the database", row.now - SystemClock().now())
    yield _writable(row)
    yield from _durable(row)
    if not row.standby:
        yield from standby.findings(engine)
    yield _connections(row, processes)
    if row.far and not row.tls:
        yield warning(
            "connection",
            "it is not encrypted, and leaves this host",
            "subjects, labels and the audit can be read on the way",
            "add ?sslmode=verify-full to MFA_DATABASE_URL",
        )


def _row(connection: Connection) -> Row[Any]:
    return connection.execute(_ASKED).one()


def _writable(row: Row[Any]) -> Finding:
    if row.standby or row.read_only == "on":
        return error(
            "role",
            "this server is a standby, or refuses to write",
            "every answer has to be written",
            "name the primary in MFA_DATABASE_URL (&target_session_attrs=read-write finds it)",
        )
    return ok("role", "it takes writes")


def _durable(row: Row[Any]) -> Iterator[Finding]:
    for name in ("fsync", "full_page_writes"):
        if getattr(row, name) == "off":
            yield error(
                name,
                "it is off",
                "a power failure may destroy the database",
                f"set {name} = on in postgresql.conf",
            )
    if row.synchronous_commit == "off":
        yield error(
            "synchronous_commit",
            "it is off",
            "after a crash codes and approvals that were used can be used again",
            "set synchronous_commit = on, for this database at least",
        )
    else:
        yield ok("durability", f"synchronous_commit is {row.synchronous_commit}")


def _connections(row: Row[Any], processes: int) -> Finding:
    usable, needed = row.most - row.reserved, processes * CONNECTIONS
    told = f"{usable} are allowed, {processes} processes take up to {needed}"
    if usable >= needed:
        return ok("connections", told)
    return error(
        "connections",
        told,
        "under load some processes are refused and answer 503",
        "raise max_connections, or run fewer processes (tell them by --processes)",
    )
