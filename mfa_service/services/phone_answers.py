"""The phone's answer: approve, deny, report fraud."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, update

from mfa_service import jose
from mfa_service.domain.challenge import AcceptedProof, Challenge, Reason, Status
from mfa_service.domain.errors import ChallengeNotOpen, ProofRejected
from mfa_service.domain.events import Event
from mfa_service.domain.factor import Binding
from mfa_service.factors import phone as phone_factor
from mfa_service.observability import metrics
from mfa_service.persistence import audit, queries
from mfa_service.persistence.consume import end_challenge, lock_user, reserve_attempt
from mfa_service.persistence.models import Challenge as ChallengeRow
from mfa_service.persistence.models import User as UserRow

from .device_keys import PinCheck
from .devices import Device, DeviceService
from .foundation import Foundation
from .phone_challenges import PhoneChallengeService, nonce_for, not_open
from .proofs import Payment, ProofService
from .settling import Settling

ANSWER_TYP = "stepup-response+jwt"
_PROOFS = ("totp", "recovery_code", "webauthn")
_MAX_CODE = 64


@dataclass(frozen=True, slots=True)
class _Answer:
    """The claims of a well-formed answer whose signature holds."""

    claims: Mapping[str, object]
    proof: Mapping[str, object] | None

    def parts(self) -> frozenset[str]:
        """What the answer consists of, in the words of `require`."""
        parts = {"code"} if isinstance(self.claims.get("code"), str) else set()
        parts |= {"pin"} if "pin_proof" in self.claims else set()
        return frozenset(parts | ({str(self.proof["method"])} if self.proof else set()))


@dataclass(frozen=True, slots=True)
class _Judged:
    """Where the first phase ended: refused, or settled, or a slow proof still to verify."""

    before: Challenge
    after: Challenge | None = None
    payment: Payment | None = None


class PhoneAnswerService:
    """The use case behind `POST /v1/device/challenges/{id}/answer`."""

    def __init__(
        self, foundation: Foundation, devices: DeviceService, challenges: PhoneChallengeService
    ) -> None:
        self._f = foundation
        self._devices = devices
        self._challenges = challenges
        self._proofs = ProofService(foundation)
        self._settling = Settling(foundation)
        self._pin = PinCheck(foundation)

    def answer(self, device: Device, challenge_id: str, token: str) -> Status:
        """Judge an answer and return the status that it led to.

        Order: header, signature, claims, `require`; then one attempt is reserved for the whole
        answer; then display code, PIN, further proof. Deny and report are final and cost nothing.
        Raises `ProofRejected`, `ChallengeNotOpen` or `NotFound`.
        """
        at = self._f.clock.now()
        challenge = self._challenges.asked_of(device, challenge_id)
        answer = self._read(device, challenge, token, at=at)
        if answer.claims["decision"] == "approve":
            return self._approve(device, challenge, answer, at=at)
        return self._refuse(device, challenge, str(answer.claims["decision"]), at=at)

    def _read(self, device: Device, challenge: Challenge, token: str, *, at: int) -> _Answer:
        """Check everything that costs no attempt."""
        try:
            jws = jose.parse(token, typ=ANSWER_TYP, members={"alg", "typ", "kid"})
            if jws.header["kid"] != device.id:
                raise jose.JoseError("kid")
            jose.verify_es256(jws, jose.p256_key(device.credential.secret["device_key"]))
            jose.check_times(jws.claims, at=at)
            self._check_claims(device, challenge, jws)
            answer = _Answer(jws.claims, _proof_of(jws.claims))
        except jose.JoseError as exc:
            raise ProofRejected(attempts_left=challenge.attempts_left) from exc
        if jws.claims["decision"] == "approve" and not self._complete(device, challenge, answer):
            raise ProofRejected(attempts_left=challenge.attempts_left)
        return answer

    def _check_claims(self, device: Device, challenge: Challenge, jws: jose.Jws) -> None:
        expected = {
            "iss": device.id,
            "aud": self._f.issuer,
            "challenge_id": challenge.id,
            "nonce": nonce_for(challenge, device.id),
        }
        if any(jws.claims.get(name) != value for name, value in expected.items()):
            raise jose.JoseError("claims")
        jws.text("jti")
        decision = jws.claims.get("decision")
        if decision not in ("approve", "deny", "report_fraud"):
            raise jose.JoseError("decision")
        if decision == "approve" and jws.claims.get("tx_hash") != challenge.asked.tx_hash:
            raise jose.JoseError("tx_hash")

    def _complete(self, device: Device, challenge: Challenge, answer: _Answer) -> bool:
        given = answer.parts()
        return any(given >= set(parts) for parts in self._challenges.require(challenge, device))

    def _approve(self, device: Device, challenge: Challenge, answer: _Answer, *, at: int) -> Status:
        with self._f.work.transaction() as tx:
            self._devices.remember(tx, device, at=at)
            judged = self._judge(tx, device, challenge, answer, at=at)
        if judged is None:
            raise self._ended(device, challenge)
        after = judged.after
        if judged.payment is not None:
            after = self._judge_slowly(device, judged, answer, at=at)
        self._f.tell(challenge_id=challenge.id, user_id=device.user.id)
        if after is None:
            raise ProofRejected(attempts_left=judged.before.attempts_left)
        return after.status

    def _judge(
        self, tx: Connection, device: Device, challenge: Challenge, answer: _Answer, *, at: int
    ) -> _Judged | None:
        """Reserve the attempt, then compare; `None` if the challenge ended meanwhile."""
        box = self._f.secret_box
        before = reserve_attempt(tx, challenge.id, challenge.client_id, box, at=at)
        if before is None:
            return None
        typed = self._typed_right(tx, device, before, answer, at=at)
        if typed and answer.proof is None:
            return _Judged(before, self._settle(tx, device, before, answer, None, at=at))
        if typed and answer.proof is not None:
            payment = self._proofs.pay(tx, before, answer.proof)
            if payment.slow:
                return _Judged(before, payment=payment)
            return _Judged(before, self._conclude(tx, device, before, answer, payment, at=at))
        self._settling.reject(tx, before, "push", at=at)
        return _Judged(before)

    def _typed_right(
        self, tx: Connection, device: Device, before: Challenge, answer: _Answer, *, at: int
    ) -> bool:
        binding = Binding(before.id, nonce_for(before, device.id), before.asked.display_code)
        try:
            phone_factor.check_display_code(answer.claims, binding)
        except ProofRejected:
            return False
        if "pin_proof" not in answer.claims:
            return True
        message = phone_factor.pin_message(answer.claims, binding)
        return self._pin.holds(tx, device, answer.claims["pin_proof"], message, at=at)

    def _judge_slowly(
        self, device: Device, judged: _Judged, answer: _Answer, *, at: int
    ) -> Challenge | None:
        """Finish with a slow further proof, whose payment is committed already."""
        before, payment = judged.before, judged.payment
        if payment is None or answer.proof is None:
            return None
        verdict = self._proofs.verify(payment, answer.proof, at=at)
        try:
            with self._f.work.transaction() as tx:
                accepted = self._proofs.spend(tx, before, payment, verdict, at=at)
                return self._settle_or_reject(tx, device, before, answer, accepted, at=at)
        except ChallengeNotOpen as exc:
            with self._f.work.transaction() as tx:
                self._proofs.give_back(tx, payment)
            raise self._ended(device, before) from exc

    def _conclude(
        self,
        tx: Connection,
        device: Device,
        before: Challenge,
        answer: _Answer,
        payment: Payment,
        *,
        at: int,
    ) -> Challenge | None:
        verdict = self._proofs.verify(payment, answer.proof or {}, at=at)
        accepted = self._proofs.spend(tx, before, payment, verdict, at=at)
        return self._settle_or_reject(tx, device, before, answer, accepted, at=at)

    def _settle_or_reject(
        self,
        tx: Connection,
        device: Device,
        before: Challenge,
        answer: _Answer,
        accepted: AcceptedProof | None,
        *,
        at: int,
    ) -> Challenge | None:
        if accepted is None:
            self._settling.reject(tx, before, "push", at=at)
            return None
        return self._settle(tx, device, before, answer, accepted, at=at)

    def _settle(
        self,
        tx: Connection,
        device: Device,
        before: Challenge,
        answer: _Answer,
        accepted: AcceptedProof | None,
        *,
        at: int,
    ) -> Challenge:
        pin = "pin_proof" in answer.claims
        verified = self._f.factors["push"].potential(device.credential.secret, pin=pin)
        proofs = [AcceptedProof("push", device.id, verified)] + ([accepted] if accepted else [])
        self._devices.use(tx, device, at=at)
        return self._settling.accept(tx, before, proofs, at=at)

    def _refuse(self, device: Device, challenge: Challenge, decision: str, *, at: int) -> Status:
        fraud = decision == "report_fraud"
        reason = Reason.FRAUD_REPORTED if fraud else Reason.USER_DENIED
        with self._f.work.transaction() as tx:
            self._devices.remember(tx, device, at=at)
            if fraud:
                lock_user(tx, device.user.id)
            done = end_challenge(
                tx, challenge.id, Status.DENIED, reason=reason, by=device.id, at=at
            )
            ended = self._report(tx, device, at=at) if done and fraud else []
            if done:
                event = Event.CHALLENGE_REPORT if fraud else Event.CHALLENGE_DENY
                self._audit(tx, event, device, challenge, at=at)
        if not done:
            raise self._ended(device, challenge)
        metrics.CHALLENGES.labels(Status.DENIED).inc(1 + len(ended))
        for challenge_id in (challenge.id, *ended):
            self._f.tell(challenge_id=challenge_id, user_id=device.user.id)
        return Status.DENIED

    def _report(self, tx: Connection, device: Device, *, at: int) -> list[str]:
        """Hold back pushes and changes for 30 min, and end what else asks this user's phones."""
        tx.execute(update(UserRow).where(UserRow.id == device.user.id).values(fraud_reported_at=at))
        statement = (
            update(ChallengeRow)
            .where(ChallengeRow.user_id == device.user.id, ChallengeRow.offers_push == 1)
            .where(ChallengeRow.status == Status.PENDING, ChallengeRow.expires_at > at)
            .values(
                status=Status.DENIED,
                reason=Reason.FRAUD_REPORTED,
                ended_at=at,
                ended_by=device.id,
            )
            .returning(ChallengeRow.id)
        )
        return list(tx.scalars(statement))

    def _ended(self, device: Device, challenge: Challenge) -> ChallengeNotOpen:
        with self._f.work.reading() as tx:
            now = queries.challenge(tx, challenge.id, self._f.secret_box) or challenge
        return not_open(now, device)

    @staticmethod
    def _audit(
        tx: Connection, event: Event, device: Device, challenge: Challenge, *, at: int
    ) -> None:
        audit.record(
            tx,
            event,
            at=at,
            client_id=challenge.client_id,
            user_id=device.user.id,
            authenticator_id=device.id,
            challenge_id=challenge.id,
        )


def _proof_of(claims: Mapping[str, object]) -> Mapping[str, object] | None:
    """Return the further proof, of a known shape; raise `JoseError` for any other."""
    proof = claims.get("proof")
    if proof is None:
        return None
    if not isinstance(proof, dict) or proof.get("method") not in _PROOFS:
        raise jose.JoseError("proof")
    code, wanted = proof.get("code"), proof.get("authenticator_id")
    if proof["method"] == "webauthn":
        if not isinstance(proof.get("credential"), dict):
            raise jose.JoseError("proof")
    elif not isinstance(code, str) or len(code) > _MAX_CODE or not isinstance(wanted, str | None):
        raise jose.JoseError("proof")
    return proof
