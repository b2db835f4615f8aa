"""Moves of state columns, beside those of one challenge in `consume`.

Each names in its WHERE clause the state it leaves, so that what was read before cannot win over
what happened since. Rows are written in the order user, challenge, enrollment, device,
authenticator everywhere: no two transactions wait for each other.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, update

from mfa_service.domain.authenticator import State, SuspendedBy
from mfa_service.domain.challenge import PushState, Reason, Status

from .models import Authenticator, Challenge, Device, Enrollment, User
from .open_challenges import IS_OPEN, IS_RECENT, oldest

PENDING, CLAIMED, ACTIVE, EXPIRED = "pending", "claimed", "active", "expired"


def revoke(tx: Connection, authenticator_id: str) -> None:
    """End an authenticator for good; its credential and push address are erased."""
    drop_push_address(tx, authenticator_id)
    tx.execute(
        update(Authenticator)
        .where(Authenticator.id == authenticator_id)
        .values(state=State.REVOKED, credential=b"")
    )


def activate(tx: Connection, authenticator_id: str) -> bool:
    """Confirm a claimed phone; tell whether it still waited for that."""
    mine = (Authenticator.id == authenticator_id) & (Authenticator.state == State.PENDING)
    statement = update(Authenticator).where(mine).values(state=State.ACTIVE)
    return tx.execute(statement.returning(Authenticator.id)).one_or_none() is not None


def suspend(tx: Connection, authenticator_id: str, by: SuspendedBy, *, at: int) -> bool:
    """Suspend an active authenticator; tell whether it was active."""
    values = {"state": State.SUSPENDED, "suspended_by": by, "suspended_at": at}
    return change_active(tx, authenticator_id, values)


def change_active(tx: Connection, authenticator_id: str, values: Mapping[str, object]) -> bool:
    """Write to an authenticator that is active; tell whether it was."""
    mine = (Authenticator.id == authenticator_id) & (Authenticator.state == State.ACTIVE)
    statement = update(Authenticator).where(mine).values(dict(values))
    return tx.execute(statement.returning(Authenticator.id)).one_or_none() is not None


def resume(tx: Connection, authenticator_id: str) -> None:
    """Put a suspended authenticator to work again, with a fresh count of failures."""
    tx.execute(
        update(Authenticator)
        .where(Authenticator.id == authenticator_id, Authenticator.state == State.SUSPENDED)
        .values(state=State.ACTIVE, suspended_by=None, suspended_at=None, failures=0)
    )


def rename(tx: Connection, authenticator_id: str, label: str) -> None:
    """Give a listed authenticator another label."""
    tx.execute(
        update(Authenticator).where(Authenticator.id == authenticator_id).values(label=label)
    )


def set_push_address(tx: Connection, device_id: str, provider: str, address: bytes | None) -> None:
    """Write where a phone is notified."""
    values = {"push_provider": provider, "push_address": address}
    tx.execute(update(Device).where(Device.authenticator_id == device_id).values(values))


def drop_push_address(tx: Connection, device_id: str) -> None:
    """Notify a phone no more; it can still poll."""
    set_push_address(tx, device_id, "none", None)


def mark_removed(tx: Connection, device_id: str) -> None:
    """Note that a phone removed itself: it never speaks again."""
    values = {"removed_itself": 1, "push_provider": "none", "push_address": None}
    tx.execute(update(Device).where(Device.authenticator_id == device_id).values(values))


def claim_enrollment(
    tx: Connection, enrollment_id: str, thumbprint: str, device_id: str, *, at: int
) -> Row[Any] | None:
    """Claim an open enrollment for a phone, once."""
    statement = (
        update(Enrollment)
        .where(Enrollment.id == enrollment_id, Enrollment.state == PENDING)
        .where(Enrollment.expires_at > at)
        .values(state=CLAIMED, claimed_by=thumbprint, authenticator_id=device_id)
        .returning(*Enrollment.__table__.columns)
    )
    return tx.execute(statement).one_or_none()


def seal_enrollment(tx: Connection, enrollment_id: str, sealed: bytes) -> None:
    """Keep what a claim brought until it is confirmed."""
    tx.execute(update(Enrollment).where(Enrollment.id == enrollment_id).values(sealed=sealed))


def pay_enrollment(tx: Connection, enrollment_id: str, state: str, *, at: int) -> Row[Any] | None:
    """Take one try of an open enrollment before anything is compared."""
    statement = (
        update(Enrollment)
        .where(Enrollment.id == enrollment_id, Enrollment.state == state)
        .where(Enrollment.expires_at > at, Enrollment.attempts_left > 0)
        .values(attempts_left=Enrollment.attempts_left - 1)
        .returning(*Enrollment.__table__.columns)
    )
    return tx.execute(statement).one_or_none()


def finish_enrollment(tx: Connection, enrollment_id: str, authenticator_id: str) -> None:
    """Note what an enrollment led to; the caller holds its row."""
    values = {"state": ACTIVE, "sealed": None, "authenticator_id": authenticator_id}
    tx.execute(update(Enrollment).where(Enrollment.id == enrollment_id).values(values))


def end_enrollment(tx: Connection, enrollment_id: str) -> bool:
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


def hold_open(tx: Connection, challenge_id: str, *, at: int) -> bool:
    """Take an open challenge's row until commit, before its authenticators'; tell whether it is."""
    statement = (
        update(Challenge)
        .where(Challenge.id == challenge_id, Challenge.status == Status.PENDING)
        .where(Challenge.expires_at > at)
        .values(attempts_left=Challenge.attempts_left)
        .returning(Challenge.id)
    )
    return tx.execute(statement).one_or_none() is not None


def report_fraud(tx: Connection, user_id: str, device_id: str, *, at: int) -> list[str]:
    """Start the pause, and deny every open challenge that asks this user's phones."""
    tx.execute(update(User).where(User.id == user_id).values(fraud_reported_at=at))
    values = {
        "status": Status.DENIED,
        "reason": Reason.FRAUD_REPORTED,
        "ended_at": at,
        "ended_by": device_id,
    }
    statement = (
        update(Challenge)
        .where(Challenge.user_id == user_id, Challenge.offers_push == 1)
        .where(IS_OPEN, IS_RECENT, Challenge.expires_at > at)
        .values(values)
        .returning(Challenge.id)
    )
    return list(tx.scalars(statement, oldest(at)))


