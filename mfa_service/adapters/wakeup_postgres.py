"""Wake-ups by PostgreSQL's notifications: one connection that listens, one that sends."""

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
from sqlalchemy import make_url

from .wakeup_carried import TransportFault

CHANNEL = "mfa_wake_up"
_SECONDS = 5
_LOOK_SECONDS, _LOOKS_UNTIL_ASKED = 0.5, 20


class PostgresTransport:
    """`Transport` over LISTEN and NOTIFY; a notification is lost while nobody listens."""

    def __init__(self, database_url: str) -> None:
        """Take the URL as SQLAlchemy has it."""
        url = make_url(database_url)
        # By SQLAlchemy's own reading, which knows more ways to name several hosts than libpq.
        self._where: dict[str, Any] = {**url.get_dialect()().create_connect_args(url)[1]}
        self._sender: psycopg.Connection | None = None

    def publish(self, text: str) -> None:
        """Notify; a connection that died is made anew, once."""
        for last in (False, True):
            try:
                sender = self._sender = self._sender or self._connect()
                sender.execute("SELECT pg_notify(%s, %s)", (CHANNEL, text))
            except psycopg.Error as exc:
                self.close()
                if last:
                    raise TransportFault(type(exc).__name__) from exc
            else:
                return

    def texts(self, stopped: threading.Event) -> Iterator[str | None]:
        """Listen. A connection that says nothing for some seconds is asked whether it is alive."""
        try:
            with self._connect() as listener:
                listener.execute(f"LISTEN {CHANNEL}")
                yield None
                for looks in itertools.count(1):
                    if stopped.is_set():
                        return
                    for notice in listener.notifies(timeout=_LOOK_SECONDS):
                        yield notice.payload
                    if looks % _LOOKS_UNTIL_ASKED == 0:
                        listener.execute("SELECT 1")
        except psycopg.Error as exc:
            raise TransportFault(type(exc).__name__) from exc

    def close(self) -> None:
        """Close the connection that sends."""
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()

    def _connect(self) -> psycopg.Connection:
        ours = {
            "connect_timeout": _SECONDS,
            "application_name": "mfa wake-ups",
            "options": f"-c statement_timeout={_SECONDS}s",
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": _SECONDS * 1000,
        }
        return psycopg.connect(**(self._where | ours), autocommit=True)
