"""What every use case stands on."""

from collections.abc import Mapping
from dataclasses import dataclass

from mfa_service.domain.assurance import LevelTable
from mfa_service.domain.factor import Factor
from mfa_service.domain.limits import Limits
from mfa_service.domain.ports import Clock, KeyedHash, Randomness, SecretBox, WakeUp
from mfa_service.persistence.unit_of_work import UnitOfWork

from .keys import KeyRing


@dataclass(frozen=True, slots=True)
class Foundation:
    """Ports, stores and rules, chosen once by `wiring`."""

    issuer: str
    clock: Clock
    randomness: Randomness
    secret_box: SecretBox
    keyed_hash: KeyedHash
    keys: KeyRing
    wake_up: WakeUp
    work: UnitOfWork
    factors: Mapping[str, Factor]
    levels: LevelTable
    limits: Limits
    android_roots: bytes

    def factor_of(self, kind: str) -> Factor:
        """Return the factor of an authenticator's type; raise `KeyError` for an unknown one."""
        return next(factor for factor in self.factors.values() if factor.type == kind)

    def tell(self, *, challenge_id: str | None = None, user_id: str | None = None) -> None:
        """Wake those who wait for this challenge, and this user's phones."""
        topics = [f"challenge:{challenge_id}"] if challenge_id else []
        topics += [f"user:{user_id}"] if user_id else []
        self.wake_up.tell(*topics)


def credential_place(authenticator_id: str, user_id: str) -> str:
    """Return the place to which an authenticator's credential is sealed."""
    return f"authenticator|credential|{user_id}|{authenticator_id}"


def push_place(authenticator_id: str) -> str:
    """Return the place to which a phone's push address is sealed."""
    return f"device|push_address|{authenticator_id}"


def enrollment_place(enrollment_id: str) -> str:
    """Return the place to which a pending enrollment is sealed."""
    return f"enrollment|sealed|{enrollment_id}"
