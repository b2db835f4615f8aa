"""Users that were erased while a client may still read how their challenges ended."""

from sqlalchemy import Connection, delete, select

from .consume import insert_once
from .models import Challenge, Erasure

_BATCH = 100


def remember(tx: Connection, user_id: str, *, due_at: int) -> None:
    """Have what is left of a user deleted later."""
    insert_once(tx, Erasure, {"user_id": user_id, "due_at": due_at})


def finish(tx: Connection, *, at: int) -> int:
    """Delete the challenges of some whose time has come; return of how many."""
    due = select(Erasure.user_id).where(Erasure.due_at < at).order_by(Erasure.due_at).limit(_BATCH)
    users = tx.scalars(due).all()
    for user_id in users:
        tx.execute(delete(Challenge).where(Challenge.user_id == user_id))
        tx.execute(delete(Erasure).where(Erasure.user_id == user_id))
    return len(users)
