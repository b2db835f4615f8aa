"""Appends to the audit table, in the transaction of what happened."""

import logging

from sqlalchemy import Connection, insert

from mfa_service.domain.events import NOTIFIED, Event
from mfa_service.observability import trace

from .models import AuditEvent

_INSERT = insert(AuditEvent)
_LEVELS = {True: logging.WARNING, False: logging.INFO}
logger = logging.getLogger("mfa_service.audit")


def record(
    tx: Connection,
    event: Event,
    *,
    at: int,
    client_id: str | None = None,
    user_id: str | None = None,
    authenticator_id: str | None = None,
    challenge_id: str | None = None,
    result: str | None = None,
    reason: str | None = None,
) -> None:
    """Append one event. `user_id` is the pseudonym of the subject; no secret is among these.

    Events that the person has to hear of are logged as warnings too, with `notify` in the
    message, for the operator's pipeline to deliver.
    """
    where = trace.current()
    members = {
        "client_id": client_id,
        "user_id": user_id,
        "authenticator_id": authenticator_id,
        "challenge_id": challenge_id,
        "result": result,
        "reason": reason,
    }
    row = {"at": at, "event": event, "ip": where.ip, "request_id": where.request_id}
    tx.execute(_INSERT, row | members)
    known = {name: value for name, value in members.items() if value is not None}
    notify = event in NOTIFIED
    message = "notify: %s" if notify else "%s"
    logger.log(_LEVELS[notify], message, event.value, extra={"event": event.value} | known)
