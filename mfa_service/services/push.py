"""Notifications: who may still be woken, and the outbox row that does it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from mfa_service.domain.authenticator import Authenticator
from mfa_service.domain.challenge import PushState, Status
from mfa_service.domain.ids import new_challenge_id
from mfa_service.domain.subject import User
from mfa_service.persistence.models import Challenge, Outbox, PushSent

from .foundation import Foundation

TOPIC = "outbox"
"""What a wake-up tells of when a notification was written."""
_FIVE_MINUTES, _DAY = 300, 86_400
_PUSHED = (PushState.QUEUED, PushState.ACCEPTED, PushState.FAILED)


def topics_for(state: PushState) -> tuple[str, ...]:
    """Return what to tell of once the transaction is committed that left this state."""
    return (TOPIC,) if state is PushState.QUEUED else ()


@dataclass(frozen=True, slots=True)
class Notice:
    """One challenge that wants to wake phones, at one moment."""

    user: User
    client_id: str
    challenge_id: str
    expires_at: int
    at: int


class PushGate:
    """Counts notifications per user and client, and per user over all clients at twice that.

    Callers hold the user's row, so what is counted here cannot change meanwhile.
    """

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    def announce(
        self, tx: Connection, notice: Notice, phones: Iterable[Authenticator]
    ) -> PushState:
        """Queue a notification for each phone that can be pushed to, unless a limit holds it."""
        pushable = [p for p in phones if p.push_provider not in {None, "none"}]
        if not pushable:
            return PushState.NONE
        if self.seconds_to_wait(tx, notice):
            return PushState.SUPPRESSED
        self.queue(tx, notice, [phone.id for phone in pushable])
        return PushState.QUEUED

    def queue(self, tx: Connection, notice: Notice, phone_ids: Sequence[str]) -> None:
        """Count one notification and write an outbox row for each phone."""
        row_id = new_challenge_id(self._f.randomness)
        sent = {"id": row_id, "user_id": notice.user.id, "client_id": notice.client_id}
        tx.execute(insert(PushSent), sent | {"sent_at": notice.at})
        for phone_id in phone_ids:
            row = {"challenge_id": notice.challenge_id, "authenticator_id": phone_id}
            times = {"queued_at": notice.at, "due_at": notice.at, "expires_at": notice.expires_at}
            tx.execute(insert(Outbox), row | times | {"id": new_challenge_id(self._f.randomness)})

    def seconds_to_wait(self, tx: Connection, notice: Notice) -> int:
        """Return how long until a notification may go out; 0 if it may now."""
        waits = [self._fraud_wait(notice), self._pending_wait(tx, notice)]
        sent = self._sent(tx, notice)
        successes = self._successes(tx, notice)
        here = [at for client_id, at in sent if client_id == notice.client_id]
        everywhere = [at for _, at in sent]
        waits.append(self._rate_wait(here, successes.get(notice.client_id, 0), notice.at, times=1))
        latest = max(successes.values(), default=0)
        waits.append(self._rate_wait(everywhere, latest, notice.at, times=2))
        return max(waits)

    def _fraud_wait(self, notice: Notice) -> int:
        reported = notice.user.fraud_reported_at
        return 0 if reported is None else max(0, reported + self._f.limits.fraud_pause - notice.at)

    def _pending_wait(self, tx: Connection, notice: Notice) -> int:
        query = select(Challenge.client_id, Challenge.expires_at).where(
            Challenge.user_id == notice.user.id,
            Challenge.status == Status.PENDING,
            Challenge.expires_at > notice.at,
            Challenge.push_state.in_(_PUSHED),
            Challenge.id != notice.challenge_id,
        )
        pending = tx.execute(query).all()
        here = [row.expires_at for row in pending if row.client_id == notice.client_id]
        limit = self._f.limits.pending_pushed
        if len(here) >= limit:
            return int(min(here)) - notice.at
        if len(pending) >= 2 * limit:
            return int(min(row.expires_at for row in pending)) - notice.at
        return 0

    def _sent(self, tx: Connection, notice: Notice) -> list[tuple[str, int]]:
        query = (
            select(PushSent.client_id, PushSent.sent_at)
            .where(PushSent.user_id == notice.user.id, PushSent.sent_at > notice.at - _DAY)
            .order_by(PushSent.sent_at.desc())
            .limit(4 * self._f.limits.pushes_in_a_day)
        )
        return [(row.client_id, row.sent_at) for row in tx.execute(query)]

    @staticmethod
    def _successes(tx: Connection, notice: Notice) -> dict[str, int]:
        query = (
            select(Challenge.client_id, func.max(Challenge.auth_time))
            .where(Challenge.user_id == notice.user.id, Challenge.status == Status.SATISFIED)
            .group_by(Challenge.client_id)
        )
        return {client_id: latest or 0 for client_id, latest in tx.execute(query)}

    def _rate_wait(self, sent: list[int], success: int, now: int, *, times: int) -> int:
        """`sent` is newest first; a success starts the count of a day anew."""
        burst = times * self._f.limits.pushes_in_five_minutes
        recent = [at for at in sent if at > now - _FIVE_MINUTES]
        wait = recent[burst - 1] + _FIVE_MINUTES - now if len(recent) >= burst else 0
        daily = times * self._f.limits.pushes_in_a_day
        since = [at for at in sent if at > success]
        return max(wait, since[daily - 1] + _DAY - now if len(since) >= daily else 0)
