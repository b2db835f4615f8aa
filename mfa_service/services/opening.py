"""Opening a challenge: who may be asked, by which methods, and whether the level is in reach."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, insert

from mfa_service import canonical
from mfa_service.domain.authenticator import Authenticator
from mfa_service.domain.challenge import (
    PUSH,
    Asked,
    Challenge,
    Offer,
    Purpose,
    PushState,
    Status,
    proofs_to_json,
)
from mfa_service.domain.errors import AcrUnattainable, ChallengeNotOpen
from mfa_service.domain.events import Event
from mfa_service.domain.factor import Binding, Proof
from mfa_service.domain.ids import new_challenge_id
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Client, Subject
from mfa_service.jose import b64url
from mfa_service.persistence import audit, queries, states
from mfa_service.persistence.consume import lock_user
from mfa_service.persistence.models import Challenge as ChallengeRow
from mfa_service.persistence.prepared import Prepared
from mfa_service.persistence.rows import challenge_place

from .answers import AnswerService
from .foundation import Foundation
from .offers import Offers
from .proofs import Payment, ProofService, Verdict
from .push import Notice, PushGate, topics_for
from .reach import Reach
from .settling import Settling
from .tokens import KnownSubject

_INSERT = Prepared(insert(ChallengeRow))


@dataclass(frozen=True, slots=True)
class ChallengeRequest:
    """What the caller asks; already of the right shape."""

    sub: str
    acr_values: tuple[str, ...] = ()
    essential: bool = True
    prior_amr: tuple[str, ...] = ()
    prior_auth_time: int | None = None
    max_age: int = 3600
    methods: tuple[str, ...] = ()
    binding_message: str | None = None
    transaction: Mapping[str, object] | None = None
    purpose: Purpose = Purpose.LOGIN
    context: Mapping[str, str] | None = None
    expires_in: int = 120
    nonce: str | None = None
    return_uri: str | None = None
    state: str | None = None
    answer: Proof | None = field(default=None, repr=False)

    def password_counts(self, *, at: int) -> bool:
        """Tell whether the caller's password check is recent enough; never when `max_age` is 0."""
        fresh = self.prior_auth_time is not None and at - self.prior_auth_time <= self.max_age
        return "pwd" in self.prior_amr and fresh and self.max_age > 0