def cancel_open(tx: Connection, user_id: str, *, at: int) -> dict[str, bytes]:
    """Cancel every open challenge of a user; return their ids with the sealed requests."""
    statement = (
        update(Challenge)
        .where(Challenge.user_id == user_id, IS_OPEN, IS_RECENT)
        .where(Challenge.expires_at > at)
        .values(status=Status.CANCELLED, ended_at=at)
        .returning(Challenge.id, Challenge.request)
    )
    return {row.id: row.request for row in tx.execute(statement, oldest(at))}


def replace_request(tx: Connection, challenge_id: str, request: bytes) -> None:
    """Keep less of what was asked."""
    tx.execute(update(Challenge).where(Challenge.id == challenge_id).values(request=request))


def dispute(tx: Connection, challenge_id: str, *, at: int) -> bool:
    """Mark an approval as one that its person did not give; tell whether it was the first time."""
    mine = (Challenge.id == challenge_id) & Challenge.disputed_at.is_(None)
    statement = update(Challenge).where(mine).values(disputed_at=at)
    return tx.execute(statement.returning(Challenge.id)).one_or_none() is not None


def expire_challenges(tx: Connection, *, at: int) -> int:
    """Write down what every reader decides by itself: these are over. Return how many."""
    over = IS_OPEN & (Challenge.expires_at <= at)
    values = {"status": Status.EXPIRED, "ended_at": Challenge.expires_at}
    return tx.execute(update(Challenge).where(over).values(values)).rowcount


def fail_exhausted(tx: Connection, *, at: int) -> int:
    """Fail those that a crash left open, after paying for the last attempt and before judging.

    Return how many there were.
    """
    values = {"status": Status.FAILED, "reason": Reason.ATTEMPTS_EXHAUSTED, "ended_at": at}
    exhausted = IS_OPEN & (Challenge.expires_at > at) & (Challenge.attempts_left == 0)
    return tx.execute(update(Challenge).where(exhausted).values(values)).rowcount


def set_push_state(tx: Connection, challenge_id: str, state: PushState) -> None:
    """Write what became of an open challenge's notification; accepted once stays accepted."""
    statement = update(Challenge).where(
        Challenge.id == challenge_id, Challenge.status == Status.PENDING
    )
    if state is PushState.FAILED:
        statement = statement.where(Challenge.push_state != PushState.ACCEPTED)
    tx.execute(statement.values(push_state=state))


def open_page(tx: Connection, challenge_id: str, session_hash: str) -> bool:
    """Give the hosted page to the first browser that opens it; tell whether it was the first."""
    mine = (Challenge.id == challenge_id) & Challenge.page_session.is_(None)
    statement = update(Challenge).where(mine).values(page_session=session_hash)
    return tx.execute(statement.returning(Challenge.id)).one_or_none() is not None


def note_return(tx: Connection, challenge_id: str, *, at: int) -> None:
    """Note that the browser that opened the page came back to the client; the first time counts."""
    mine = (Challenge.id == challenge_id) & Challenge.returned_at.is_(None)
    tx.execute(update(Challenge).where(mine).values(returned_at=at))
