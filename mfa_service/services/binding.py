"""The binding rule: who may change a subject's authenticators (contract section 5, S 3.8.2)."""

from dataclasses import dataclass

from sqlalchemy import Connection

from mfa_service.domain.errors import BindingRequiresStepUp
from mfa_service.domain.events import Event
from mfa_service.domain.subject import Subject
from mfa_service.persistence import audit
from mfa_service.persistence.consume import StepUp, spend_step_up

from .foundation import Foundation
from .reach import Reach
from .tokens import Caller

BY_NEW, BY_STEP_UP, BY_ADMIN = "new", "step_up", "admin"


@dataclass(frozen=True, slots=True)
class Change:
    """A change that somebody asks for; `concerns` is the type of the authenticator."""

    caller: Caller
    subject: Subject
    concerns: str
    challenge_id: str | None
    reason: str | None
    used_for: str
    at: int


@dataclass(frozen=True, slots=True)
class Authorization:
    """Why a change is allowed, and the level of the step-up that was spent for it."""

    by: str
    level: int = 0


class BindingRule:
    """Judges changes. Callers hold the user's row."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._reach = Reach(foundation)

    def authorize(self, tx: Connection, change: Change) -> Authorization:
        """Return why the change is allowed, spending the step-up; raise `BindingRequiresStepUp`."""
        if change.reason and change.caller.is_admin:
            self._audit_override(tx, change)
            return Authorization(BY_ADMIN)
        self._refuse_when_paused(change.subject, at=change.at)
        if change.subject.is_new:
            return Authorization(BY_NEW)
        return Authorization(BY_STEP_UP, self._spend(tx, change))

    def authorize_lesser(self, tx: Connection, change: Change) -> None:
        """Allow a change that gives nobody more: a name, a suspension.

        Only who proved no factor needs a step-up for it, also after a fraud report (contract
        section 10).
        """
        if not change.caller.proven:
            self._spend(tx, change)

    def _spend(self, tx: Connection, change: Change) -> int:
        """Use up the step-up of a change and return its level."""
        if change.subject.only_suspended or change.challenge_id is None:
            raise BindingRequiresStepUp
        step_up = StepUp(
            change.challenge_id,
            client_id=change.caller.client.id,
            user_id=change.subject.user.id,
            used_for=change.used_for,
            fresh_from=change.at - self._f.limits.step_up_fresh,
        )
        spent = spend_step_up(tx, step_up, self._f.secret_box)
        level = self._f.levels.level_of(spent.verified) if spent else 0
        if spent is None or (spent.awaits_return and spent.returned_at is None):
            raise BindingRequiresStepUp
        if level < self.needed(change.subject, change.concerns, at=change.at):
            raise BindingRequiresStepUp
        return level

    def still_holds(
        self, authorization: Authorization, subject: Subject, concerns: str, *, at: int
    ) -> None:
        """Judge once more when the authenticator would become active; raise if it no longer may."""
        if authorization.by == BY_ADMIN:
            return
        self._refuse_when_paused(subject, at=at)
        if authorization.by == BY_NEW:
            if not subject.is_new:
                raise BindingRequiresStepUp
            return
        if subject.only_suspended or authorization.level < self.needed(subject, concerns, at=at):
            raise BindingRequiresStepUp

    def needed(self, subject: Subject, concerns: str, *, at: int) -> int:
        """Return the rank of the step-up that a change of an authenticator of this type needs."""
        strongest = self._reach.attainable_for_binding(subject, at=at)
        return min(strongest, self._f.levels.binding[concerns])

    def _refuse_when_paused(self, subject: Subject, *, at: int) -> None:
        if subject.user.fraud_paused_at(at, self._f.limits.fraud_pause):
            raise BindingRequiresStepUp("A fraud was reported a short while ago.")

    @staticmethod
    def _audit_override(tx: Connection, change: Change) -> None:
        entry = audit.Entry(
            Event.ADMIN_OVERRIDE,
            change.at,
            client_id=change.caller.client.id,
            user_id=change.subject.user.id,
            result=change.used_for,
            reason=change.reason,
        )
        audit.record(tx, entry)
