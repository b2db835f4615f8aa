"""How long PostgreSQL has to answer before a connection counts as dead, and a statement as stuck.

A host that vanished says nothing, and TCP alone would wait for a quarter of an hour (ADR 0041).
"""

from typing import Any

from sqlalchemy import Engine, event, make_url
from sqlalchemy.pool import ConnectionPoolEntry

_TURN_TO_THE_NEXT_SECONDS, _ALONE_SECONDS = 2, 5
_ALIVE: dict[str, int] = {
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,  # milliseconds
}
# The last one frees what a host that was cut off had locked. None of them ends a COMMIT that waits
# for a standby: it would count as done without being there.
_STATEMENTS = (
    "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s "
    # A statement on a table in partitions would be planned anew each time (ADR 0046).
    "-c plan_cache_mode=force_generic_plan -c jit=off"
)
READ_ONLY = "25006"
"""SQLSTATE of a server that refuses to write."""


def connect_arguments(url: str) -> dict[str, Any]:
    """Return the driver's arguments for a PostgreSQL URL; what the URL says itself goes first."""
    given = make_url(url).query
    alive = {"connect_timeout": _connecting(given.get("host", "")), **_ALIVE}
    arguments: dict[str, Any] = {k: v for k, v in alive.items() if k not in given}
    options = given.get("options", "")
    own = options if isinstance(options, str) else " ".join(options)
    return arguments | {"options": f"{_STATEMENTS} {own}".strip()}


def _connecting(hosts: str | tuple[str, ...]) -> int:
    """Return after how many seconds a host is given up; who has no other is more patient."""
    several = "," in hosts if isinstance(hosts, str) else len(hosts) > 1
    return _TURN_TO_THE_NEXT_SECONDS if several else _ALONE_SECONDS


class _Hosts:
    """Says which of several hosts is asked first, so that a lost one costs little time.

    The one that took us last is; one that we lost a connection to comes last, until it takes us.
    """

    def __init__(self) -> None:
        self._last = self._lost = ""

    def order(
        self, _dialect: object, _record: object, _args: object, named: dict[str, Any]
    ) -> None:
        """Sort the hosts before a connection is made."""
        hosts = str(named.get("host", "")).split(",")
        ports = str(named.get("port", "")).split(",")
        if len(hosts) == 1 or len(hosts) != len(ports):
            return
        pairs = sorted(zip(hosts, ports, strict=True), key=lambda pair: self._rank(pair[0]))
        named["host"], named["port"] = (",".join(part) for part in zip(*pairs, strict=True))

    def took(self, connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ANN401
        """Note who took us."""
        self._last = record.info["host"] = connection.info.host
        if self._last == self._lost:
            self._lost = ""

    def lost(self, _connection: object, record: ConnectionPoolEntry, _fault: object) -> None:
        """Note whose connection died: it may be gone without a word."""
        self._lost = record.info.get("host", "")

    def _rank(self, host: str) -> int:
        if host == self._lost:
            return 2
        return 0 if host == self._last else 1


def order_hosts(engine: Engine) -> None:
    """Let an engine whose URL names several hosts ask the likeliest one first."""
    hosts = _Hosts()
    event.listen(engine, "do_connect", hosts.order)
    event.listen(engine, "connect", hosts.took)
    event.listen(engine, "invalidate", hosts.lost)


def is_read_only(fault: BaseException | None) -> bool:
    """Tell whether the server refuses to write: it is a standby, or was fenced."""
    return getattr(fault, "sqlstate", None) == READ_ONLY
