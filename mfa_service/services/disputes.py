"""A person disputes an approval: what answered is suspended, and the approval is marked."""

from mfa_service.domain.authenticator import SuspendedBy
from mfa_service.domain.errors import NotFound
from mfa_service.domain.events import Event
from mfa_service.persistence import audit, queries, states
from mfa_service.persistence.consume import lock_user

from .binding import BindingRule, Change
from .foundation import Foundation
from .sessions import Person
from .timeline import TimelineService


class DisputeService:
    """The use case behind the button in the timeline."""

    def __init__(self, foundation: Foundation, timeline: TimelineService) -> None:
        self._f = foundation
        self._timeline = timeline
        self._binding = BindingRule(foundation)

    def types_concerned(self, person: Person, challenge_id: str) -> list[str]:
        """Return the types of what answered; raise `NotFound` for what cannot be disputed."""
        proofs = self._timeline.approval(person, challenge_id).challenge.proofs
        return [self._f.factors[proof.method].type for proof in proofs]

    def dispute(self, person: Person, challenge_id: str, *, step_up: str | None) -> None:
        """Suspend what answered and still works, and mark the approval, once.

        Whoever proved no factor needs a step-up: raises `BindingRequiresStepUp`.
        """
        at, user_id = self._f.clock.now(), person.session.user_id
        types = self.types_concerned(person, challenge_id)
        highest = max(types, key=lambda kind: self._f.levels.binding[kind])
        suspended = self._timeline.approval(person, challenge_id).disputable
        with self._f.work.transaction() as tx:
            lock_user(tx, user_id)
            subject = queries.subject_by_id(tx, user_id)
            if subject is None:
                raise NotFound
            change = Change(person.caller, subject, highest, step_up, None, challenge_id, at)
            self._binding.authorize_lesser(tx, change)
            if not states.dispute(tx, challenge_id, at=at):
                raise NotFound
            for found in suspended:
                if states.suspend(tx, found.id, SuspendedBy.USER, at=at):
                    entry = _entry(change, Event.AUTHENTICATOR_SUSPEND, found.id)
                    audit.record(tx, entry)
            audit.record(tx, _entry(change, Event.APPROVAL_DISPUTED))
        self._f.tell(user_id=user_id)


def _entry(change: Change, event: Event, authenticator_id: str | None = None) -> audit.Entry:
    return audit.Entry(
        event,
        change.at,
        client_id=change.caller.client.id,
        user_id=change.subject.user.id,
        authenticator_id=authenticator_id,
        challenge_id=change.used_for,
    )
