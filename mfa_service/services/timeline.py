"""What a person was asked and how it ended: the last 30 days, newest first."""

from dataclasses import dataclass

from mfa_service.domain.assurance import Assurance
from mfa_service.domain.authenticator import Authenticator
from mfa_service.domain.challenge import Challenge, Status
from mfa_service.domain.errors import NotFound
from mfa_service.persistence import queries

from .challenges import ChallengeService
from .foundation import Foundation
from .sessions import Person

PAGE = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that ended.

    `assurance` is what was proven, `labels` name the authenticators that answered, and
    `disputable` are those of them that still work.
    """

    challenge: Challenge
    assurance: Assurance | None
    labels: tuple[str, ...]
    disputable: tuple[Authenticator, ...]

    @property
    def signed_by_phone(self) -> bool:
        """Whether a phone signed what was shown."""
        return any(proof.method == "push" for proof in self.challenge.proofs)

    @property
    def ended_at(self) -> int:
        """When it ended."""
        ended = self.challenge.ended_at
        return self.challenge.expires_at if ended is None else ended


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, and where those begin that are older."""

    entries: tuple[Entry, ...]
    older: str | None


class TimelineService:
    """Use cases behind the timeline."""

    def __init__(self, foundation: Foundation, challenges: ChallengeService) -> None:
        self._f = foundation
        self._challenges = challenges

    def page(self, person: Person, *, before: str | None = None) -> Page:
        """Return up to 20 entries older than the entry `before`; none for an unknown one."""
        at = self._f.clock.now()
        since = at - self._f.limits.kept_after_end
        wanted = queries.Ended(person.session.user_id, since, PAGE + 1, before)
        with self._f.work.reading() as tx:
            found = queries.ended_challenges(tx, wanted, self._f.secret_box, at=at)
        entries = tuple(self._entry(person, challenge.at(at)) for challenge in found[:PAGE])
        return Page(entries, found[PAGE - 1].id if len(found) > PAGE else None)

    def entry(self, person: Person, challenge_id: str) -> Entry:
        """Return one entry of the person; raise `NotFound`, also for one that is not over."""
        at = self._f.clock.now()
        with self._f.work.reading() as tx:
            found = queries.challenge(tx, challenge_id, self._f.secret_box)
        if found is None or found.user_id != person.session.user_id:
            raise NotFound
        challenge = found.at(at)
        kept_from = at - self._f.limits.kept_after_end
        if challenge.status is Status.PENDING or challenge.created_at < kept_from:
            raise NotFound
        return self._entry(person, challenge)

    def approval(self, person: Person, challenge_id: str) -> Entry:
        """Return one that can be disputed: approved, and not disputed yet; else `NotFound`."""
        entry = self.entry(person, challenge_id)
        challenge = entry.challenge
        if challenge.status is not Status.SATISFIED or challenge.disputed_at is not None:
            raise NotFound
        return entry

    def _entry(self, person: Person, challenge: Challenge) -> Entry:
        answered = dict.fromkeys(proof.authenticator_id for proof in challenge.proofs)
        if not answered and challenge.ended_by is not None:
            answered = {challenge.ended_by: None}
        offered = {offer.authenticator_id: offer.label for offer in challenge.asked.offers}
        satisfied = challenge.status is Status.SATISFIED
        usable = {found.id: found for found in person.subject.usable()}
        return Entry(
            challenge,
            assurance=self._challenges.assurance(challenge) if satisfied else None,
            labels=tuple(offered[name] for name in answered if name in offered),
            disputable=tuple(usable[name] for name in answered if satisfied and name in usable),
        )
