"""States of an enrollment's row, and the one statement that ends it."""

from typing import Any

from sqlalchemy import Connection, Row, update

from mfa_service.persistence.models import Enrollment

from .authenticators import revoke

PENDING, CLAIMED, ACTIVE, EXPIRED = "pending", "claimed", "active", "expired"
CODE_PURPOSE = "enrollment_code"


def state_at(row: Row[Any], now: int) -> str:
    """Return the state of an enrollment's row: what is open after its time has expired."""
    expired = row.state in {PENDING, CLAIMED} and now >= row.expires_at
    return EXPIRED if expired else str(row.state)


def end(tx: Connection, enrollment_id: str) -> bool:
    """End an enrollment that is open and revoke the phone that claimed it; tell whether it was."""
    statement = (
        update(Enrollment)
        .where(Enrollment.id == enrollment_id, Enrollment.state.in_((PENDING, CLAIMED)))
        .values(state=EXPIRED, sealed=None)
        .returning(Enrollment.authenticator_id)
    )
    row = tx.execute(statement).one_or_none()
    if row is not None and row.authenticator_id is not None:
        revoke(tx, row.authenticator_id)
    return row is not None
