"""The hosted page: opened once, by one browser, which may then see and answer one challenge."""

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from mfa_service.domain.authenticator import Authenticator
from mfa_service.domain.challenge import WEBAUTHN, Challenge, Reason, Status
from mfa_service.domain.errors import AuthenticatorNotActive, ChallengeNotOpen, NotFound
from mfa_service.domain.events import Event
from mfa_service.domain.factor import Proof
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Client, Subject
from mfa_service.jose import b64url
from mfa_service.observability import metrics
from mfa_service.persistence import audit, queries, states
from mfa_service.persistence.consume import end_challenge

from . import places
from .answers import AnswerService
from .challenges import RESULT_LIFETIME, ChallengeService
from .client_authentication import ClientAuthentication
from .foundation import Foundation
from .prompts import Prompts
from .reach import Reach
from .waiting import Watched, mark_of_challenge, wait_for_change

SESSION_BYTES = 32
KEPT_OPEN = RESULT_LIFETIME
"""Seconds after the end in which the page can still be seen, and its browser be sent back."""


class PageElsewhere(NotFound):
    """The page belongs to another browser, and shows nothing here."""

    status, title = 410, "This page was opened in another browser"


@dataclass(frozen=True, slots=True)
class Way:
    """A method that can be used now; `suffices` if, with what is proven, nothing else is needed."""

    method: str
    labels: tuple[str, ...]
    suffices: bool


