"""Findings about a PostgreSQL's standby, for which commits wait."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, Row, text

from .finding import Finding, error, ok, warning

_LONG_SECONDS = 5
# Of what other roles do PostgreSQL shows that it is there, and no more (pg_read_all_stats does).
_ASKED = text(
    "SELECT current_setting('synchronous_standby_names') AS names,"
    " current_setting('synchronous_commit') AS commits,"
    " (SELECT count(*) FROM pg_stat_replication WHERE sync_state IS NULL) AS hidden,"
    " (SELECT string_agg(application_name, ', ' ORDER BY application_name)"
    "  FROM pg_stat_replication"
    "  WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')) AS following,"
    " (SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep') AS waiting,"
    " (SELECT COALESCE(max(extract(epoch FROM clock_timestamp() - query_start)), 0)::int"
    "  FROM pg_stat_activity WHERE wait_event = 'SyncRep') AS seconds"
)
_GO_ON = (
    "bring the standby back; to go on with one disk: ALTER SYSTEM SET synchronous_standby_names"
    " = '', then SELECT pg_reload_conf()"
)


def findings(engine: Engine) -> Iterator[Finding]:
    """Look at a primary whose commits are to wait for a standby; nothing to say of others."""
    with engine.connect() as connection:
        row = connection.execute(_ASKED).one()
    if row.waiting and row.seconds >= _LONG_SECONDS:
        yield error(
            "standby",
            f"commits wait for a standby: {row.waiting} of them, the first for {row.seconds} s",
            "until it answers nothing is committed: calls time out, and nobody can authenticate",
            _GO_ON,
        )
    elif row.names:
        yield _following(row)


def _following(row: Row[Any]) -> Finding:
    if row.commits in {"off", "local"}:
        return warning(
            "standby",
            f"synchronous_commit is {row.commits}: no commit waits for {row.names}",
            "after a failover codes and approvals that were used last can be used again",
            "set synchronous_commit = on",
        )
    if row.following is not None:
        return ok("standby", f"commits wait for {row.names}; there follow {row.following}")
    if row.hidden:
        told = "whether the one that commits wait for does, this role may not see"
        return ok("standby", f"{row.hidden} follow; {told} (GRANT pg_read_all_stats)")
    return error(
        "standby",
        f"commits wait for {row.names}, and no such standby follows",
        "nothing is committed: calls time out, and nobody can authenticate",
        _GO_ON,
    )
