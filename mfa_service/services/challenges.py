"""Reading, waiting for, resending and cancelling challenges; and what a satisfied one is worth."""

import hmac
from dataclasses import dataclass, field

from mfa_service import jose
from mfa_service.domain.assurance import PASSWORD, Assurance
from mfa_service.domain.challenge import PUSH, Challenge, PushState, Status
from mfa_service.domain.errors import (
    AuthenticatorNotActive,
    ChallengeNotOpen,
    NotFound,
    Throttled,
)
from mfa_service.domain.events import Event
from mfa_service.domain.subject import Client
from mfa_service.persistence import audit, queries, states
from mfa_service.persistence.consume import end_challenge, lock_user

from .foundation import Foundation
from .push import Notice, PushGate, topics_for
from .waiting import Watched, mark_of_challenge, wait_for_change

RESULT_TYP = "stepup-result+jwt"
RESULT_LIFETIME = 300
_RETURN_CODE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Result:
    """What a satisfied challenge yields."""

    assurance: Assurance
    auth_time: int
    token: str = field(repr=False)


class ChallengeService:
    """Use cases of the client that opened a challenge."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._gate = PushGate(foundation)

    def read(self, client: Client, challenge_id: str, *, wait: int = 0) -> Challenge:
        """Return the challenge; with `wait` (seconds) hold on until something of it changes.

        Returns at once when it is final. Raises `NotFound`, also for another client's and for
        one that ended more than 24 h ago.
        """
        watched = Watched(
            topic=f"challenge:{challenge_id}",
            read=lambda: self._read(client, challenge_id),
            state=lambda c: (c.status, c.attempts_left, c.push_state),
            mark=mark_of_challenge,
            final=lambda c: c.status is not Status.PENDING,
            until=lambda c: c.expires_at,
        )
        return wait_for_change(self._f, watched, seconds=wait)

    def cancel(self, client: Client, challenge_id: str) -> None:
        """Cancel it; again does no harm. Raises `ChallengeNotOpen` if it ended otherwise."""
        at = self._f.clock.now()
        found = self._read(client, challenge_id)
        with self._f.work.transaction() as tx:
            done = end_challenge(tx, challenge_id, Status.CANCELLED, at=at)
            if done:
                audit.record(tx, audit.about(found, Event.CHALLENGE_CANCEL, at))
        if not done and self._read(client, challenge_id).status is not Status.CANCELLED:
            raise ChallengeNotOpen
        self._f.tell(challenge_id=challenge_id, user_id=found.user_id)

    def push_again(
        self, client: Client, challenge_id: str, authenticator_id: str | None
    ) -> Challenge:
        """Notify once more; raise `Throttled` beyond the limits until their window ends."""
        at = self._f.clock.now()
        found = self._read(client, challenge_id)
        if found.status is not Status.PENDING:
            raise ChallengeNotOpen
        wanted = {
            offer.authenticator_id
            for offer in found.asked.offered(PUSH)
            if authenticator_id in {None, offer.authenticator_id}
        }
        with self._f.work.transaction() as tx:
            user = lock_user(tx, found.user_id)
            found = queries.challenge(tx, challenge_id, self._f.secret_box) or found
            if found.at(at).status is not Status.PENDING:
                raise ChallengeNotOpen
            subject = queries.subject_by_id(tx, found.user_id)
            phones = [a for a in (subject.usable("phone") if subject else ()) if a.id in wanted]
            if user is None or not phones:
                raise AuthenticatorNotActive("No such phone is offered.")
            notice = Notice(user, client.id, found.id, found.expires_at, at)
            state = self._gate.announce(tx, notice, phones)
            if state is PushState.SUPPRESSED:
                wait = self._gate.seconds_to_wait(tx, notice)
                raise Throttled("The phone was notified often enough.", retry_after=wait)
            if state is not PushState.NONE:
                states.set_push_state(tx, challenge_id, state)
            audit.record(tx, audit.about(found, Event.CHALLENGE_PUSH, at, result=state))
        topics = topics_for(state)
        self._f.tell(challenge_id=challenge_id, user_id=found.user_id, topics=topics)
        return self._read(client, challenge_id)

    def assurance(self, challenge: Challenge) -> Assurance:
        """Recompute what was verified inside this challenge is worth, with the counted `pwd`."""
        counted = (PASSWORD,) if challenge.asked.password_counted else ()
        verified = (*challenge.verified, *counted)
        return self._f.levels.assurance_for(verified, challenge.asked.acr_values)

    def result(self, client: Client, challenge: Challenge) -> Result | None:
        """Return what a satisfied challenge yields: the same claims and `jti` each time.

        Levels and methods have the names of the client's dialect.
        """
        if challenge.status is not Status.SATISFIED or challenge.auth_time is None:
            return None
        assurance = client.dialect.told(self.assurance(challenge), self._f.levels)
        claims: dict[str, object] = {
            "iss": self._f.issuer,
            "aud": challenge.client_id,
            "sub": challenge.asked.sub,
            "jti": f"res_{challenge.id.removeprefix('chl_')}",
            "txn": challenge.id,
            "acr": assurance.acr,
            "acr_satisfied": list(assurance.acr_satisfied),
            "amr": list(assurance.amr),
            "auth_time": challenge.auth_time,
            "iat": challenge.auth_time,
            "exp": challenge.auth_time + RESULT_LIFETIME,
        }
        optional = {"nonce": challenge.asked.nonce, "tx_hash": challenge.asked.tx_hash}
        claims |= {name: value for name, value in optional.items() if value is not None}
        token = self._f.keys.signer.sign(claims, typ=RESULT_TYP)
        return Result(assurance, challenge.auth_time, token)

    @staticmethod
    def page_secret(challenge: Challenge) -> str:
        """Return the one-time part of the hosted page's address; derived, so never stored."""
        return jose.b64url(jose.derived(challenge.asked.seed, f"page|{challenge.id}"))

    @staticmethod
    def return_code(challenge: Challenge) -> str:
        """Return what the hosted page's browser brings back to `return_uri`: 128 bits."""
        derived = jose.derived(challenge.asked.seed, f"return|{challenge.id}")
        return jose.b64url(derived[:_RETURN_CODE_BYTES])

    def releases(self, challenge: Challenge, return_code: str | None) -> bool:
        """Tell whether the client may see the result now.

        Once the hosted page was opened, only with the code that its browser brought back, until
        `auth_time` + 300; the first time is noted, which lets a step-up be spent. So a page link
        that somebody forwarded signs nobody in and changes nothing (contract section 3).
        """
        if not challenge.awaits_return:
            return True
        at, given = self._f.clock.now(), (return_code or "").encode()
        held = hmac.compare_digest(given, self.return_code(challenge).encode())
        if not held or challenge.auth_time is None or at > challenge.auth_time + RESULT_LIFETIME:
            return False
        if challenge.returned_at is None:
            with self._f.work.transaction() as tx:
                states.note_return(tx, challenge.id, at=at)
        return True

    def _read(self, client: Client, challenge_id: str) -> Challenge:
        at = self._f.clock.now()
        with self._f.work.reading() as tx:
            found = queries.challenge(tx, challenge_id, self._f.secret_box)
        if found is None or not found.readable_by(client.id, at, self._f.limits.readable_after_end):
            raise NotFound
        return found.at(at)
