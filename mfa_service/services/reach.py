"""What a subject could still prove: levels that are within reach, and what a phone may be asked."""

from collections.abc import Iterable, Sequence
from itertools import product

from mfa_service.domain.assurance import PASSWORD
from mfa_service.domain.authenticator import Authenticator, Pin
from mfa_service.domain.challenge import PUSH, WEBAUTHN, Challenge
from mfa_service.domain.subject import Subject

from .foundation import Foundation

Alternative = tuple[str, ...]
_STRONG = frozenset({"pin", WEBAUTHN})


class Reach:
    """Judges combinations of authenticators before anything is proven."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._by_type = {factor.type: factor for factor in foundation.factors.values()}

    def potential(
        self, authenticator: Authenticator, *, pin: bool | None = None, on_phone: bool = False
    ) -> Alternative:
        """Return everything an authenticator could prove; `pin` overrides whether its PIN works.

        Nothing if its factor is switched off: passkeys while the issuer is an IP literal.
        """
        has_pin = authenticator.pin is Pin.SET if pin is None else pin
        factor = self._by_type.get(authenticator.type)
        if factor is None:
            return ()
        return factor.potential(authenticator.attributes, pin=has_pin, on_phone=on_phone)

    def of(self, authenticators: Iterable[Authenticator], *, on_phone: bool = False) -> Alternative:
        """Return everything that usable authenticators could prove together."""
        usable = (a for a in authenticators if a.usable)
        return tuple(name for a in usable for name in self.potential(a, on_phone=on_phone))

    def attainable(self, subject: Subject) -> int:
        """Return the highest level without `prior` that is attainable now."""
        return self._f.levels.level_of(self.of(subject.authenticators))

    def attainable_for_binding(self, subject: Subject, *, at: int) -> int:
        """Return the same for the binding rule: what was put away within 24 h still counts."""
        counted = [a for a in subject.authenticators if a.counts_at(at)]
        names = [name for a in counted for name in self.potential(a, pin=a.pin_counts_at(at))]
        return self._f.levels.level_of(names)

    def helpful_types(
        self, subject: Subject | None, acr_values: Sequence[str], *, password: bool
    ) -> list[str]:
        """Return the enrollment types that would bring one of `acr_values` within reach."""
        have = self.of(subject.authenticators) if subject else ()
        have += (PASSWORD,) if password else ()
        wanted = tuple(acr_values) or self._f.levels.acrs[1:2]
        return [
            factor.type
            for factor in self._f.factors.values()
            if self._f.levels.satisfies((*have, *factor.potential({}, pin=True)), wanted)
        ]

    def suffices(self, verified: Iterable[str], challenge: Challenge) -> bool:
        """Tell whether this much would satisfy the challenge."""
        asked = challenge.asked
        if not asked.acr_values or not asked.essential:
            return True
        counted = (PASSWORD,) if asked.password_counted else ()
        return self._f.levels.satisfies((*verified, *counted), asked.acr_values)

    def require(
        self, challenge: Challenge, phone: Authenticator, others: Subject, *, fraud: bool
    ) -> tuple[Alternative, ...]:
        """Return what one answer of `phone` may consist of, weakest first (contract section 6).

        Each alternative suffices; of those with further proofs only the smallest are kept. A PIN
        that is set may always be given. A passkey counts for what it is worth on a phone, where
        it is not bound to the browser that asks. After a fraud report nothing without PIN or
        WebAuthn is left where the phone has either.
        """
        pins = (False, True) if phone.pin is Pin.SET else (False,)
        methods = dict.fromkeys(o.method for o in challenge.asked.offers if o.method != PUSH)
        extras = {method: self._extra(challenge, method, others) for method in methods}
        fitting: list[frozenset[str]] = []
        for extra, pin in product((None, *extras), pins):
            names = challenge.verified + self.potential(phone, pin=pin)
            names += extras[extra] if extra else ()
            parts = frozenset(
                {"code"} | ({"pin"} if pin else set()) | ({extra} if extra else set())
            )
            if self.suffices(names, challenge):
                fitting.append(parts)
        if fraud:
            fitting = [parts for parts in fitting if parts & _STRONG] or fitting
        return tuple(_ordered(parts) for parts in _smallest(fitting))

    def _extra(self, challenge: Challenge, method: str, others: Subject) -> Alternative:
        """Return what one further proof could show; nothing if all of its kind were given."""
        unused = {
            offer.authenticator_id
            for offer in challenge.asked.offered(method)
            if not challenge.used(method, offer.authenticator_id)
        }
        kept = (a for a in others.authenticators if a.id in unused)
        each = [self.of([authenticator], on_phone=True) for authenticator in kept]
        return max(each, key=self._f.levels.level_of, default=())


def _smallest(fitting: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Leave out what contains an earlier alternative, but for the PIN beside the code."""
    found: list[frozenset[str]] = []
    for parts in fitting:
        if parts == {"code", "pin"} or not any(known <= parts for known in found):
            found.append(parts)
    return found


def _ordered(parts: frozenset[str]) -> Alternative:
    typed = {"code": 0, "pin": 1}
    return tuple(sorted(parts, key=lambda part: (typed.get(part, len(typed)), part)))
