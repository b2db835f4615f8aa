"""The phone approves: what it signed is checked, paid for, compared and settled."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from mfa_service import jose
from mfa_service.domain.challenge import AcceptedProof, Challenge, Status
from mfa_service.domain.errors import ChallengeNotOpen, NotFound, ProofRejected
from mfa_service.domain.factor import Binding, Proof
from mfa_service.factors import phone as phone_factor
from mfa_service.persistence import queries
from mfa_service.persistence.consume import reserve_attempt

from .device_keys import PinCheck
from .devices import Device, DeviceService
from .foundation import Foundation
from .phone_challenges import PhoneChallengeService, nonce_for, not_open
from .phone_refusals import PhoneRefusals
from .prompts import Prompts
from .proofs import Payment, ProofService
from .settling import Settling

ANSWER_TYP = "stepup-response+jwt"
_PROOFS = ("totp", "recovery_code", "webauthn")
_DECISIONS = ("approve", "deny", "report_fraud")
_MAX_CODE = 64


@dataclass(frozen=True, slots=True)
class _Answer:
    """A well-formed answer of one phone whose signature holds."""

    device: Device
    challenge: Challenge
    claims: Mapping[str, object]
    proof: Proof | None
    at: int

    def __repr__(self) -> str:
        """Hide the claims."""
        return f"_Answer({self.challenge.id})"

    @property
    def parts(self) -> frozenset[str]:
        """What it consists of, in the words of `require`."""
        parts = {"code"} if isinstance(self.claims.get("code"), str) else set()
        parts |= {"pin"} if "pin_proof" in self.claims else set()
        return frozenset(parts | ({str(self.proof["method"])} if self.proof else set()))

    @property
    def binding(self) -> Binding:
        """What ties it to the challenge."""
        nonce = nonce_for(self.challenge, self.device.id)
        return Binding(self.challenge.id, nonce, self.challenge.asked.display_code)


@dataclass(frozen=True, slots=True)
class _Judged:
    """Where the first phase ended: refused, or settled, or a slow proof still to verify."""

    before: Challenge
    after: Challenge | None = None
    slow: Payment | None = None


class PhoneAnswerService:
    """The use case behind `POST /v1/device/challenges/{id}/answer`."""

    def __init__(
        self, foundation: Foundation, devices: DeviceService, challenges: PhoneChallengeService
    ) -> None:
        self._f = foundation
        self._devices = devices
        self._challenges = challenges
        self._refusals = PhoneRefusals(foundation, devices)
        self._prompts = Prompts(foundation)
        self._proofs = ProofService(foundation)
        self._settling = Settling(foundation)
        self._pin = PinCheck(foundation)

    def answer(self, device: Device, token: str) -> Status:
        """Judge an answer and return the status that it led to.

        Order: header, signature, claims, `require`; then one attempt is reserved for the whole
        answer; then display code, PIN, further proof. Deny and report are final and cost nothing.
        Raises `ProofRejected`, `ChallengeNotOpen` or `NotFound`.
        """
        try:
            answer = self._read(device, token)
        except (ProofRejected, ChallengeNotOpen, NotFound):
            self._devices.remember_refused(device)
            raise
        if answer.claims["decision"] == "approve":
            return self._approve(answer)
        fraud = answer.claims["decision"] == "report_fraud"
        return self._refusals.refuse(device, answer.challenge, fraud=fraud, at=answer.at)

    def _read(self, device: Device, token: str) -> _Answer:
        """Check what costs no attempt; raise what `answer` does."""
        at = self._f.clock.now()
        challenge = self._challenges.asked_of(device)
        try:
            claims = self._claims(device, challenge, token, at=at)
            answer = _Answer(device, challenge, claims, _proof_of(claims), at)
            if claims["decision"] == "approve":
                self._check_complete(answer)
        except jose.JoseError as exc:
            raise ProofRejected(attempts_left=challenge.attempts_left) from exc
        return answer

    def _claims(
        self, device: Device, challenge: Challenge, token: str, *, at: int
    ) -> Mapping[str, object]:
        """Return the claims of a signed answer to this challenge; raise `JoseError`."""
        jws = jose.parse(token, typ=ANSWER_TYP, members={"alg", "typ", "kid"})
        jose.verify_es256(jws, jose.p256_key(device.credential.secret["device_key"]))
        jose.check_times(jws.claims, at=at)
        expected = {
            "iss": device.id,
            "aud": self._f.issuer,
            "challenge_id": challenge.id,
            "nonce": nonce_for(challenge, device.id),
        }
        if jws.header["kid"] != device.id or any(
            jws.claims.get(name) != value for name, value in expected.items()
        ):
            raise jose.JoseError("claims")
        jws.text("jti")
        if jws.claims.get("decision") not in _DECISIONS:
            raise jose.JoseError("decision")
        return jws.claims

    def _check_complete(self, answer: _Answer) -> None:
        """Raise `JoseError` unless the action is signed and an alternative is complete."""
        if answer.claims.get("tx_hash") != answer.challenge.asked.tx_hash:
            raise jose.JoseError("tx_hash")
        alternatives = self._challenges.require(answer.challenge, answer.device)
        if not any(answer.parts >= set(parts) for parts in alternatives):
            raise jose.JoseError("incomplete")

    def _approve(self, answer: _Answer) -> Status:
        device = answer.device
        with self._f.work.transaction() as tx:
            self._devices.remember(tx, device)
            judged = self._judge(tx, answer)
        if judged is None:
            raise self._ended(answer)
        after = judged.after
        if judged.slow is not None:
            after = self._judge_slowly(answer, judged.before, judged.slow)
        self._f.tell(challenge_id=answer.challenge.id, user_id=device.user.id)
        if after is None:
            raise ProofRejected(attempts_left=judged.before.attempts_left)
        return after.status

    def _judge(self, tx: Connection, answer: _Answer) -> _Judged | None:
        """Reserve the attempt, then compare; `None` if the challenge ended meanwhile."""
        asked, box = answer.challenge, self._f.secret_box
        before = reserve_attempt(tx, asked.id, asked.client_id, box, at=answer.at)
        if before is None:
            return None
        if not self._typed_right(tx, answer):
            self._settling.reject(tx, before, "push", at=answer.at)
            return _Judged(before)
        if answer.proof is None:
            return _Judged(before, self._settle(tx, answer, before))
        binding = self._prompts.on_phone(before, answer.binding.nonce)
        payment = self._proofs.pay(tx, before, answer.proof, binding)
        if payment.slow:
            return _Judged(before, slow=payment)
        return _Judged(before, self._conclude(tx, answer, before, payment))

    def _typed_right(self, tx: Connection, answer: _Answer) -> bool:
        """Compare the display code, then the PIN: a wrong code is never counted as a wrong PIN."""
        try:
            phone_factor.check_display_code(answer.claims, answer.binding)
        except ProofRejected:
            return False
        if "pin_proof" not in answer.claims:
            return True
        message = phone_factor.pin_message(answer.claims, answer.binding)
        signature = answer.claims["pin_proof"]
        return self._pin.holds(tx, answer.device, signature, message, at=answer.at)

    def _judge_slowly(
        self, answer: _Answer, before: Challenge, payment: Payment
    ) -> Challenge | None:
        """Finish with a slow further proof, whose payment is committed already."""
        verdict = self._proofs.verify(payment, answer.proof or {}, at=answer.at)
        try:
            with self._f.work.transaction() as tx:
                self._settling.require_open(tx, before, at=answer.at)
                accepted = self._proofs.spend(tx, before, payment, verdict, at=answer.at)
                return self._settle_or_reject(tx, answer, before, accepted)
        except ChallengeNotOpen as exc:
            with self._f.work.transaction() as tx:
                self._proofs.give_back(tx, payment)
            raise self._ended(answer) from exc

    def _conclude(
        self, tx: Connection, answer: _Answer, before: Challenge, payment: Payment
    ) -> Challenge | None:
        verdict = self._proofs.verify(payment, answer.proof or {}, at=answer.at)
        accepted = self._proofs.spend(tx, before, payment, verdict, at=answer.at)
        return self._settle_or_reject(tx, answer, before, accepted)

    def _settle_or_reject(
        self,
        tx: Connection,
        answer: _Answer,
        before: Challenge,
        accepted: AcceptedProof | None,
    ) -> Challenge | None:
        if accepted is None:
            self._settling.reject(tx, before, "push", at=answer.at)
            return None
        return self._settle(tx, answer, before, accepted)

    def _settle(
        self,
        tx: Connection,
        answer: _Answer,
        before: Challenge,
        accepted: AcceptedProof | None = None,
    ) -> Challenge:
        device, pin = answer.device, "pin_proof" in answer.claims
        verified = self._f.factors["push"].potential(device.credential.secret, pin=pin)
        proofs = [AcceptedProof("push", device.id, verified)] + ([accepted] if accepted else [])
        self._devices.use(tx, device, at=answer.at)
        return self._settling.accept(tx, before, proofs, at=answer.at)

    def _ended(self, answer: _Answer) -> ChallengeNotOpen:
        with self._f.work.reading() as tx:
            now = queries.challenge(tx, answer.challenge.id, self._f.secret_box)
        return not_open(now or answer.challenge, answer.device)


def _proof_of(claims: Mapping[str, object]) -> Proof | None:
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
