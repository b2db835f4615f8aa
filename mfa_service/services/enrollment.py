"""Enrollments: begun by a client, claimed by a phone, confirmed in the browser."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, insert

from mfa_service.domain.attestation import Model
from mfa_service.domain.challenge import WEBAUTHN
from mfa_service.domain.errors import EnrollmentNotOpen, InvalidRequest, NotFound
from mfa_service.domain.events import Event
from mfa_service.domain.factor import (
    Begun,
    Credential,
    EnrollmentSubject,
    Factor,
    Place,
    Registration,
)
from mfa_service.domain.ids import new_enrollment_id
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Subject
from mfa_service.persistence import audit, queries, states
from mfa_service.persistence.consume import lock_user
from mfa_service.persistence.models import Enrollment as EnrollmentRow

from . import subjects
from .binding import Authorization, BindingRule, Change
from .confirming import Confirming
from .enrollment_rows import CODE_PURPOSE, Enrollment, check_room, state_at
from .foundation import Foundation, enrollment_place, user_handle
from .tokens import Caller
from .waiting import Watched, mark_of_enrollment, wait_for_change

_ERASED = "The subject is being erased."


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

    def __init__(self, foundation: Foundation, models: Callable[[], Mapping[str, Model]]) -> None:
        self._f = foundation
        self._models = models
        self._binding = BindingRule(foundation)
        self._confirming = Confirming(foundation)

    def start(self, caller: Caller, request: EnrollmentRequest) -> Enrollment:
        """Open an enrollment for 600 s; recovery codes are active at once.

        Raises `BindingRequiresStepUp` by the binding rule, `EnrollmentNotOpen` when the subject
        has as many authenticators as it may.
        """
        if not caller.may_touch(caller.client.realm, request.sub):
            raise NotFound
        factor = self._factor(request.type)
        subject = subjects.known(self._f, caller.client.realm, request.sub)
        if subject is None:
            raise EnrollmentNotOpen(_ERASED)
        begun = factor.begin(self._named(subject, factor), self._f.randomness)
        at = self._f.clock.now()
        enrollment_id = new_enrollment_id(self._f.randomness, subject.user.id)
        with self._f.work.transaction() as tx:
            subject = self._locked(tx, subject.user.id)
            replaced = request.type if begun.complete else None
            check_room(subject, self._f.limits.authenticators, replaced=replaced)
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
                self._complete(tx, change, factor, begun)
        if begun.complete:
            self._f.tell(user_id=subject.user.id)
        return replace(self.read(caller, enrollment_id), shown=begun.shown)

    def read(
        self, caller: Caller, enrollment_id: str, *, known: str | None = None, wait: int = 0
    ) -> Enrollment:
        """Return an enrollment that this client opened; raise `NotFound`.

        With `wait` (seconds) once it is final or its revision is no more `known`.
        """
        watched = Watched(
            topic=f"enrollment:{enrollment_id}",
            read=lambda: self._read(caller, enrollment_id),
            state=lambda e: e.revision,
            mark=mark_of_enrollment,
            final=lambda e: e.is_over or known not in {None, e.revision},
            until=lambda e: e.expires_at,
        )
        return wait_for_change(self._f, watched, seconds=wait)

    def _read(self, caller: Caller, enrollment_id: str) -> Enrollment:
        at = self._f.clock.now()
        with self._f.work.reading() as tx:
            row = queries.enrollment(tx, enrollment_id)
            if row is None or row.client_id != caller.client.id:
                raise NotFound
            subject = queries.subject_by_id(tx, row.user_id)
            claimed = row.authenticator_id if row.state == states.CLAIMED else None
            claimant = queries.authenticator(tx, claimed) if claimed else None
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
            claimant=claimant[1] if claimant else None,
            attempts_left=row.attempts_left,
        )

    def confirm(
        self, caller: Caller, enrollment_id: str, proof: Mapping[str, object], *, place: Place
    ) -> Enrollment:
        """Finish an enrollment that this client opened, from `place`.

        Raises as `Confirming.confirm` does.
        """
        before, at = self.read(caller, enrollment_id), self._f.clock.now()
        factor, policy = self._factor(before.type), self._f.attestation
        models = self._models() if factor.method == WEBAUTHN else {}
        registration = Registration(self._f.rp_id, place.origins, policy, models)
        self._confirming.confirm(before, factor, proof, registration, at=at)
        return self.read(caller, enrollment_id)

    def cancel(self, caller: Caller, enrollment_id: str) -> None:
        """End an enrollment that is not active yet, and revoke a phone that claimed it."""
        at = self._f.clock.now()
        found = self.read(caller, enrollment_id)
        entry = audit.Entry(
            Event.ENROLL_FAIL,
            at,
            client_id=caller.client.id,
            user_id=found.user_id,
            result=enrollment_id,
            reason="cancelled",
        )
        with self._f.work.transaction() as tx:
            ended = states.end_enrollment(tx, enrollment_id)
            if ended:
                audit.record(tx, entry)
        self._f.tell(enrollment_id=enrollment_id)
        if not ended and self.read(caller, enrollment_id).state == states.ACTIVE:
            raise EnrollmentNotOpen("The enrollment is finished.")

    def _factor(self, kind: str) -> Factor:
        for factor in self._f.factors.values():
            if factor.type == kind:
                return factor
        raise InvalidRequest({"type": ["This type cannot be enrolled here."]})

    @staticmethod
    def _locked(tx: Connection, user_id: str) -> Subject:
        """Return the subject as it is now, under its row's lock."""
        subject = queries.subject_by_id(tx, user_id) if lock_user(tx, user_id) else None
        if subject is None:
            raise EnrollmentNotOpen(_ERASED)
        return subject

    def _named(self, subject: Subject, factor: Factor) -> EnrollmentSubject:
        """Return what an authenticator may be told of the subject and of us."""
        named = EnrollmentSubject(self._f.issuer, subject.user.sub)
        if factor.method != WEBAUTHN:
            return named
        passkeys = [a for a in subject.authenticators if a.type == factor.type]
        return replace(
            named,
            rp_id=self._f.rp_id,
            rp_name=self._f.service_name,
            user_handle=user_handle(subject.user.id),
            registered=tuple(self._f.credential_of(passkey) for passkey in passkeys),
            attested=bool(self._f.attestation.roots or self._models()),
        )

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
