"""How long PostgreSQL has to answer before a connection counts as dead, and a statement as stuck.

A host that vanished says nothing, and TCP alone would wait for a quarter of an hour (ADR 0041).
"""

from typing import Any

from sqlalchemy import Engine, event, make_url

_ALIVE: dict[str, int] = {
    "connect_timeout": 2,  # for each host that the URL names
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


class _LastHost:
    """Of several hosts asks the one first that took us last, so that a lost one costs no time."""

    def __init__(self) -> None:
        self._last = ""

    def order(
        self, _dialect: object, _record: object, _args: object, named: dict[str, Any]
    ) -> None:
        """Sort the hosts before a connection is made."""
        hosts = str(named.get("host", "")).split(",")
        ports = str(named.get("port", "")).split(",")
        if len(hosts) == 1 or len(hosts) != len(ports) or self._last not in hosts:
            return
        pairs = sorted(zip(hosts, ports, strict=True), key=lambda pair: pair[0] != self._last)
        named["host"], named["port"] = (",".join(part) for part in zip(*pairs, strict=True))

    def remember(self, connection: Any, _record: object) -> None:  # noqa: ANN401
        """Note who took us."""
        self._last = connection.info.host


def prefer_last_host(engine: Engine) -> None:
    """Let an engine whose URL names several hosts ask the last one first."""
    last = _LastHost()
    event.listen(engine, "do_connect", last.order)
    event.listen(engine, "connect", last.remember)


def is_read_only(fault: BaseException | None) -> bool:
    """Tell whether the server refuses to write: it is a standby, or was fenced."""
    return getattr(fault, "sqlstate", None) == _READ_ONLY
