"""People change how they sign in: each change behind a step-up, where the rules ask for one."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mfa_service.domain.authenticator import State
from mfa_service.domain.challenge import Challenge, Purpose, Status
from mfa_service.domain.errors import (
    AcrUnattainable,
    BindingRequiresStepUp,
    ChallengeNotOpen,
    NotFound,
)
from mfa_service.jose import b64url
from mfa_service.persistence import sessions as rows

from . import places
from .authenticators import AuthenticatorService, Patch
from .binding import BindingRule
from .challenges import ChallengeService
from .disputes import DisputeService
from .enrollment import EnrollmentRequest, EnrollmentService
from .enrollment_rows import Enrollment
from .foundation import Foundation
from .intents import LESSER, Action, ChangeRefused, Hindrance, Intent, Pending, Stage
from .opening import ChallengeRequest, OpeningService
from .own_client import RETURN_PATH
from .sessions import Person, SessionService
from .waiting import Watched, wait_for_change

_STATE_BYTES = 32
_STEP_UP_SECONDS = 300
_TWICE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class StepUp:
    """The change waits for a challenge; `path` is where the person answers it."""

    path: str


@dataclass(frozen=True, slots=True)
class Done:
    """The change was made, or its enrollment was opened; `again` tells that it was before."""

    intent: Intent
    enrollment_id: str | None = None
    again: bool = False


Outcome = StepUp | Done


@dataclass(frozen=True, slots=True)
class Parts:
    """The use cases that self-service calls, for one person at a time."""

    opening: OpeningService
    challenges: ChallengeService
    enrollment: EnrollmentService
    authenticators: AuthenticatorService
    sessions: SessionService


class SelfService:
    """Turns what a person wants into a change, by way of the hosted page."""

    def __init__(self, foundation: Foundation, parts: Parts, disputes: DisputeService) -> None:
        self._f = foundation
        self._disputes = disputes
        self._parts = parts
        self._binding = BindingRule(foundation)

    def ask(
        self, person: Person, intent: Intent, *, message: str, context: Mapping[str, str]
    ) -> Outcome:
        """Make a change, or open the step-up that it needs; `message` says on it what for.

        Another change that still waits in this session is given up. Raises `ChangeRefused` when
        no step-up could help, and `NotFound` for what is not the person's.
        """
        concerned = self._types_concerned(person, intent)
        if not self._needs_step_up(person, intent):
            return self._perform(person, intent, None)
        self._refuse_hopeless(person, intent)
        self._give_up_waiting(person)
        state = b64url(self._f.randomness.bytes(_STATE_BYTES))
        request = ChallengeRequest(
            sub=person.sub,
            acr_values=(self._acr_for(person, concerned),),
            purpose=Purpose.MANAGE,
            binding_message=message,
            context=context,
            expires_in=_STEP_UP_SECONDS,
            return_uri=self._f.issuer + RETURN_PATH,
            state=state,
        )
        try:
            challenge = self._parts.opening.open(person.caller.client, request)
        except AcrUnattainable as exc:
            raise ChangeRefused(Hindrance.UNATTAINABLE) from exc
        pending = Pending(intent, challenge.id, state)
        with self._f.work.transaction() as tx:
            rows.put_intent(tx, person.session.id, pending.to_json())
        return StepUp(f"/challenge/{challenge.id}.{self._parts.challenges.page_secret(challenge)}")

    def come_back(
        self, person: Person, *, challenge_id: str, state: str, return_code: str
    ) -> Outcome:
        """Make the change whose step-up this browser brings back, exactly once.

        The session that asked, its `state`, the challenge, its subject and the code that only the
        browser on the hosted page got have to agree: a step-up that somebody forwarded changes
        nothing. Raises `ChangeRefused`.
        """
        kept = person.session.intent
        pending = Pending.from_json(kept) if kept else None
        if kept is None or pending is None or not _belongs(pending, challenge_id, state):
            raise ChangeRefused(Hindrance.OVER)
        challenge = self._challenge(person, challenge_id)
        if challenge.status is Status.PENDING:
            return StepUp(f"/challenge/{challenge.id}")
        satisfied = challenge.status is Status.SATISFIED
        if satisfied and not self._is_this_browsers(challenge, return_code):
            raise ChangeRefused(Hindrance.OVER)
        taken = replace(pending, stage=Stage.TAKEN)
        with self._f.work.transaction() as tx:
            asked = pending.stage is Stage.ASKED
            first = asked and rows.move_intent(tx, person.session.id, kept, taken.to_json())
        if not first:
            return self._led_before(person, challenge_id)
        return self._make(person, taken, satisfied=satisfied)

    def confirm(
        self, person: Person, enrollment_id: str, proof: Mapping[str, object]
    ) -> Enrollment:
        """Finish an enrollment on our own page; raises as `EnrollmentService.confirm` does."""
        done = self._parts.enrollment.confirm(
            person.caller, enrollment_id, proof, place=places.hosted_page(self._f)
        )
        with self._f.work.transaction() as tx:
            rows.put_shown(tx, person.session.id, None)
        return done

    def _make(self, person: Person, taken: Pending, *, satisfied: bool) -> Done:
        """Make a change that was taken, and keep where it led; a refusal leaves nothing."""
        made: str | None = None
        try:
            if not satisfied:
                raise ChangeRefused(Hindrance.NOT_CONFIRMED)
            done = self._perform(person, taken.intent, taken.challenge_id)
            after = replace(taken, stage=Stage.MADE, enrollment_id=done.enrollment_id)
            made = after.to_json()
        finally:
            with self._f.work.transaction() as tx:
                rows.move_intent(tx, person.session.id, taken.to_json(), made)
            self._f.wake_up.tell(_topic(person))
        return done

    def _led_before(self, person: Person, challenge_id: str) -> Done:
        """Return where this change led when it was made: browsers may come back twice at once."""
        watched = Watched(
            topic=_topic(person),
            read=lambda: self._kept(person, challenge_id),
            state=lambda kept: kept,
            mark=lambda _: None,  # told of by its own process, or seen when the time is up
            final=lambda kept: kept is None or kept.stage is Stage.MADE,
            until=lambda _: None,
        )
        kept = wait_for_change(self._f, watched, seconds=_TWICE_SECONDS)
        if kept is None or kept.stage is not Stage.MADE:
            raise ChangeRefused(Hindrance.OVER)
        return Done(kept.intent, kept.enrollment_id, again=True)

    def _kept(self, person: Person, challenge_id: str) -> Pending | None:
        with self._f.work.reading() as tx:
            text = rows.intent_of(tx, person.session.id)
        kept = Pending.from_json(text) if text else None
        return kept if kept is not None and kept.challenge_id == challenge_id else None

    def _types_concerned(self, person: Person, intent: Intent) -> list[str]:
        if intent.action is Action.ADD:
            return [intent.concerns]
        if intent.action is Action.DISPUTE:
            return self._disputes.types_concerned(person, intent.concerns)
        found = person.authenticator(intent.concerns)
        if intent.action is Action.REACTIVATE and not found.can_return:
            raise NotFound
        return [found.type]

    @staticmethod
    def _needs_step_up(person: Person, intent: Intent) -> bool:
        if intent.action in LESSER:
            return not person.caller.proven
        return not (intent.action is Action.ADD and person.subject.is_new)

    def _refuse_hopeless(self, person: Person, intent: Intent) -> None:
        """Raise before a person goes through a step-up in vain."""
        subject, at, limits = person.subject, self._f.clock.now(), self._f.limits
        if subject.only_suspended:
            raise ChangeRefused(Hindrance.ALL_SUSPENDED)
        paused = subject.user.fraud_paused_at(at, limits.fraud_pause)
        if paused and intent.action not in LESSER:
            raise ChangeRefused(Hindrance.PAUSED)
        others = [a for a in subject.authenticators if a.type != "recovery_codes"]
        counted = others if intent.concerns == "recovery_codes" else subject.authenticators
        if intent.action is Action.ADD and len(counted) >= limits.authenticators:
            raise ChangeRefused(Hindrance.FULL)

    def _acr_for(self, person: Person, concerned: list[str]) -> str:
        """Return what the binding rule will want, so that nobody steps up too low."""
        at, subject = self._f.clock.now(), person.subject
        ranks = [self._binding.needed(subject, kind, at=at) for kind in concerned]
        return self._f.levels.acrs[max(ranks, default=1)]

    def _give_up_waiting(self, person: Person) -> None:
        """Cancel the step-up of the change that waited: its page is not to be answered any more."""
        if person.session.intent is None:
            return
        pending = Pending.from_json(person.session.intent)
        try:
            self._parts.challenges.cancel(person.caller.client, pending.challenge_id)
        except (ChallengeNotOpen, NotFound):
            return

    def _challenge(self, person: Person, challenge_id: str) -> Challenge:
        try:
            found = self._parts.challenges.read(person.caller.client, challenge_id)
        except NotFound as exc:
            raise ChangeRefused(Hindrance.OVER) from exc
        if found.user_id != person.session.user_id:
            raise ChangeRefused(Hindrance.OVER)
        return found

    def _is_this_browsers(self, challenge: Challenge, return_code: str) -> bool:
        held = self._parts.challenges.releases(challenge, return_code)
        return challenge.awaits_return and held

    def _perform(self, person: Person, intent: Intent, challenge_id: str | None) -> Done:
        enrollment_id = None
        try:
            if intent.action is Action.ADD:
                enrollment_id = self._add(person, intent, challenge_id)
            elif intent.action is Action.DISPUTE:
                self._disputes.dispute(person, intent.concerns, step_up=challenge_id)
            elif intent.action is Action.REMOVE:
                self._parts.authenticators.remove(
                    person.caller, intent.concerns, challenge_id=challenge_id, reason=None
                )
            else:
                patch = _patch(intent, challenge_id)
                self._parts.authenticators.change(person.caller, intent.concerns, patch)
        except BindingRequiresStepUp as exc:
            raise ChangeRefused(Hindrance.OVER) from exc
        return Done(intent, enrollment_id)

    def _add(self, person: Person, intent: Intent, challenge_id: str | None) -> str:
        request = EnrollmentRequest(person.sub, intent.concerns, intent.label, challenge_id)
        started = self._parts.enrollment.start(person.caller, request)
        self._parts.sessions.keep_shown(person, started.id, started.shown)
        return started.id


def _belongs(pending: Pending, challenge_id: str, state: str) -> bool:
    same = hmac.compare_digest(pending.state.encode(), state.encode())
    return same and pending.challenge_id == challenge_id


def _topic(person: Person) -> str:
    return f"session:{person.session.id}"


def _patch(intent: Intent, challenge_id: str | None) -> Patch:
    states = {Action.SUSPEND: State.SUSPENDED, Action.REACTIVATE: State.ACTIVE}
    return Patch(intent.label, states.get(intent.action), challenge_id)
