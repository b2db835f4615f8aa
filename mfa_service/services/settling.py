"""What a judged answer does to its challenge."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from mfa_service.domain.challenge import AcceptedProof, Challenge, Reason, Status
from mfa_service.domain.errors import ChallengeNotOpen
from mfa_service.domain.events import Event
from mfa_service.observability import metrics
from mfa_service.persistence import audit, queries, states
from mfa_service.persistence.consume import end_challenge, settle_challenge

from .foundation import Foundation
from .reach import Reach

_TRIES = 3


class Settling:
    """Moves a challenge after a proof. The caller owns the transaction."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._reach = Reach(foundation)

    def accept(
        self, tx: Connection, before: Challenge, proofs: Sequence[AcceptedProof], *, at: int
    ) -> Challenge:
        """Record accepted proofs and return the challenge after them.

        Raises `ChallengeNotOpen`, so that everything rolls back and nothing is spent, when
        another answer ended the challenge first.
        """
        for _ in range(_TRIES):
            after = self.outcome(tx, before, proofs, at=at)
            attempts_left = settle_challenge(tx, before, after, at=at)
            if attempts_left is not None:
                audit.record(tx, self.accepted_entry(after, proofs, at=at))
                return replace(after, attempts_left=attempts_left)
            fresh = queries.challenge(tx, before.id, self._f.secret_box)
            if fresh is None or fresh.at(at).status is not Status.PENDING:
                break
            before = fresh
        raise ChallengeNotOpen

    @staticmethod
    def require_open(tx: Connection, before: Challenge, *, at: int) -> None:
        """Raise `ChallengeNotOpen` if it ended while a slow proof was hashed: nothing is spent."""
        if not states.hold_open(tx, before.id, at=at):
            raise ChallengeNotOpen

    def reject(self, tx: Connection, before: Challenge, method: str, *, at: int) -> None:
        """Record a refused answer; the last permitted one ends the challenge."""
        audit.record(tx, self.rejected_entry(before, method, at=at))
        after = self.refused(before)
        if after.status is Status.FAILED:
            end_challenge(tx, after.id, after.status, reason=after.reason, at=at)

    @staticmethod
    def refused(before: Challenge) -> Challenge:
        """Return the challenge after a refused answer; writes nothing."""
        if before.attempts_left > 0:
            return before
        metrics.count_end(Status.FAILED)
        return replace(before, status=Status.FAILED, reason=Reason.ATTEMPTS_EXHAUSTED)

    @staticmethod
    def rejected_entry(before: Challenge, method: str, *, at: int) -> audit.Entry:
        """Count a refused proof and return what the audit says of it."""
        metrics.count_proof(method, "rejected")
        event = Event.CHALLENGE_PROOF
        return audit.about(before, event, at, result="rejected", reason=method)

    def outcome(
        self, tx: Connection, before: Challenge, proofs: Sequence[AcceptedProof], *, at: int
    ) -> Challenge:
        """Return the challenge as it is once these proofs are accepted; writes nothing."""
        every = (*before.proofs, *proofs)
        verified = [name for proof in every for name in proof.verified]
        suffices = self._reach.suffices(verified, before)
        after = replace(
            before,
            status=Status.SATISFIED if suffices else before.status,
            proofs=every,
            auth_time=at,
            ended_by=proofs[0].authenticator_id,
            attempts_left=before.attempts_left + 1,
        )
        if suffices:
            return after
        if self._still_reachable(tx, after):
            return replace(after, ended_by=None)
        return replace(after, status=Status.FAILED, reason=Reason.UNMET)

    def _still_reachable(self, tx: Connection, challenge: Challenge) -> bool:
        """Tell whether an offered method that was not used yet can still reach the level."""
        subject = queries.subject_by_id(tx, challenge.user_id)
        if subject is None:
            return False
        unused = {
            offer.authenticator_id
            for offer in challenge.asked.offers
            if not challenge.used(offer.method, offer.authenticator_id)
        }
        rest = self._reach.of(a for a in subject.authenticators if a.id in unused)
        return bool(rest) and self._reach.suffices((*challenge.verified, *rest), challenge)

    @staticmethod
    def accepted_entry(
        after: Challenge, proofs: Sequence[AcceptedProof], *, at: int
    ) -> audit.Entry:
        """Count accepted proofs and return what the audit says of them."""
        methods = "+".join(proof.method for proof in proofs)
        metrics.count_proof(methods, "accepted")
        pending = after.status is Status.PENDING
        if not pending:
            metrics.count_end(after.status)
        return audit.about(
            after,
            Event.CHALLENGE_PROOF,
            at,
            result="accepted" if pending else after.status,
            reason=methods,
            authenticator_id=proofs[0].authenticator_id,
        )
