"""Reading and changing what is enrolled."""

from dataclasses import dataclass

from sqlalchemy import Connection

from mfa_service.domain.authenticator import Authenticator, State, SuspendedBy
from mfa_service.domain.errors import AuthenticatorNotActive, NotFound
from mfa_service.domain.events import Event
from mfa_service.domain.subject import Subject
from mfa_service.persistence import audit, queries, states
from mfa_service.persistence.consume import lock_user

from .binding import BindingRule, Change
from .foundation import Foundation
from .tokens import Caller


@dataclass(frozen=True, slots=True)
class Patch:
    """What shall change of an authenticator."""

    label: str | None = None
    state: State | None = None
    challenge_id: str | None = None
    reason: str | None = None


class AuthenticatorService:
    """Use cases behind `/v1/authenticators`."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._binding = BindingRule(foundation)

    def of_sub(self, caller: Caller, sub: str) -> tuple[Authenticator, ...]:
        """Return what a subject of the caller's realm has; nothing for an unknown one."""
        if not caller.may_touch(caller.client.realm, sub):
            return ()
        with self._f.work.reading() as tx:
            subject = queries.subject_by_sub(tx, caller.client.realm, sub)
        return subject.authenticators if subject else ()

    def read(self, caller: Caller, authenticator_id: str) -> Authenticator:
        """Return one; raise `NotFound` for another realm's and for one that is not listed."""
        return self._find(caller, authenticator_id)[1]

    def change(self, caller: Caller, authenticator_id: str, patch: Patch) -> Authenticator:
        """Rename, suspend or reactivate. Suspending needs no step-up, reactivating does.

        Raises `AuthenticatorNotActive` for one that a limit suspended or that removed itself:
        it returns only by a new enrollment.
        """
        at = self._f.clock.now()
        _, found = self._find(caller, authenticator_id)
        with self._f.work.transaction() as tx:
            subject = self._locked(tx, found)
            found = self._listed(subject, authenticator_id)
            change = Change(
                caller, subject, found.type, patch.challenge_id, patch.reason, found.id, at
            )
            if patch.label is not None and patch.label != found.label:
                self._rename(tx, change, patch.label)
            if patch.state is State.SUSPENDED and found.state is State.ACTIVE:
                self._suspend(tx, change)
            if patch.state is State.ACTIVE and found.state is State.SUSPENDED:
                self._resume(tx, change, found)
        self._f.tell(user_id=found.user_id)
        return self.read(caller, authenticator_id)

    def remove(
        self,
        caller: Caller,
        authenticator_id: str,
        *,
        challenge_id: str | None,
        reason: str | None,
    ) -> None:
        """Revoke it: it is listed no more and proves nothing from now on."""
        at = self._f.clock.now()
        _, found = self._find(caller, authenticator_id)
        with self._f.work.transaction() as tx:
            subject = self._locked(tx, found)
            found = self._listed(subject, authenticator_id)
            change = Change(caller, subject, found.type, challenge_id, reason, authenticator_id, at)
            authorization = self._binding.authorize(tx, change)
            states.revoke(tx, authenticator_id)
            event = Event.AUTHENTICATOR_REVOKE
            audit.record(tx, _entry(event, change, result=authorization.by))
        self._f.tell(user_id=found.user_id)

    def _rename(self, tx: Connection, change: Change, label: str) -> None:
        self._binding.authorize_lesser(tx, change)
        states.rename(tx, change.used_for, label)
        audit.record(tx, _entry(Event.AUTHENTICATOR_RENAME, change))

    def _suspend(self, tx: Connection, change: Change) -> None:
        self._binding.authorize_lesser(tx, change)
        by_admin = change.caller.is_admin and bool(change.reason)
        by = SuspendedBy.CLIENT if change.caller.sub is None else SuspendedBy.USER
        by = SuspendedBy.ADMIN if by_admin else by
        states.suspend(tx, change.used_for, by, at=change.at)
        audit.record(tx, _entry(Event.AUTHENTICATOR_SUSPEND, change, reason=change.reason))

    def _resume(self, tx: Connection, change: Change, found: Authenticator) -> None:
        if not found.can_return:
            raise AuthenticatorNotActive("It returns only by a new enrollment.")
        if found.attributes.get("aaguid") in self._f.attestation.denied:
            raise AuthenticatorNotActive("Its model is not allowed here.")
        self._binding.authorize(tx, change)
        states.resume(tx, change.used_for)
        audit.record(tx, _entry(Event.AUTHENTICATOR_RESUME, change, reason=change.reason))

    def _find(self, caller: Caller, authenticator_id: str) -> tuple[str, Authenticator]:
        with self._f.work.reading() as tx:
            found = queries.authenticator(tx, authenticator_id)
        if found is None:
            raise NotFound
        user, authenticator = found
        listed = authenticator.state in {State.ACTIVE, State.SUSPENDED}
        if not caller.may_touch(user.realm, user.sub) or not listed:
            raise NotFound
        return user.id, authenticator

    @staticmethod
    def _locked(tx: Connection, found: Authenticator) -> Subject:
        lock_user(tx, found.user_id)
        subject = queries.subject_by_id(tx, found.user_id)
        if subject is None:
            raise NotFound
        return subject

    @staticmethod
    def _listed(subject: Subject, authenticator_id: str) -> Authenticator:
        for authenticator in subject.authenticators:
            if authenticator.id == authenticator_id:
                return authenticator
        raise NotFound


def _entry(
    event: Event, change: Change, *, result: str | None = None, reason: str | None = None
) -> audit.Entry:
    return audit.Entry(
        event,
        change.at,
        client_id=change.caller.client.id,
        user_id=change.subject.user.id,
        authenticator_id=change.used_for,
        result=result,
        reason=reason,
    )
