"""Paying for, verifying and using up one proof: TOTP, recovery code, passkey."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from mfa_service.domain.challenge import AcceptedProof, Challenge
from mfa_service.domain.errors import CloneSuspected, ProofRejected, ProofReplayed
from mfa_service.domain.events import Event
from mfa_service.domain.factor import Binding, Credential, Factor, Proof, Verified
from mfa_service.persistence import audit
from mfa_service.persistence.prepared import Record
from mfa_service.persistence.tries import (
    active_authenticators,
    change_attributes,
    forgive,
    pay_authenticators,
    settle_authenticator,
    suspend_exhausted,
)

from .foundation import Foundation


@dataclass(frozen=True, slots=True)
class Payment:
    """What is tried, each counted in advance as a failure where the factor counts such.

    Without `binding` nothing is tried: there are no options that the proof could answer.
    """

    method: str
    factor: Factor | None
    binding: Binding | None
    tried: tuple[tuple[str, Credential], ...] = ()
    exhausted: bool = False

    @property
    def slow(self) -> bool:
        """Whether verifying takes milliseconds, so that no lock may be held meanwhile."""
        return self.factor is not None and self.factor.slow and bool(self.tried)

    @property
    def charged(self) -> list[str]:
        """The authenticators on which a failure was counted."""
        counted = self.factor is not None and self.factor.counted
        return [authenticator_id for authenticator_id, _ in self.tried if counted]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification said; nothing is used up yet. `cloned`: it is no longer the only one."""

    authenticator_id: str | None = None
    verified: Verified | None = None
    replayed: bool = False
    cloned: bool = False


class ProofService:
    """The three phases of one proof. The caller owns the transactions."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    def pay(
        self, tx: Connection, challenge: Challenge, proof: Proof, binding: Binding | None
    ) -> Payment:
        """Count a failure in advance on every authenticator that this proof may belong to.

        Nobody is charged for a method that is not offered or was used in this challenge already.
        """
        method, named = str(proof["method"]), proof.get("authenticator_id")
        payment = Payment(method, self._f.factors.get(method), binding)
        if payment.factor is None or binding is None:
            return payment
        ids = [
            offer.authenticator_id
            for offer in challenge.asked.offered(method)
            if named in {None, offer.authenticator_id}
            and not challenge.used(method, offer.authenticator_id)
        ]
        if not payment.factor.counted:
            found = self._opened(active_authenticators(tx, ids))
            return Payment(method, payment.factor, binding, found)
        limit = self._f.limits.code_failures
        rows = pay_authenticators(tx, ids, limit=limit) if ids else []
        if len(rows) < len(ids):  # a crash between paying and judging may have left one exhausted
            self._suspend(tx, challenge, ids)
        exhausted = any(row.failures >= limit for row in rows)
        return Payment(method, payment.factor, binding, self._opened(rows), exhausted)

    def _opened(self, rows: Sequence[Record]) -> tuple[tuple[str, Credential], ...]:
        return tuple(
            (
                row.id,
                self._f.open_credential(
                    row.id,
                    row.user_id,
                    row.credential,
                    counter=row.counter,
                    attributes=json.loads(row.attributes),
                ),
            )
            for row in rows
        )

    @staticmethod
    def verify(payment: Payment, proof: Proof, *, at: int) -> Verdict:
        """Compare the proof with each authenticator that is tried; touches no store."""
        factor, binding, replayed = payment.factor, payment.binding, False
        for authenticator_id, credential in payment.tried:
            try:
                if factor is not None and binding is not None:
                    verified = factor.verify(credential, proof, binding=binding, at=at)
                    return Verdict(authenticator_id, verified)
            except CloneSuspected:
                return Verdict(authenticator_id, cloned=True)
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
        if authenticator_id is not None and verdict.cloned:
            self._note_clone(tx, challenge, authenticator_id, at=at)
        if verified is None or authenticator_id is None:
            self._count(tx, challenge, payment, replayed=verdict.replayed)
            return None
        if not settle_authenticator(tx, authenticator_id, verified, at=at):
            self._count(tx, challenge, payment, replayed=True)
            return None
        if others := [other for other in payment.charged if other != authenticator_id]:
            forgive(tx, others)
        if verified.spends is not None:
            entry = audit.about(
                challenge, Event.RECOVERY_USE, at, authenticator_id=authenticator_id
            )
            audit.record(tx, entry)
        return AcceptedProof(payment.method, authenticator_id, verified.evidence)

    def give_back(self, tx: Connection, payment: Payment) -> None:
        """Undo the payment of a proof that nobody judged in the end."""
        if payment.charged:
            forgive(tx, payment.charged)

    def _count(
        self, tx: Connection, challenge: Challenge, payment: Payment, *, replayed: bool
    ) -> None:
        if not payment.charged:
            return
        if replayed:
            forgive(tx, payment.charged)
        elif payment.exhausted:
            self._suspend(tx, challenge, payment.charged)

    @staticmethod
    def _note_clone(
        tx: Connection, challenge: Challenge, authenticator_id: str, *, at: int
    ) -> None:
        """Write down that two copies of one key are in use; the proof itself stays refused."""
        change_attributes(tx, authenticator_id, {"suspected_clone": True})
        event = Event.WEBAUTHN_CLONE_SUSPECTED
        audit.record(tx, audit.about(challenge, event, at, authenticator_id=authenticator_id))

    def _suspend(self, tx: Connection, challenge: Challenge, ids: list[str]) -> None:
        at, event = self._f.clock.now(), Event.AUTHENTICATOR_DISABLE
        for gone in suspend_exhausted(tx, ids, limit=self._f.limits.code_failures, at=at):
            audit.record(tx, audit.about(challenge, event, at, authenticator_id=gone))