class PageService:
    """Use cases of the browser that opened the page; `session` is the secret that it holds."""

    def __init__(
        self,
        foundation: Foundation,
        challenges: ChallengeService,
        answers: AnswerService,
        clients: ClientAuthentication,
    ) -> None:
        self._f = foundation
        self._challenges = challenges
        self._answers = answers
        self._clients = clients
        self._prompts = Prompts(foundation)
        self._reach = Reach(foundation)

    def open(self, challenge_id: str, secret: str) -> str:
        """Spend the link and return the session of the browser that did.

        Raises `NotFound` for a wrong or over link, `PageElsewhere` when it was spent before.
        """
        at = self._f.clock.now()
        found = self._find(challenge_id, at=at)
        right = self._challenges.page_secret(found)
        if not hmac.compare_digest(secret.encode(), right.encode()):
            raise NotFound
        session = b64url(self._f.randomness.bytes(SESSION_BYTES))
        with self._f.work.transaction() as tx:
            first = states.open_page(tx, challenge_id, _hash(session))
            if first:
                audit.record(tx, audit.about(found, Event.CHALLENGE_PAGE, at))
        if not first:
            raise PageElsewhere
        return session

    def look(
        self, challenge_id: str, session: str | None, *, known: str | None = None, wait: int = 0
    ) -> Challenge:
        """Return the challenge; with `wait` (seconds) once its revision is no more `known`.

        Raises `NotFound`, or `PageElsewhere` if another browser opened it, or none.
        """
        watched = Watched(
            topic=f"challenge:{challenge_id}",
            read=lambda: self._mine(challenge_id, session),
            state=self.revision,
            mark=mark_of_challenge,
            final=lambda c: c.status is not Status.PENDING or known not in {None, self.revision(c)},
            until=lambda c: c.expires_at,
        )
        return wait_for_change(self._f, watched, seconds=wait)

    @staticmethod
    def revision(challenge: Challenge) -> str:
        """Return what changes whenever the page has something new to show."""
        parts = (challenge.attempts_left, challenge.push_state, len(challenge.proofs))
        return "-".join((challenge.status, *map(str, parts)))

    def ways(self, challenge: Challenge) -> tuple[Way, ...]:
        """Return the methods that can be used now, in the order in which they are offered.

        WebAuthn only where the browser is sent back: else a forwarded link would lend its
        strength to somebody else's session (contract section 3). What does not suffice alone is
        left out where all of that would not even do together.
        """
        with self._f.work.reading() as tx:
            subject = queries.subject_by_id(tx, challenge.user_id)
        found: dict[str, list[Authenticator]] = {}
        for authenticator, method in self._usable(challenge, subject):
            found.setdefault(method, []).append(authenticator)
        ways = tuple(self._way(challenge, method, mine) for method, mine in found.items())
        parts = [one for way in ways if not way.suffices for one in found[way.method]]
        if self._suffices(challenge, *parts):
            return ways
        return tuple(way for way in ways if way.suffices)

    def answer(self, challenge: Challenge, proof: Proof) -> Challenge:
        """Judge one proof; raises what `AnswerService.answer` does."""
        place = places.hosted_page(self._f)
        if proof["method"] == WEBAUTHN:
            self._require_return(challenge)
        return self._answers.answer(self._client(challenge), challenge.id, proof, place=place)

    def options(self, challenge: Challenge) -> JsonObject:
        """Return WebAuthn options good for one answer from this page."""
        self._require_return(challenge)
        return self._prompts.issue(challenge, places.hosted_page(self._f))

    def push_again(self, challenge: Challenge) -> None:
        """Notify the phone once more; raises what `ChallengeService.push_again` does."""
        self._challenges.push_again(self._client(challenge), challenge.id, None)

    def deny(self, challenge: Challenge) -> None:
        """End it as denied by the user; raise `ChallengeNotOpen` if it ended otherwise.

        No report of fraud: that holds back pushes and changes for a while, which somebody who
        only was sent a link must not be able to cause.
        """
        at = self._f.clock.now()
        with self._f.work.transaction() as tx:
            reason = Reason.USER_DENIED
            done = end_challenge(tx, challenge.id, Status.DENIED, reason=reason, at=at)
            if done:
                audit.record(tx, audit.about(challenge, Event.CHALLENGE_DENY, at))
        if not done:
            raise ChallengeNotOpen
        metrics.count_end(Status.DENIED)
        self._f.tell(challenge_id=challenge.id, user_id=challenge.user_id)

    def return_address(self, challenge: Challenge) -> str | None:
        """Return where the browser of an ended challenge goes, with what the client needs there."""
        if challenge.asked.return_uri is None or challenge.status is Status.PENDING:
            return None
        parts = urlsplit(challenge.asked.return_uri)
        added = {"challenge_id": challenge.id, "state": challenge.asked.state}
        added["return_code"] = self._challenges.return_code(challenge)
        query = urlencode({name: value for name, value in added.items() if value is not None})
        return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, query)))))

    def few_codes_left(self, challenge: Challenge) -> int | None:
        """Return how many recovery codes are left if one was used here and they run low."""
        used = any(proof.method == "recovery_code" for proof in challenge.proofs)
        if challenge.status is not Status.SATISFIED or not used:
            return None
        with self._f.work.reading() as tx:
            subject = queries.subject_by_id(tx, challenge.user_id)
        sets = subject.usable("recovery_codes") if subject else ()
        left = sum(codes.uses_left or 0 for codes in sets)
        return left if left <= self._f.limits.recovery_codes_low else None

    def _usable(
        self, challenge: Challenge, subject: Subject | None
    ) -> list[tuple[Authenticator, str]]:
        usable = {a.id: a for a in (subject.usable() if subject else ())}
        passkeys = challenge.asked.return_uri is not None and WEBAUTHN in self._f.factors
        return [
            (usable[offer.authenticator_id], offer.method)
            for offer in challenge.asked.offers
            if offer.authenticator_id in usable
            and not challenge.used(offer.method, offer.authenticator_id)
            and (passkeys or offer.method != WEBAUTHN)
        ]

    def _way(self, challenge: Challenge, method: str, mine: list[Authenticator]) -> Way:
        suffices = any(self._suffices(challenge, one) for one in mine)
        return Way(method, tuple(one.label for one in mine), suffices)

    def _suffices(self, challenge: Challenge, *together: Authenticator) -> bool:
        verified = (*challenge.verified, *self._reach.of(together))
        return self._reach.suffices(verified, challenge)

    def _require_return(self, challenge: Challenge) -> None:
        if challenge.asked.return_uri is None:
            raise AuthenticatorNotActive("This page offers no passkey.")

    def _client(self, challenge: Challenge) -> Client:
        client = self._clients.find(challenge.client_id)
        if client is None:
            raise NotFound
        return client

    def _mine(self, challenge_id: str, session: str | None) -> Challenge:
        found = self._find(challenge_id, at=self._f.clock.now())
        given, held = _hash(session or ""), found.page_session or ""
        if not hmac.compare_digest(given, held):
            raise PageElsewhere
        return found

    def _find(self, challenge_id: str, *, at: int) -> Challenge:
        with self._f.work.reading() as tx:
            found = queries.challenge(tx, challenge_id, self._f.secret_box)
        if found is None or not found.readable_by(found.client_id, at, KEPT_OPEN):
            raise NotFound
        return found.at(at)


def _hash(session: str) -> str:
    return hashlib.sha256(session.encode()).hexdigest()
