"""An enrollment becomes an authenticator: proven once, and judged once more by the binding rule."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert

from mfa_service.domain.authenticator import State
from mfa_service.domain.errors import EnrollmentNotOpen, ProofRejected
from mfa_service.domain.events import Event
from mfa_service.domain.factor import Credential, Factor, Registration
from mfa_service.domain.ids import new_authenticator_id
from mfa_service.domain.ports import JsonObject
from mfa_service.persistence import audit, queries, states
from mfa_service.persistence.consume import insert_once, lock_user
from mfa_service.persistence.models import Authenticator as AuthenticatorRow
from mfa_service.persistence.models import DeviceKey

from .binding import Authorization, BindingRule
from .enrollment_rows import Enrollment, check_room
from .foundation import Foundation, enrollment_place


class Confirming:
    """Turns what was begun into what is listed. The public face is `EnrollmentService`."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._binding = BindingRule(foundation)

    def confirm(
        self,
        opened: Enrollment,
        factor: Factor,
        proof: Mapping[str, object],
        registration: Registration,
        *,
        at: int,
    ) -> None:
        """Finish an enrollment with what only its holder knows; the fifth wrong try ends it.

        Raises `ProofRejected`, `EnrollmentNotOpen`, and `BindingRequiresStepUp` when the binding
        rule, judged once more under the user's row, no longer lets it become active.
        """
        refused = False
        state = states.CLAIMED if factor.type == "phone" else states.PENDING
        with self._f.work.transaction() as tx:
            lock_user(tx, opened.user_id)
            row = states.pay_enrollment(tx, opened.id, state, at=at)
            if row is None:
                raise EnrollmentNotOpen
            try:
                credential = factor.finish(self._open(row), proof, registration=registration, at=at)
                self._claim_name(tx, credential, at=at)
            except ProofRejected:
                self._count_failure(tx, row, at=at)
                refused = True
            else:
                self._activate(tx, row, factor, credential, at=at)
        self._f.tell(user_id=opened.user_id, enrollment_id=opened.id)
        if refused:
            raise ProofRejected

    def create(
        self, tx: Connection, row: Row[Any], factor: Factor, credential: Credential, *, at: int
    ) -> None:
        """Put a new authenticator to work and finish its enrollment."""
        authenticator_id = new_authenticator_id(self._f.randomness, row.user_id)
        values: JsonObject = {
            "id": authenticator_id,
            "user_id": row.user_id,
            "type": row.type,
            "label": row.label or factor.default_label,
            "state": State.ACTIVE,
            "created_at": at,
            "attributes": json.dumps(dict(credential.attributes)),
            "credential": self._f.seal_credential(authenticator_id, row.user_id, credential.secret),
            "failures": 0,
            "credential_name": credential.unique,
            "counter": credential.counter,
            "uses_left": credential.uses,
        }
        tx.execute(insert(AuthenticatorRow), values)
        states.finish_enrollment(tx, row.id, authenticator_id)

    @staticmethod
    def _claim_name(tx: Connection, credential: Credential, *, at: int) -> None:
        """Raise `ProofRejected` if anybody ever had this key (WebAuthn Level 3 §7.1 step 26)."""
        row = {"thumbprint": credential.unique, "created_at": at}
        if credential.unique is not None and not insert_once(tx, DeviceKey, row):
            raise ProofRejected

    @staticmethod
    def _count_failure(tx: Connection, row: Row[Any], *, at: int) -> None:
        if row.attempts_left == 0:
            states.end_enrollment(tx, row.id)
        audit.record(tx, _entry(row, Event.ENROLL_FAIL, at))

    def _activate(
        self, tx: Connection, row: Row[Any], factor: Factor, credential: Credential, *, at: int
    ) -> None:
        subject = queries.subject_by_id(tx, row.user_id)
        if subject is None:
            raise EnrollmentNotOpen
        authorization = Authorization(row.authorized_by, row.authorized_level)
        self._binding.still_holds(authorization, subject, row.type, at=at)
        check_room(subject, self._f.limits.authenticators)
        if row.authenticator_id is None:
            self.create(tx, row, factor, credential, at=at)
        else:
            if not states.activate(tx, row.authenticator_id):
                raise EnrollmentNotOpen
            states.finish_enrollment(tx, row.id, row.authenticator_id)
        audit.record(tx, _entry(row, Event.ENROLL_CONFIRM, at))

    def _open(self, row: Row[Any]) -> JsonObject:
        opened = self._f.secret_box.open(row.sealed, place=enrollment_place(row.id))
        pending: JsonObject = json.loads(opened)
        return pending


def _entry(row: Row[Any], event: Event, at: int) -> audit.Entry:
    return audit.Entry(
        event,
        at,
        client_id=row.client_id,
        user_id=row.user_id,
        authenticator_id=row.authenticator_id,
        result=row.id,
    )
