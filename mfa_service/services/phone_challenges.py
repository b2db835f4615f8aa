"""What a phone sees of the challenges that ask it, signed by us."""

from collections.abc import Sequence
from dataclasses import dataclass

from mfa_service.domain.challenge import WEBAUTHN, Challenge, Status
from mfa_service.domain.errors import ChallengeNotOpen, NotFound
from mfa_service.domain.subject import Subject
from mfa_service.jose import b64url, derived
from mfa_service.persistence import queries

from .devices import Device
from .foundation import Foundation
from .prompts import Prompts
from .reach import Alternative, Reach
from .waiting import Watched, mark_of_pending, wait_for_change

CHALLENGE_TYP = "stepup-challenge+jwt"


@dataclass(frozen=True, slots=True)
class _Pending:
    challenges: tuple[Challenge, ...]
    mark: object

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(challenge.id for challenge in self.challenges)


def nonce_for(challenge: Challenge, device_id: str) -> str:
    """Return the 32-byte nonce of this challenge for this phone, the same each time."""
    return b64url(derived(challenge.asked.seed, f"nonce|{challenge.id}|{device_id}"))


class PhoneChallengeService:
    """Use cases behind `GET /v1/device/challenges`."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._reach = Reach(foundation)
        self._prompts = Prompts(foundation)

    def pending(self, device: Device, *, wait: int, known: Sequence[str]) -> list[str]:
        """Return the signed challenges that wait for this phone.

        With `wait` (seconds) hold on until there is one that is not `known`, or a known one ended.
        """
        expected = frozenset(known)
        watched = Watched(
            topic=f"user:{device.user.id}",
            read=lambda: self._pending(device),
            state=lambda pending: pending.ids,
            mark=lambda pending: pending.mark,
            final=lambda pending: bool(pending.ids ^ expected),
            until=lambda pending: min((c.expires_at for c in pending.challenges), default=None),
        )
        found = wait_for_change(self._f, watched, seconds=wait)
        subject = self._subject(device) if wait and found.challenges else device.subject
        return [self._signed(c, device, subject) for c in found.challenges]

    def one(self, device: Device) -> str:
        """Return the signed challenge that the phone named.

        Raises `NotFound` for one that does not ask this phone, `ChallengeNotOpen` for an ended one.
        """
        return self._signed(self.asked_of(device), device, device.subject)

    def asked_of(self, device: Device) -> Challenge:
        """Return the challenge that the phone named, if it is open and asks this phone.

        Raises `NotFound` otherwise, or `ChallengeNotOpen`, with `status` and `reason` for the
        phone that gave the final answer: its reply may have been lost.
        """
        found = device.challenge
        if found is None or not found.asked.pushes_to(device.id):
            raise NotFound
        challenge = found.at(self._f.clock.now())
        if challenge.status is not Status.PENDING or self.answered(challenge, device):
            raise not_open(challenge, device)
        return challenge

    def require(self, challenge: Challenge, device: Device) -> tuple[Alternative, ...]:
        """Return what an answer of this phone may consist of now."""
        return self._require(challenge, device, device.subject)

    @staticmethod
    def answered(challenge: Challenge, device: Device) -> bool:
        """Tell whether this phone has given its answer already."""
        return challenge.used("push", device.id)

    def _require(
        self, challenge: Challenge, device: Device, subject: Subject
    ) -> tuple[Alternative, ...]:
        fraud = self._fraud(subject)
        return self._reach.require(challenge, device.phone, subject, fraud=fraud)

    def _fraud(self, subject: Subject) -> bool:
        return subject.user.fraud_paused_at(self._f.clock.now(), self._f.limits.fraud_pause)

    def _pending(self, device: Device) -> _Pending:
        at = self._f.clock.now()
        with self._f.work.reading() as tx:
            found = queries.pending_pushes(tx, device.user.id, self._f.secret_box, at=at)
        mine = (c for c in found if c.asked.pushes_to(device.id) and not self.answered(c, device))
        return _Pending(tuple(mine), mark_of_pending(found))

    def _subject(self, device: Device) -> Subject:
        """Read it anew: much may have happened while the phone waited."""
        with self._f.work.reading() as tx:
            return queries.subject_by_id(tx, device.user.id) or Subject(device.user, ())

    def _signed(self, challenge: Challenge, device: Device, subject: Subject) -> str:
        asked, nonce = challenge.asked, nonce_for(challenge, device.id)
        require = self._require(challenge, device, subject)
        claims: dict[str, object] = {
            "iss": self._f.issuer,
            "aud": device.id,
            "challenge_id": challenge.id,
            "client_name": asked.client_name,
            "sub": asked.sub,
            "nonce": nonce,
            "require": [list(parts) for parts in require],
            "purpose": challenge.purpose,
            "iat": challenge.created_at,
            "exp": challenge.expires_at,
        }
        optional: dict[str, object] = {
            "binding_message": asked.binding_message,
            "transaction": asked.transaction,
            "tx_hash": asked.tx_hash,
            "context": asked.context,
            "fraud_reported": self._fraud(subject) or None,
        }
        if any(WEBAUTHN in parts for parts in require):
            optional["webauthn"] = self._prompts.for_phone(challenge, subject, nonce)
        claims |= {name: value for name, value in optional.items() if value is not None}
        return self._f.keys.signer.sign(claims, typ=CHALLENGE_TYP)


def not_open(challenge: Challenge, device: Device) -> ChallengeNotOpen:
    """Return the refusal; the phone that ended the challenge learns how it had decided."""
    if challenge.ended_by != device.id:
        return ChallengeNotOpen()
    return ChallengeNotOpen(status=challenge.status, reason=challenge.reason)