class OpeningService:
    """The use case behind `POST /v1/challenges`."""

    def __init__(self, foundation: Foundation, answers: AnswerService) -> None:
        self._f = foundation
        self._answers = answers
        self._proofs = ProofService(foundation)
        self._settling = Settling(foundation)
        self._reach = Reach(foundation)
        self._offers = Offers(foundation, self._reach)
        self._gate = PushGate(foundation)

    def open(
        self, client: Client, request: ChallengeRequest, known: KnownSubject | None = None
    ) -> Challenge:
        """Write the challenge and what wakes the phone, in one transaction.

        `known` is what was read of the subject already.

        Raises `AcrUnattainable` when nothing could satisfy the request: never a weaker answer.
        An answer that came along is judged before any push; a wrong one costs an attempt.
        """
        at = self._f.clock.now()
        if known is not None and known.sub == request.sub:
            subject = known.subject
        else:
            with self._f.work.reading() as tx:
                subject = queries.subject_by_sub(tx, client.realm, request.sub)
        challenge = self._draft(client, request, subject, at=at)
        if subject is None or not challenge.asked.offers:
            self._note_refusal(client, subject, at=at)
            raise self._unattainable(subject, request, at=at)
        if request.answer is not None:
            return self._answered(challenge, subject, request.answer, at=at)
        with self._f.work.transaction() as tx:
            challenge = self._announced(tx, challenge, subject)
            self._write(tx, challenge, audit.about(challenge, Event.CHALLENGE_CREATE, at))
        if challenge.asked.offered(PUSH):  # else no phone waits for it
            self._f.tell(user_id=challenge.user_id, topics=topics_for(challenge.push_state))
        return challenge

    def _answered(
        self, before: Challenge, subject: Subject, answer: Proof, *, at: int
    ) -> Challenge:
        """Verify and settle before the challenge is first written; its attempt is paid already.

        A slow proof commits challenge and payment first, and holds no lock while it is hashed.
        """
        after = before
        created = audit.about(before, Event.CHALLENGE_CREATE, at)
        with self._f.work.transaction() as tx:
            if self._pushable(before, subject):  # the user's row before any authenticator's
                lock_user(tx, before.user_id)
            payment = self._proofs.pay(tx, before, answer, Binding(before.id))
            if payment.slow:
                self._write(tx, before, created)
            else:
                verdict = self._proofs.verify(payment, answer, at=at)
                after = self._judged(tx, before, subject, payment, verdict)
        if payment.slow:
            after = self._judged_slowly(before, subject, payment, answer)
        if payment.slow or after.status is Status.PENDING:  # else nobody knew of it
            topics = topics_for(after.push_state)
            self._f.tell(challenge_id=after.id, user_id=after.user_id, topics=topics)
        return after

    def _judged(
        self,
        tx: Connection,
        before: Challenge,
        subject: Subject,
        payment: Payment,
        verdict: Verdict,
    ) -> Challenge:
        at = before.created_at
        accepted = self._proofs.spend(tx, before, payment, verdict, at=at)
        if accepted is not None:
            after = self._settling.outcome(tx, before, [accepted], at=at)
            entry = self._settling.accepted_entry(after, [accepted], at=at)
        else:
            after = self._settling.refused(before)
            entry = self._settling.rejected_entry(before, payment.method, at=at)
        if after.status is Status.PENDING:
            after = self._announced(tx, after, subject)
        self._write(tx, after, audit.about(before, Event.CHALLENGE_CREATE, at), entry)
        return after

    def _judged_slowly(
        self, before: Challenge, subject: Subject, payment: Payment, answer: Proof
    ) -> Challenge:
        at = before.created_at
        try:
            after = self._answers.judge_slowly(before, payment, answer, at=at)
        except ChallengeNotOpen:
            after = None
        if after is not None and after.status is not Status.PENDING:
            return after
        with self._f.work.transaction() as tx:
            current = queries.challenge(tx, before.id, self._f.secret_box) or before
            if current.status is Status.PENDING:
                current = self._announced(tx, current, subject)
                states.set_push_state(tx, current.id, current.push_state)
        return current

    def _draft(
        self, client: Client, request: ChallengeRequest, subject: Subject | None, *, at: int
    ) -> Challenge:
        offers = () if subject is None else self._offers.all(request.methods, subject)
        user_id = subject.user.id if subject else ""
        draft = Challenge(
            id=new_challenge_id(self._f.randomness, user_id, at=at),
            client_id=client.id,
            user_id=user_id,
            purpose=request.purpose,
            status=Status.PENDING,
            reason=None,
            created_at=at,
            expires_at=at + request.expires_in,
            ended_at=None,
            ended_by=None,
            attempts_left=self._f.limits.challenge_attempts - (request.answer is not None),
            push_state=PushState.NONE,
            proofs=(),
            auth_time=None,
            asked=self._asked(client, request, offers, at=at),
        )
        if subject is None:
            return draft
        kept = self._offers.kept(draft, subject, at=at)
        return draft if kept == offers else replace(draft, asked=replace(draft.asked, offers=kept))

    def _asked(
        self, client: Client, request: ChallengeRequest, offers: tuple[Offer, ...], *, at: int
    ) -> Asked:
        transaction = request.transaction
        form = None if transaction is None else canonical.canonical_json(transaction)
        return Asked(
            sub=request.sub,
            client_name=client.name,
            acr_values=request.acr_values,
            essential=request.essential,
            password_counted=request.password_counts(at=at),
            offers=offers,
            seed=b64url(self._f.randomness.bytes(32)),
            display_code=self._f.randomness.digits(6),
            binding_message=request.binding_message,
            transaction=transaction,
            tx_hash=None if form is None else canonical.tx_hash(form),
            context=request.context,
            nonce=request.nonce,
            return_uri=request.return_uri,
            state=request.state,
        )

    def _note_refusal(self, client: Client, subject: Subject | None, *, at: int) -> None:
        user_id = subject.user.id if subject else None
        entry = audit.Entry(Event.CHALLENGE_REFUSE, at, client_id=client.id, user_id=user_id)
        with self._f.work.transaction() as tx:
            audit.record(tx, entry)

    def _unattainable(
        self, subject: Subject | None, request: ChallengeRequest, *, at: int
    ) -> AcrUnattainable:
        password = request.password_counts(at=at)
        wanted = request.acr_values if request.essential else ()
        enroll = self._reach.helpful_types(subject, wanted, password=password)
        return AcrUnattainable(
            "The subject's authenticators cannot reach the requested level.", enroll=enroll
        )

    def _announced(self, tx: Connection, challenge: Challenge, subject: Subject) -> Challenge:
        phones = self._pushable(challenge, subject)
        if not phones:
            return challenge
        user = lock_user(tx, challenge.user_id) or subject.user
        notice = Notice(
            user, challenge.client_id, challenge.id, challenge.expires_at, challenge.created_at
        )
        return replace(challenge, push_state=self._gate.announce(tx, notice, phones))

    @staticmethod
    def _pushable(challenge: Challenge, subject: Subject) -> list[Authenticator]:
        chosen = {offer.authenticator_id for offer in challenge.asked.offered(PUSH)}
        mine = [a for a in subject.authenticators if a.id in chosen]
        return [phone for phone in mine if phone.push_provider not in {None, "none"}]

    def _write(self, tx: Connection, challenge: Challenge, *entries: audit.Entry) -> None:
        ended = challenge.status is not Status.PENDING
        row: JsonObject = {
            "id": challenge.id,
            "client_id": challenge.client_id,
            "user_id": challenge.user_id,
            "purpose": challenge.purpose,
            "status": challenge.status,
            "reason": challenge.reason,
            "created_at": challenge.created_at,
            "expires_at": challenge.expires_at,
            "ended_at": challenge.created_at if ended else None,
            "ended_by": challenge.ended_by,
            "attempts_left": challenge.attempts_left,
            "offers_push": 1 if challenge.asked.offered(PUSH) else 0,
            "push_state": challenge.push_state,
            "proofs": proofs_to_json(challenge.proofs),
            "auth_time": challenge.auth_time,
            "spent_for": None,
            "request": self._f.secret_box.seal(
                challenge.asked.to_json(), place=challenge_place(challenge.id)
            ),
        }
        _INSERT.rows(tx, row)
        audit.record(tx, *entries)
