"""Delivers notifications after commit, at least once, never past the challenge's expiry."""

import json
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from mfa_service.domain.authenticator import State
from mfa_service.domain.challenge import PushState, Status
from mfa_service.domain.ports import PushMessage, PushRejected, PushSender, SealBroken
from mfa_service.observability import metrics
from mfa_service.observability.spans import TRACING
from mfa_service.persistence import states
from mfa_service.persistence.models import Authenticator, Challenge, Device, Outbox

from .foundation import Foundation, push_place

AT_ONCE = 8
LATE_SECONDS = 10
"""Since it was asked for, after which a notification counts as late."""
_LEASE_SECONDS = 60
"""Longer than any sender takes: what is leased is not handled by two at once."""
_FIRST_PAUSE, _LONGEST_PAUSE = 10, 60
_DROPPED = "dropped"
logger = logging.getLogger(__name__)


# Only an active phone of an open challenge is woken.
_WANTED = (
    select(Device.push_provider, Device.push_address)
    .join(Authenticator, Authenticator.id == Device.authenticator_id)
    .join(Challenge, Challenge.user_id == Authenticator.user_id)
    .where(Device.authenticator_id == bindparam("phone"), Challenge.id == bindparam("id"))
    .where(Authenticator.state == State.ACTIVE, Challenge.status == Status.PENDING)
)


@dataclass(frozen=True, slots=True)
class _Sent:
    state: PushState | None
    gone: bool = False
    later: int = 0
    too_late: bool = False


class OutboxService:
    """Hands due rows to the provider of each phone; no row is handled by two at once."""

    def __init__(self, foundation: Foundation, senders: Mapping[str, PushSender]) -> None:
        self._f = foundation
        self._senders = senders

    def deliver(self) -> int:
        """Send what is due, wait until it is done, and return how many rows were taken."""
        rows = self.take(5 * AT_ONCE)
        if len(rows) == 1:
            self.hand_over(rows[0])
        elif rows:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                for done in [pool.submit(self.hand_over, row) for row in rows]:
                    done.result()
        return len(rows)

    def take(self, most: int) -> list[Row[Any]]:
        """Lease due rows; one whose process dies comes back when the lease ends."""
        at = self._f.clock.now()
        with self._f.work.reading() as tx:
            if tx.scalar(select(Outbox.id).where(Outbox.due_at <= at).limit(1)) is None:
                return []
        # Several processes do not wait for each other's rows; the last condition is what decides.
        due = (
            select(Outbox.id)
            .where(Outbox.due_at <= at)
            .order_by(Outbox.due_at)
            .limit(most)
            .with_for_update(skip_locked=True)
            .cte("due")  # else PostgreSQL may look, and lock, more than once
        )
        statement = (
            update(Outbox)
            .where(Outbox.id.in_(select(due.c.id)), Outbox.due_at <= at)
            .values(due_at=at + _LEASE_SECONDS, attempts=Outbox.attempts + 1)
            .returning(*Outbox.__table__.columns)
        )
        with self._f.work.transaction() as tx:
            return list(tx.execute(statement))

    def hand_over(self, row: Row[Any]) -> None:
        """Hand a leased row to its provider, and store what became of it."""
        at = self._f.clock.now()
        with self._f.work.reading() as tx:
            device = tx.execute(
                _WANTED, {"phone": row.authenticator_id, "id": row.challenge_id}
            ).one_or_none()
        provider = device.push_provider if device else "none"
        with TRACING.span("push", provider=provider) as span:
            sent = self._send(row, provider, device.push_address if device else None, at=at)
            span.set("result", self._count(row, provider, sent))
        with self._f.work.transaction() as tx:
            self._store(tx, row, sent, at=at)
        self._f.tell(challenge_id=row.challenge_id)

    def _count(self, row: Row[Any], provider: str, sent: _Sent) -> str:
        """Count how it went: who was woken after the moment, or not at all in time, is late.

        Return the outcome.
        """
        nobody = provider == "none" and sent.state is PushState.FAILED
        result = _DROPPED if nobody else sent.state or "retried"
        metrics.PUSHES.labels(provider, result).inc()
        about = {"provider": provider, "challenge_id": row.challenge_id}
        logger.info("push %s", result, extra=about)
        seconds = max(self._f.clock.now() - row.queued_at, 0)
        if sent.state is PushState.ACCEPTED:
            metrics.PUSH_SECONDS.labels(provider).observe(seconds)
        if sent.too_late or (sent.state is PushState.ACCEPTED and seconds > LATE_SECONDS):
            metrics.PUSHES_LATE.labels(provider).inc()
        return result

    def _send(self, row: Row[Any], provider: str, address: bytes | None, *, at: int) -> _Sent:
        sender = self._senders.get(provider)
        if sender is None or address is None:
            return _Sent(PushState.FAILED)
        if at >= row.expires_at:
            return _Sent(PushState.FAILED, too_late=True)
        try:
            opened = self._f.secret_box.open(address, place=push_place(row.authenticator_id))
            sender.send(PushMessage(json.loads(opened), row.challenge_id, row.expires_at))
        except SealBroken:
            logger.error("a push address does not open", extra=_about(row))  # noqa: TRY400
            return _Sent(PushState.FAILED)
        except PushRejected as exc:
            if exc.alert:
                about = _about(row) | {"provider": provider, "reason": str(exc)}
                logger.error("a push provider wants the operator", extra=about)  # noqa: TRY400
            pause = 0 if exc.final else self._pause(row, least=exc.retry_after)
            return self._again(row, pause, at=at, gone=exc.gone)
        except Exception:  # a provider's library may raise anything; others still want their push
            logger.exception("a push provider failed", extra=_about(row))
            return self._again(row, self._pause(row, least=0), at=at)
        return _Sent(PushState.ACCEPTED)

    def _pause(self, row: Row[Any], *, least: int) -> int:
        """Return for how long to wait: twice as long each time, and up to a quarter more."""
        attempts: int = row.attempts
        usual = min(_FIRST_PAUSE << (attempts - 1), _LONGEST_PAUSE)
        seconds = max(usual, least)
        return seconds + seconds * self._f.randomness.bytes(1)[0] // 1024

    @staticmethod
    def _again(row: Row[Any], pause: int, *, at: int, gone: bool = False) -> _Sent:
        """Return that it is tried later, unless never again or nobody would wait for it then."""
        if pause == 0:
            return _Sent(PushState.FAILED, gone=gone)
        if at + pause >= row.expires_at:
            return _Sent(PushState.FAILED, too_late=True)
        return _Sent(None, later=pause)

    @staticmethod
    def _store(tx: Connection, row: Row[Any], sent: _Sent, *, at: int) -> None:
        if sent.state is None:
            tx.execute(update(Outbox).where(Outbox.id == row.id).values(due_at=at + sent.later))
            return
        tx.execute(delete(Outbox).where(Outbox.id == row.id))
        states.set_push_state(tx, row.challenge_id, sent.state)
        if sent.gone:
            states.drop_push_address(tx, row.authenticator_id)


def _about(row: Row[Any]) -> dict[str, object]:
    return {"challenge_id": row.challenge_id, "authenticator_id": row.authenticator_id}
