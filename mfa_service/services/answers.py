"""Answering a challenge through the client: pay for the attempt, verify, settle."""

from sqlalchemy import Connection

from mfa_service.domain.challenge import Challenge
from mfa_service.domain.errors import ChallengeNotOpen, MfaError, NotFound, ProofRejected
from mfa_service.domain.factor import Place, Proof
from mfa_service.domain.subject import Client
from mfa_service.persistence import queries
from mfa_service.persistence.consume import reserve_attempt

from .foundation import Foundation
from .prompts import Prompts
from .proofs import Payment, ProofService, Verdict
from .settling import Settling


class AnswerService:
    """The use case behind `POST /v1/challenges/{id}/answers`, and behind the hosted page."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._prompts = Prompts(foundation)
        self._proofs = ProofService(foundation)
        self._settling = Settling(foundation)

    def answer(self, client: Client, challenge_id: str, proof: Proof, *, place: Place) -> Challenge:
        """Judge one proof, given at `place`, and return the challenge after it.

        An attempt is taken before anything is compared, and the options of a passkey are used
        up, whatever comes of it. A fast proof is paid, verified and
        settled in one transaction; a slow one commits the payment first, so that neither a crash
        nor a flood buys a free try and no lock is held while it is hashed. Raises
        `ProofRejected`, `ChallengeNotOpen` or `NotFound`.
        """
        at = self._f.clock.now()
        after: Challenge | None = None
        with self._f.work.transaction() as tx:
            before = reserve_attempt(tx, challenge_id, client.id, self._f.secret_box, at=at)
            payment = self._pay(tx, before, proof, place, at=at) if before else None
            if before and payment and not payment.slow:
                verdict = self._proofs.verify(payment, proof, at=at)
                after = self._conclude(tx, before, payment, verdict, at=at)
        if before is None or payment is None:
            raise self._refusal(client, challenge_id)
        if payment.slow:
            after = self.judge_slowly(before, payment, proof, at=at)
        self._f.tell(challenge_id=challenge_id, user_id=before.user_id)
        if after is None:
            raise ProofRejected(attempts_left=before.attempts_left)
        return after

    def _pay(
        self, tx: Connection, before: Challenge, proof: Proof, place: Place, *, at: int
    ) -> Payment:
        binding = self._prompts.claimed(tx, before, proof, place, at=at)
        return self._proofs.pay(tx, before, proof, binding)

    def judge_slowly(
        self, before: Challenge, payment: Payment, proof: Proof, *, at: int
    ) -> Challenge | None:
        """Verify and settle a proof whose payment is committed; `None` if it was refused."""
        verdict = self._proofs.verify(payment, proof, at=at)
        try:
            with self._f.work.transaction() as tx:
                self._settling.require_open(tx, before, at=at)
                return self._conclude(tx, before, payment, verdict, at=at)
        except ChallengeNotOpen:
            with self._f.work.transaction() as tx:
                self._proofs.give_back(tx, payment)
            raise

    def _conclude(
        self,
        tx: Connection,
        before: Challenge,
        payment: Payment,
        verdict: Verdict,
        *,
        at: int,
    ) -> Challenge | None:
        accepted = self._proofs.spend(tx, before, payment, verdict, at=at)
        if accepted is None:
            self._settling.reject(tx, before, payment.method, at=at)
            return None
        return self._settling.accept(tx, before, [accepted], at=at)

    def _refusal(self, client: Client, challenge_id: str) -> MfaError:
        at = self._f.clock.now()
        with self._f.work.reading() as tx:
            found = queries.challenge(tx, challenge_id, self._f.secret_box)
        if found is None or not found.readable_by(client.id, at, self._f.limits.readable_after_end):
            return NotFound()
        return ChallengeNotOpen()
