"""The phone says no: a denial ends one challenge, a fraud report ends all and holds things back."""

from sqlalchemy import Connection

from mfa_service.domain.challenge import Challenge, Reason, Status
from mfa_service.domain.errors import ChallengeNotOpen
from mfa_service.domain.events import Event
from mfa_service.observability import metrics
from mfa_service.persistence import audit, queries, states
from mfa_service.persistence.consume import end_challenge, lock_user

from .devices import Device, DeviceService
from .foundation import Foundation
from .phone_challenges import not_open


class PhoneRefusals:
    """Ends challenges on a phone's word; final, and no attempt is spent."""

    def __init__(self, foundation: Foundation, devices: DeviceService) -> None:
        self._f = foundation
        self._devices = devices

    def refuse(self, device: Device, challenge: Challenge, *, fraud: bool, at: int) -> Status:
        """Deny the challenge, or report fraud; raise `ChallengeNotOpen` if it ended meanwhile."""
        with self._f.work.transaction() as tx:
            self._devices.remember(tx, device)
            if fraud:  # the user's row first, as everywhere, so that no two wait for each other
                lock_user(tx, device.user.id)
            done = self._end(tx, device, challenge, fraud=fraud, at=at)
            others = (
                states.report_fraud(tx, device.user.id, device.id, at=at) if done and fraud else []
            )
        if not done:
            raise self._ended(device, challenge)
        metrics.count_end(Status.DENIED, 1 + len(others))
        for challenge_id in (challenge.id, *others):
            self._f.tell(challenge_id=challenge_id, user_id=device.user.id)
        return Status.DENIED

    @staticmethod
    def _end(tx: Connection, device: Device, challenge: Challenge, *, fraud: bool, at: int) -> bool:
        reason = Reason.FRAUD_REPORTED if fraud else Reason.USER_DENIED
        done = end_challenge(tx, challenge.id, Status.DENIED, reason=reason, by=device.id, at=at)
        if done:
            event = Event.CHALLENGE_REPORT if fraud else Event.CHALLENGE_DENY
            audit.record(tx, audit.about(challenge, event, at, authenticator_id=device.id))
        return done

    def _ended(self, device: Device, challenge: Challenge) -> ChallengeNotOpen:
        with self._f.work.reading() as tx:
            now = queries.challenge(tx, challenge.id, self._f.secret_box)
        return not_open(now or challenge, device)
