"""Paying for, verifying and using up one proof of an authenticator: TOTP, recovery code."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from mfa_service.domain.challenge import AcceptedProof, Challenge
from mfa_service.domain.errors import ProofRejected, ProofReplayed
from mfa_service.domain.events import Event
from mfa_service.domain.factor import Binding, Credential, Factor, Proof, Verified
from mfa_service.persistence import audit
from mfa_service.persistence.tries import (
    forgive,
    pay_authenticators,
    settle_authenticator,
    suspend_exhausted,
)

from .foundation import Foundation


@dataclass(frozen=True, slots=True)
class Payment:
    """A try that was counted in advance on each of these authenticators."""

    method: str
    factor: Factor | None
    tried: tuple[tuple[str, Credential], ...]
    exhausted: bool

    @property
    def slow(self) -> bool:
        """Whether verifying takes milliseconds, so that no lock may be held meanwhile."""
        return self.factor is not None and self.factor.slow and bool(self.tried)

    @property
    def ids(self) -> list[str]:
        """The authenticators that were charged."""
        return [authenticator_id for authenticator_id, _ in self.tried]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification said; nothing is used up yet."""

    authenticator_id: str | None = None
    verified: Verified | None = None
    replayed: bool = False


class ProofService:
    """The three phases of one proof. The caller owns the transactions."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    def pay(self, tx: Connection, challenge: Challenge, proof: Proof) -> Payment:
        """Count a failure in advance on every authenticator that this proof may belong to.

        Nobody is charged for a method that is not offered or was used in this challenge already.
        """
        method = str(proof["method"])
        named = proof.get("authenticator_id")
        ids = [
            offer.authenticator_id
            for offer in challenge.asked.offered(method)
            if named in {None, offer.authenticator_id}
            and not challenge.used(method, offer.authenticator_id)
        ]
        factor, limit = self._f.factors.get(method), self._f.limits.code_failures
        rows = pay_authenticators(tx, ids, limit=limit) if ids and factor else []
        if len(rows) < len(ids):  # a crash between paying and judging may have left one exhausted
            self._suspend(tx, challenge, ids)
        tried = tuple((row.id, self._opened(row)) for row in rows)
        return Payment(method, factor, tried, any(row.failures >= limit for row in rows))

    def _opened(self, row: Row[Any]) -> Credential:
        sealed, counter = row.credential, row.counter
        return self._f.open_credential(row.id, row.user_id, sealed, counter=counter)

    @staticmethod
    def verify(payment: Payment, proof: Proof, *, at: int) -> Verdict:
        """Compare the proof with each charged authenticator; touches no store."""
        replayed = False
        for authenticator_id, credential in payment.tried:
            try:
                if payment.factor is not None:
                    verified = payment.factor.verify(credential, proof, binding=Binding(), at=at)
                    return Verdict(authenticator_id, verified)
            except ProofReplayed:
                replayed = True
            except ProofRejected:
                continue
        return Verdict(replayed=replayed)

    def spend(
        self, tx: Connection, challenge: Challenge, payment: Payment, verdict: Verdict, *, at: int
    ) -> AcceptedProof | None:
        """Use up what a good proof uses up; `None` if it is not good, or somebody was first.

        A wrong proof stays counted; one that was accepted before is no failure.
        """
        verified, authenticator_id = verdict.verified, verdict.authenticator_id
        if verified is None or authenticator_id is None:
            self._count(tx, challenge, payment, replayed=verdict.replayed)
            return None
        used = settle_authenticator(
            tx, authenticator_id, counter=verified.counter, spends=verified.spends, at=at
        )
        if not used:
            self._count(tx, challenge, payment, replayed=True)
            return None
        if others := [other for other in payment.ids if other != authenticator_id]:
            forgive(tx, others)
        if verified.spends is not None:
            entry = audit.about(
                challenge, Event.RECOVERY_USE, at, authenticator_id=authenticator_id
            )
            audit.record(tx, entry)
        return AcceptedProof(payment.method, authenticator_id, verified.evidence)

    def give_back(self, tx: Connection, payment: Payment) -> None:
        """Undo the payment of a proof that nobody judged in the end."""
        if payment.tried:
            forgive(tx, payment.ids)

    def _count(
        self, tx: Connection, challenge: Challenge, payment: Payment, *, replayed: bool
    ) -> None:
        if not payment.tried:
            return
        if replayed:
            forgive(tx, payment.ids)
        elif payment.exhausted:
            self._suspend(tx, challenge, payment.ids)

    def _suspend(self, tx: Connection, challenge: Challenge, ids: list[str]) -> None:
        at, event = self._f.clock.now(), Event.AUTHENTICATOR_DISABLE
        for gone in suspend_exhausted(tx, ids, limit=self._f.limits.code_failures, at=at):
            audit.record(tx, audit.about(challenge, event, at, authenticator_id=gone))
