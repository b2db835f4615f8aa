"""How long PostgreSQL has to answer before a connection counts as dead, and a statement as stuck.

A host that vanished says nothing, and TCP alone would wait for a quarter of an hour (ADR 0041).
"""

from typing import Any

from sqlalchemy import make_url

_ALIVE: dict[str, int] = {
    "connect_timeout": 3,  # for each host that the URL names
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,  # milliseconds
}
# The last one frees what a host that was cut off had locked. None of them ends a COMMIT that waits
# for a standby: it would count as done without being there.
_STATEMENTS = (
    "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s"
)
_READ_ONLY = "25006"


def connect_arguments(url: str) -> dict[str, Any]:
    """Return the driver's arguments for a PostgreSQL URL; what the URL says itself goes first."""
    given = make_url(url).query
    arguments: dict[str, Any] = {k: v for k, v in _ALIVE.items() if k not in given}
    options = given.get("options", "")
    own = options if isinstance(options, str) else " ".join(options)
    return arguments | {"options": f"{_STATEMENTS} {own}".strip()}


def is_read_only(fault: BaseException | None) -> bool:
    """Tell whether the server refuses to write: it is a standby, or was fenced."""
    return getattr(fault, "sqlstate", None) == _READ_ONLY
