"""Appends to the audit table, in the transaction of what happened."""

import functools
import logging
from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, bindparam, insert

from mfa_service.domain.challenge import Challenge
from mfa_service.domain.events import NOTIFIED, Event
from mfa_service.observability import trace

from .models import AuditEvent
from .prepared import Prepared

_LEVELS = {True: logging.WARNING, False: logging.INFO}
logger = logging.getLogger("mfa_service.audit")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit. `user_id` is the pseudonym of the subject; nothing here is secret."""

    event: Event
    at: int
    client_id: str | None = None
    user_id: str | None = None
    authenticator_id: str | None = None
    challenge_id: str | None = None
    result: str | None = None
    reason: str | None = None

    def members(self) -> dict[str, object]:
        """Return the columns."""
        return {name: getattr(self, name) for name in self.__slots__}


def about(
    challenge: Challenge,
    event: Event,
    at: int,
    *,
    result: str | None = None,
    reason: str | None = None,
    authenticator_id: str | None = None,
) -> Entry:
    """Return an entry about a challenge."""
    return Entry(
        event,
        at,
        client_id=challenge.client_id,
        user_id=challenge.user_id,
        authenticator_id=authenticator_id,
        challenge_id=challenge.id,
        result=result,
        reason=reason,
    )


@functools.cache
def _insert(rows: int) -> Prepared:
    """Return the statement that appends so many rows at once."""
    names = [column.name for column in AuditEvent.__table__.columns if column.name != "id"]
    values: list[dict[str, BindParameter[object]]] = [
        {name: bindparam(f"{name}_{i}") for name in names} for i in range(rows)
    ]
    return Prepared(insert(AuditEvent).values(values))


def record(tx: Connection, *entries: Entry) -> None:
    """Append entries, in one statement.

    Events that the person has to hear of are logged as warnings too, with `notify` in the
    message, for the operator's pipeline to deliver.
    """
    where = trace.current()
    traced = {"ip": where.ip, "request_id": where.request_id}
    rows = [entry.members() | traced for entry in entries]
    named = {f"{name}_{i}": value for i, row in enumerate(rows) for name, value in row.items()}
    _insert(len(rows)).rows(tx, named)
    for entry in entries:
        _log(entry)


def _log(entry: Entry) -> None:
    level = _LEVELS[entry.event in NOTIFIED]
    if not logger.isEnabledFor(level):
        return
    members = entry.members()
    known = {name: value for name, value in members.items() if value is not None and name != "at"}
    message = "notify: %s" if entry.event in NOTIFIED else "%s"
    logger.log(level, message, entry.event.value, extra=known)
