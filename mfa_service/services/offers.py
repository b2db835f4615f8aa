"""Which of a subject's authenticators a challenge offers."""

from collections.abc import Sequence

from mfa_service.domain.challenge import PUSH, Challenge, Offer
from mfa_service.domain.subject import Subject

from .foundation import Foundation
from .reach import Reach


class Offers:
    """Judges what may be used before anybody is asked."""

    def __init__(self, foundation: Foundation, reach: Reach) -> None:
        self._f = foundation
        self._reach = reach

    def all(self, methods: Sequence[str], subject: Subject) -> tuple[Offer, ...]:
        """Return what the subject has of the methods that the caller permits; none named: any."""
        order = methods or tuple(self._f.factors)
        return tuple(
            Offer(method, authenticator.id, authenticator.label)
            for method in dict.fromkeys(order)
            if method in self._f.factors
            for authenticator in subject.usable(self._f.factors[method].type)
        )

    def kept(self, challenge: Challenge, subject: Subject, *, at: int) -> tuple[Offer, ...]:
        """Return what stays of a challenge's offers: none unless together they reach the level."""
        offers = challenge.asked.offers
        chosen = {offer.authenticator_id for offer in offers}
        reach = self._reach.of(a for a in subject.authenticators if a.id in chosen)
        if not self._reach.suffices(reach, challenge):
            return ()
        fraud = subject.user.fraud_paused_at(at, self._f.limits.fraud_pause)
        return tuple(o for o in offers if self._can_answer(o, challenge, subject, fraud=fraud))

    def _can_answer(
        self, offer: Offer, challenge: Challenge, subject: Subject, *, fraud: bool
    ) -> bool:
        """Tell whether to offer it: not a phone that can complete no alternative of `require`."""
        if offer.method != PUSH:
            return True
        phone = next(a for a in subject.authenticators if a.id == offer.authenticator_id)
        return bool(self._reach.require(challenge, phone, subject, fraud=fraud))
