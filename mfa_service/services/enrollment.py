"""Enrollments: begun by a client, claimed by a phone, confirmed in the browser."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row, insert, update

from mfa_service.domain.authenticator import Authenticator, State
from mfa_service.domain.errors import EnrollmentNotOpen, InvalidRequest, NotFound, ProofRejected
from mfa_service.domain.events import Event
from mfa_service.domain.factor import Begun, Credential, EnrollmentSubject, Factor
from mfa_service.domain.ids import new_authenticator_id, new_enrollment_id, new_user_id
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Subject
from mfa_service.persistence import audit, queries
from mfa_service.persistence.consume import insert_once, lock_user
from mfa_service.persistence.models import Authenticator as AuthenticatorRow
from mfa_service.persistence.models import Enrollment as EnrollmentRow
from mfa_service.persistence.models import User as UserRow

from .authenticators import revoke
from .binding import Authorization, BindingRule, Change
from .foundation import Foundation, credential_place, enrollment_place
from .tokens import Caller

PENDING, CLAIMED, ACTIVE, EXPIRED = "pending", "claimed", "active", "expired"
CODE_PURPOSE = "enrollment_code"


@dataclass(frozen=True, slots=True)
class EnrollmentRequest:
    """What the client asks; already of the right shape."""

    sub: str
    type: str
    label: str | None = None
    challenge_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Enrollment:
    """An enrollment as it stands; `shown` is there once, in the answer that opened it."""

    id: str
    type: str
    sub: str
    state: str
    created_at: int
    expires_at: int
    label: str | None
    authenticator: Authenticator | None = None
    shown: JsonObject = field(default_factory=dict, repr=False)


class EnrollmentService:
    """Use cases behind `/v1/enrollments`."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._binding = BindingRule(foundation)

    def start(self, caller: Caller, request: EnrollmentRequest) -> Enrollment:
        """Open an enrollment for 600 s; recovery codes are active at once.

        Raises `BindingRequiresStepUp` by the binding rule, `EnrollmentNotOpen` when the subject
        has as many authenticators as it may.
        """
        factor = self._factor(request.type)
        begun = factor.begin(EnrollmentSubject(self._f.issuer, request.sub), self._f.randomness)
        at, enrollment_id = self._f.clock.now(), new_enrollment_id(self._f.randomness)
        with self._f.work.transaction() as tx:
            subject = self._subject(tx, caller.client.realm, request.sub, at=at)
            if len(subject.authenticators) >= self._f.limits.authenticators:
                raise EnrollmentNotOpen("The subject has too many authenticators: remove one.")
            change = Change(
                caller,
                subject,
                request.type,
                request.challenge_id,
                request.reason,
                enrollment_id,
                at,
            )
            authorization = self._binding.authorize(tx, change)
            self._insert(tx, change, request, begun, authorization)
            if begun.complete:
                self._complete(tx, caller, subject, enrollment_id, factor, begun, at=at)
        if begun.complete:
            self._f.tell(user_id=subject.user.id)
        return replace(self.read(caller, enrollment_id), shown=begun.shown)

    def read(self, caller: Caller, enrollment_id: str) -> Enrollment:
        """Return an enrollment that this client opened; raise `NotFound`."""
        at = self._f.clock.now()
        with self._f.work.reading() as tx:
            row = queries.enrollment(tx, enrollment_id)
            if row is None or row.client_id != caller.client.id:
                raise NotFound
            subject = queries.subject_by_id(tx, row.user_id)
        if subject is None:
            raise NotFound
        listed = {a.id: a for a in subject.authenticators}
        return Enrollment(
            id=row.id,
            type=row.type,
            sub=subject.user.sub,
            state=state_at(row, at),
            created_at=row.created_at,
            expires_at=row.expires_at,
            label=row.label,
            authenticator=listed.get(row.authenticator_id) if row.state == ACTIVE else None,
        )

    def confirm(
        self, caller: Caller, enrollment_id: str, proof: Mapping[str, object]
    ) -> Enrollment:
        """Finish an enrollment with what only its holder knows; the fifth wrong try ends it.

        Raises `ProofRejected`, `EnrollmentNotOpen`, and `BindingRequiresStepUp` when the binding
        rule, judged once more under the user's row, no longer lets it become active.
        """
        at = self._f.clock.now()
        before = self.read(caller, enrollment_id)
        factor = self._factor(before.type)
        credential = None
        with self._f.work.transaction() as tx:
            row = self._pay(
                tx, enrollment_id, CLAIMED if before.type == "phone" else PENDING, at=at
            )
            if row is None:
                raise EnrollmentNotOpen
            try:
                credential = factor.finish(self._open(row), proof, at=at)
            except ProofRejected:
                self._count_failure(tx, row, at=at)
            if credential is not None:
                self._activate(tx, caller, row, factor, credential, at=at)
        if credential is None:
            raise ProofRejected
        self._f.tell(user_id=row.user_id)
        return self.read(caller, enrollment_id)

    def cancel(self, caller: Caller, enrollment_id: str) -> None:
        """End an enrollment that is not active yet, and revoke a phone that claimed it."""
        at = self._f.clock.now()
        if self.read(caller, enrollment_id).state == ACTIVE:
            raise EnrollmentNotOpen("The enrollment is finished.")
        with self._f.work.transaction() as tx:
            if end(tx, enrollment_id):
                self._audit(tx, Event.ENROLL_FAIL, caller, enrollment_id, at=at, result="cancelled")

    def _factor(self, kind: str) -> Factor:
        for factor in self._f.factors.values():
            if factor.type == kind:
                return factor
        raise InvalidRequest({"type": ["This type cannot be enrolled here."]})

    def _subject(self, tx: Connection, realm: str, sub: str, *, at: int) -> Subject:
        """Return the subject under its row's lock, made on first use."""
        subject = queries.subject_by_sub(tx, realm, sub)
        if subject is None:
            row = {"id": new_user_id(self._f.randomness), "realm": realm, "sub": sub}
            insert_once(tx, UserRow, row | {"created_at": at, "revision": 0})
            subject = queries.subject_by_sub(tx, realm, sub)
        if subject is None or lock_user(tx, subject.user.id) is None:
            raise EnrollmentNotOpen("The subject is being erased.")
        return queries.subject_by_id(tx, subject.user.id) or subject

    def _insert(
        self,
        tx: Connection,
        change: Change,
        request: EnrollmentRequest,
        begun: Begun,
        authorization: Authorization,
    ) -> None:
        code = begun.shown.get("code")
        hashed = self._f.keyed_hash.of(str(code), purpose=CODE_PURPOSE) if code else None
        row: JsonObject = {
            "id": change.used_for,
            "client_id": change.caller.client.id,
            "user_id": change.subject.user.id,
            "type": request.type,
            "label": request.label,
            "state": PENDING,
            "created_at": change.at,
            "expires_at": change.at + self._f.limits.enrollment_lifetime,
            "attempts_left": self._f.limits.enrollment_attempts,
            "code_hash": hashed,
            "claimed_by": None,
            "sealed": None if begun.complete else self._seal(change.used_for, begun.pending),
            "authenticator_id": None,
            "authorized_by": authorization.by,
            "authorized_level": authorization.level,
        }
        tx.execute(insert(EnrollmentRow), row)
        self._audit(tx, Event.ENROLL_START, change.caller, change.used_for, at=change.at)

    def _complete(
        self,
        tx: Connection,
        caller: Caller,
        subject: Subject,
        enrollment_id: str,
        factor: Factor,
        begun: Begun,
        *,
        at: int,
    ) -> None:
        """Put a set that needs no confirmation to work; the old set dies in this transaction."""
        for old in subject.authenticators:
            if old.type == factor.type:
                revoke(tx, old.id)
        row = queries.enrollment(tx, enrollment_id)
        if row is not None:
            credential = Credential(begun.pending)
            self._create(tx, row, factor, credential, uses=begun.uses, at=at)
            self._audit(tx, Event.RECOVERY_REGENERATE, caller, enrollment_id, at=at)

    def _pay(self, tx: Connection, enrollment_id: str, state: str, *, at: int) -> Row[Any] | None:
        """Take one try of an open enrollment before anything is compared."""
        table = EnrollmentRow
        statement = (
            update(table)
            .where(table.id == enrollment_id, table.state == state)
            .where(table.expires_at > at, table.attempts_left > 0)
            .values(attempts_left=table.attempts_left - 1)
            .returning(*table.__table__.columns)
        )
        return tx.execute(statement).one_or_none()

    def _count_failure(self, tx: Connection, row: Row[Any], *, at: int) -> None:
        if row.attempts_left == 0:
            end(tx, row.id)
        audit.record(
            tx,
            Event.ENROLL_FAIL,
            at=at,
            client_id=row.client_id,
            user_id=row.user_id,
            authenticator_id=row.authenticator_id,
        )

    def _activate(
        self,
        tx: Connection,
        caller: Caller,
        row: Row[Any],
        factor: Factor,
        credential: Credential,
        *,
        at: int,
    ) -> None:
        lock_user(tx, row.user_id)
        subject = queries.subject_by_id(tx, row.user_id)
        if subject is None:
            raise EnrollmentNotOpen
        authorization = Authorization(row.authorized_by, row.authorized_level)
        self._binding.still_holds(authorization, subject, row.type, at=at)
        if row.authenticator_id is None:
            self._create(tx, row, factor, credential, uses=None, at=at)
        else:
            table = AuthenticatorRow
            mine = (table.id == row.authenticator_id) & (table.state == State.PENDING)
            tx.execute(update(table).where(mine).values(state=State.ACTIVE))
            self._finish(tx, row.id, row.authenticator_id)
        self._audit(tx, Event.ENROLL_CONFIRM, caller, row.id, at=at, user_id=row.user_id)

    def _create(
        self,
        tx: Connection,
        row: Row[Any],
        factor: Factor,
        credential: Credential,
        *,
        uses: int | None,
        at: int,
    ) -> None:
        authenticator_id = new_authenticator_id(self._f.randomness)
        place = credential_place(authenticator_id, row.user_id)
        secret = json.dumps(credential.secret).encode()
        values: JsonObject = {
            "id": authenticator_id,
            "user_id": row.user_id,
            "type": row.type,
            "label": row.label or factor.default_label,
            "state": State.ACTIVE,
            "created_at": at,
            "attributes": "{}",
            "credential": self._f.secret_box.seal(secret, place=place),
            "failures": 0,
            "counter": credential.counter,
            "uses_left": uses,
        }
        tx.execute(insert(AuthenticatorRow), values)
        self._finish(tx, row.id, authenticator_id)

    @staticmethod
    def _finish(tx: Connection, enrollment_id: str, authenticator_id: str) -> None:
        values = {"state": ACTIVE, "sealed": None, "authenticator_id": authenticator_id}
        tx.execute(update(EnrollmentRow).where(EnrollmentRow.id == enrollment_id).values(values))

    def _seal(self, enrollment_id: str, pending: JsonObject) -> bytes:
        place = enrollment_place(enrollment_id)
        return self._f.secret_box.seal(json.dumps(pending).encode(), place=place)

    def _open(self, row: Row[Any]) -> JsonObject:
        opened = self._f.secret_box.open(row.sealed, place=enrollment_place(row.id))
        pending: JsonObject = json.loads(opened)
        return pending

    @staticmethod
    def _audit(
        tx: Connection,
        event: Event,
        caller: Caller,
        enrollment_id: str,
        *,
        at: int,
        result: str | None = None,
        user_id: str | None = None,
    ) -> None:
        audit.record(
            tx,
            event,
            at=at,
            client_id=caller.client.id,
            user_id=user_id,
            result=result or enrollment_id,
        )


def state_at(row: Row[Any], now: int) -> str:
    """Return the state of an enrollment's row: what is open after its time has expired."""
    expired = row.state in {PENDING, CLAIMED} and now >= row.expires_at
    return EXPIRED if expired else str(row.state)


def end(tx: Connection, enrollment_id: str) -> bool:
    """End an enrollment that is open and revoke the phone that claimed it; tell whether it was."""
    table = EnrollmentRow
    statement = (
        update(table)
        .where(table.id == enrollment_id, table.state.in_((PENDING, CLAIMED)))
        .values(state=EXPIRED, sealed=None)
        .returning(table.authenticator_id)
    )
    row = tx.execute(statement).one_or_none()
    if row is not None and row.authenticator_id is not None:
        revoke(tx, row.authenticator_id)
    return row is not None
