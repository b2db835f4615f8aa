"""What each thing in the shop needs of the sign-in, and plain words for what is missing."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEVELS = ("urn:stepup:acr:aal1", "urn:stepup:acr:aal2", "phr", "phrh", "urn:stepup:acr:aal3")
LEEWAY = 30


@dataclass(frozen=True, slots=True)
class Rule:
    """A level to ask for (nothing: any sign-in), methods that must be there, seconds of age."""

    name: str
    acr: str | None = None
    amr: frozenset[str] = frozenset()
    max_age: int | None = None

    @property
    def accepted(self) -> tuple[str, ...]:
        """The level itself and the higher ones."""
        return LEVELS[LEVELS.index(self.acr) :] if self.acr else ()


READ = Rule("reading")
RECEIPTS = Rule("your receipts", acr="urn:stepup:acr:aal1", max_age=300)
PAY = Rule("paying", acr="urn:stepup:acr:aal2", amr=frozenset({"mfa"}), max_age=300)


def shortcomings(
    rule: Rule, claims: Mapping[str, Any], *, at: int, tx_hash: str | None = None
) -> tuple[str, ...]:
    """Return what the claims lack for `rule`, in plain words; nothing means: go ahead.

    A relying party checks this itself, because everything that it asked for went through the
    user's browser, where it can be changed (OpenID Connect Core 3.1.3.7 steps 12 and 13). `tx_hash`
    is the shop's own hash of what it is about to do.
    """
    missing = []
    if rule.acr and claims.get("acr") not in rule.accepted:
        missing.append("The sign-in was not strong enough.")
    if not rule.amr <= frozenset(_texts(claims.get("amr"))):
        missing.append("Only one kind of proof was given, and this needs two.")
    if rule.max_age is not None and not _fresh(claims.get("auth_time"), rule.max_age, at):
        missing.append("The sign-in is too long ago.")
    if tx_hash is not None and not _same(claims.get("tx_hash"), tx_hash):
        missing.append("What was confirmed on the phone is not this payment.")
    return tuple(missing)


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _fresh(auth_time: object, max_age: int, at: int) -> bool:
    return type(auth_time) is int and at - max_age - LEEWAY <= auth_time <= at + LEEWAY


def _same(value: object, tx_hash: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode(), tx_hash.encode())
