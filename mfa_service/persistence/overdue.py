"""What is left lying when nobody does what belongs beside the requests."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from .models import Challenge, Outbox
from .open_challenges import IS_OPEN


@dataclass(frozen=True, slots=True)
class Unsent:
    """How many notifications nobody took, since when, and until when somebody waits for one."""

    count: int
    due_at: int
    expires_at: int


def unsent(tx: Connection, *, before: int) -> Unsent | None:
    """Return what is due since before a moment, and so was taken by nobody; `None` if nothing is.

    What is being sent is not due: it is leased until a moment to come.
    """
    query = select(func.count(), func.min(Outbox.due_at), func.max(Outbox.expires_at))
    count, due_at, expires_at = tx.execute(query.where(Outbox.due_at <= before)).one()
    return Unsent(count, due_at, expires_at) if count else None


def unclosed(tx: Connection, *, before: int) -> int | None:
    """Return when the oldest open challenge was over, if that is before a moment."""
    over = IS_OPEN & (Challenge.expires_at <= before)
    found: int | None = tx.scalar(select(func.min(Challenge.expires_at)).where(over))
    return found
