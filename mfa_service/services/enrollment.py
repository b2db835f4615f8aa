"""Enrollments: begun by a client, claimed by a phone, confirmed in the browser."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, insert

from mfa_service.domain.errors import EnrollmentNotOpen, InvalidRequest, NotFound
from mfa_service.domain.events import Event
from mfa_service.domain.factor import Begun, Credential, EnrollmentSubject, Factor
from mfa_service.domain.ids import new_enrollment_id, new_user_id
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Subject
from mfa_service.persistence import audit, queries, states
from mfa_service.persistence.consume import insert_once, lock_user
from mfa_service.persistence.models import Enrollment as EnrollmentRow
from mfa_service.persistence.models import User as UserRow

from .binding import Authorization, BindingRule, Change
from .confirming import Confirming
from .enrollment_rows import CODE_PURPOSE, Enrollment, check_room, state_at
from .foundation import Foundation, enrollment_place
from .tokens import Caller


@dataclass(frozen=True, slots=True)
class EnrollmentRequest:
    """What the client asks; already of the right shape."""

    sub: str
    type: str
    label: str | None = None
    challenge_id: str | None = None
    reason: str | None = None


class EnrollmentService:
    """Use cases behind `/v1/enrollments`."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._binding = BindingRule(foundation)
        self._confirming = Confirming(foundation)

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
            replaced = request.type if begun.complete else None
            check_room(subject, self._f.limits.authenticators, replaced=replaced)
            change = Change(
                caller,
                subject,
                request.type,
                request.challenge_id,
        if not caller.may_touch(caller.client.realm, request.sub):
            raise NotFound
                request.reason,
                enrollment_id,
                at,
            )
            authorization = self._binding.authorize(tx, change)
            self._insert(tx, change, request, begun, authorization)
            if begun.complete:
                self._complete(tx, change, factor, begun)
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
        if subject is None or not caller.may_touch(subject.user.realm, subject.user.sub):
            raise NotFound
        listed = {a.id: a for a in subject.authenticators}
        return Enrollment(
            id=row.id,
            user_id=row.user_id,
            type=row.type,
            sub=subject.user.sub,
            state=state_at(row, at),
            created_at=row.created_at,
            expires_at=row.expires_at,
            label=row.label,
            authenticator=listed.get(row.authenticator_id) if row.state == states.ACTIVE else None,
        )

    def confirm(
        self, caller: Caller, enrollment_id: str, proof: Mapping[str, object]
    ) -> Enrollment:
        """Finish an enrollment that this client opened; raises as `Confirming.confirm` does."""
        before = self.read(caller, enrollment_id)
        factor = self._factor(before.type)
        self._confirming.confirm(before, factor, proof, at=self._f.clock.now())
        return self.read(caller, enrollment_id)

    def cancel(self, caller: Caller, enrollment_id: str) -> None:
        """End an enrollment that is not active yet, and revoke a phone that claimed it."""
        at = self._f.clock.now()
        self.read(caller, enrollment_id)
        with self._f.work.transaction() as tx:
            ended = states.end_enrollment(tx, enrollment_id)
            if ended:
                client_id = caller.client.id
                entry = audit.Entry(Event.ENROLL_FAIL, at, client_id=client_id, reason="cancelled")
                audit.record(tx, entry)
        if not ended and self.read(caller, enrollment_id).state == states.ACTIVE:
            raise EnrollmentNotOpen("The enrollment is finished.")

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
            "state": states.PENDING,
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
        audit.record(tx, _entry(change, Event.ENROLL_START))

    def _complete(self, tx: Connection, change: Change, factor: Factor, begun: Begun) -> None:
        """Put a set that needs no confirmation to work; the old set dies in this transaction."""
        for old in change.subject.authenticators:
            if old.type == factor.type:
                states.revoke(tx, old.id)
        row = queries.enrollment(tx, change.used_for)
        if row is not None:
            credential = Credential(begun.pending, uses=begun.uses)
            self._confirming.create(tx, row, factor, credential, at=change.at)
            audit.record(tx, _entry(change, Event.RECOVERY_REGENERATE))

    def _seal(self, enrollment_id: str, pending: JsonObject) -> bytes:
        place = enrollment_place(enrollment_id)
        return self._f.secret_box.seal(json.dumps(pending).encode(), place=place)


def _entry(change: Change, event: Event) -> audit.Entry:
    return audit.Entry(
        event,
        change.at,
        client_id=change.caller.client.id,
        user_id=change.subject.user.id,
        result=change.used_for,
    )
