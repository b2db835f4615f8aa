"""Statements about pings: due, claimed by one process, ended."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from mfa_service.domain.challenge import Status

from .models import Authorization, Challenge

_ANSWERED = (Status.SATISFIED, Status.DENIED, Status.FAILED, Status.CANCELLED)
_DUE = (
    select(Authorization.__table__)
    .join(Challenge.__table__, Challenge.id == Authorization.challenge_id)
    .where(
        Authorization.ping_at <= bindparam("at"),
        Authorization.handle_until > bindparam("at"),
        Challenge.status.in_(_ANSWERED),
    )
    .order_by(Authorization.ping_at)
)
_CLAIM = (
    update(Authorization)
    .where(
        Authorization.id == bindparam("key"),
        Authorization.pings == bindparam("sent"),
        Authorization.ping_at.is_not(None),
    )
    .values(pings=Authorization.pings + 1, ping_at=bindparam("again_at"))
    .returning(Authorization.id)
)
_END = update(Authorization).where(Authorization.id == bindparam("key")).values(ping_at=None)


def due(tx: Connection, *, at: int, most: int) -> Sequence[Row[Any]]:
    """Return authorizations whose person answered and whose client is to be told now."""
    return tx.execute(_DUE.limit(most), {"at": at}).all()


def claim(tx: Connection, authorization_id: str, sent: int, *, again_at: int | None) -> bool:
    """Take the next ping, to be repeated at `again_at`; tell whether nobody was first."""
    values = {"key": authorization_id, "sent": sent, "again_at": again_at}
    return tx.execute(_CLAIM, values).one_or_none() is not None


def end(tx: Connection, authorization_id: str) -> None:
    """Note that the client was told."""
    tx.execute(_END, {"key": authorization_id})
