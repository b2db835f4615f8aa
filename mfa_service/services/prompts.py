"""WebAuthn options: given at one place for one challenge, and answered once, right or wrong."""

from sqlalchemy import Connection

from mfa_service.domain.challenge import WEBAUTHN, Challenge, Status
from mfa_service.domain.errors import AuthenticatorNotActive, ChallengeNotOpen
from mfa_service.domain.factor import Binding, Credential, Place, Proof
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Subject
from mfa_service.jose import b64url
from mfa_service.persistence import queries
from mfa_service.persistence.consume import claim_prompt, give_prompt

from . import places
from .foundation import Foundation, user_handle

_NONCE_BYTES = 32


class Prompts:
    """Gives options, and says what an answer to them has to be tied to."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    def issue(self, challenge: Challenge, place: Place) -> JsonObject:
        """Return RequestOptionsJSON good for one answer from `place`, for 300 s at most.

        They replace the options that this place gave before, and leave those of other places
        alone. Raises `ChallengeNotOpen`, or `AuthenticatorNotActive` when no passkey is offered
        that can still answer.
        """
        at = self._f.clock.now()
        if challenge.at(at).status is not Status.PENDING:
            raise ChallengeNotOpen
        with self._f.work.reading() as tx:
            subject = queries.subject_by_id(tx, challenge.user_id)
        credentials = self._credentials(challenge, subject)
        if not credentials:
            raise AuthenticatorNotActive("This challenge offers no passkey.")
        nonce = b64url(self._f.randomness.bytes(_NONCE_BYTES))
        until = min(at + self._f.limits.prompt_lifetime, challenge.expires_at)
        with self._f.work.transaction() as tx:
            give_prompt(tx, challenge.id, place.name, nonce, until=until)
        return self._options(challenge, credentials, self._binding(challenge, place, nonce), at=at)

    def for_phone(self, challenge: Challenge, subject: Subject, nonce: str) -> JsonObject:
        """Return the options inside a challenge JWS: the user has to be verified there."""
        credentials, binding = (
            self._credentials(challenge, subject),
            self.on_phone(challenge, nonce),
        )
        return self._options(challenge, credentials, binding, at=self._f.clock.now())

    def claimed(
        self, tx: Connection, challenge: Challenge, proof: Proof, place: Place, *, at: int
    ) -> Binding | None:
        """Return what ties a proof to the challenge, and for a passkey use up the options.

        `None` if there are none: not given at this place, answered, replaced or expired. They
        are used up before anything is compared (WebAuthn Level 3 §13.4.3).
        """
        if proof["method"] != WEBAUTHN:
            return Binding(challenge.id)
        nonce = claim_prompt(tx, challenge.id, place.name, at=at)
        return None if nonce is None else self._binding(challenge, place, nonce)

    def on_phone(self, challenge: Challenge, nonce: str) -> Binding:
        """Return what ties a further proof to the answer of a phone."""
        return self._binding(challenge, places.phone_app(self._f), nonce)

    def _binding(self, challenge: Challenge, place: Place, nonce: str) -> Binding:
        """Return it; the signature of a phone and the typed code corroborate what is made on it."""
        proven = challenge.asked.password_counted or bool(challenge.proofs)
        return Binding(
            challenge.id,
            nonce,
            rp_id=self._f.rp_id,
            place=place,
            user_handle=user_handle(challenge.user_id),
            user_verification=place.is_phone or self._needs_verified_user(challenge),
            corroborated=place.is_phone or proven,
        )

    def _needs_verified_user(self, challenge: Challenge) -> bool:
        """Tell whether only a ceremony with user verification can satisfy the challenge."""
        levels, asked = self._f.levels, challenge.asked
        ranks = [rank for acr in asked.acr_values if (rank := levels.rank(acr)) is not None]
        return asked.essential and bool(ranks) and min(ranks) > levels.combined

    def _credentials(self, challenge: Challenge, subject: Subject | None) -> list[Credential]:
        """Return what is offered, usable now, and was not used in this challenge."""
        offered = {
            offer.authenticator_id
            for offer in challenge.asked.offered(WEBAUTHN)
            if WEBAUTHN in self._f.factors and not challenge.used(WEBAUTHN, offer.authenticator_id)
        }
        usable = subject.usable() if subject else ()
        return [self._f.credential_of(a) for a in usable if a.id in offered]

    def _options(
        self, challenge: Challenge, credentials: list[Credential], binding: Binding, *, at: int
    ) -> JsonObject:
        seconds = min(self._f.limits.prompt_lifetime, challenge.expires_at - at)
        return self._f.factors[WEBAUTHN].prompt(credentials, binding=binding, seconds=seconds)
