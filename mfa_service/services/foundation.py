"""What every use case stands on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from mfa_service.domain.assurance import LevelTable
from mfa_service.domain.attestation import AttestationPolicy
from mfa_service.domain.factor import Credential, Factor
from mfa_service.domain.limits import Limits
from mfa_service.domain.ports import (
    Clock,
    JsonObject,
    KeyedHash,
    Randomness,
    SecretBox,
    WakeUp,
)
from mfa_service.persistence.unit_of_work import UnitOfWork

from .keys import KeyRing


@dataclass(frozen=True, slots=True)
class Foundation:
    """Ports, stores and rules, chosen once by `wiring`."""

    issuer: str
    service_name: str
    rp_id: str
    origins: tuple[str, ...]
    app_origins: tuple[str, ...]
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
    attestation: AttestationPolicy

    def factor_of(self, kind: str) -> Factor:
        """Return the factor of an authenticator's type; raise `KeyError` for an unknown one."""
        return next(factor for factor in self.factors.values() if factor.type == kind)

    def seal_credential(self, authenticator_id: str, user_id: str, secret: JsonObject) -> bytes:
        """Return an authenticator's secret, sealed to its row."""
        place = _credential_place(authenticator_id, user_id)
        return self.secret_box.seal(json.dumps(secret).encode(), place=place)

    def open_credential(
        self, authenticator_id: str, user_id: str, sealed: bytes, *, counter: int = -1
    ) -> Credential:
        """Return what verification needs, opened at its place."""
        place = _credential_place(authenticator_id, user_id)
        return Credential(json.loads(self.secret_box.open(sealed, place=place)), counter)

    def tell(self, *, challenge_id: str | None = None, user_id: str | None = None) -> None:
        """Wake those who wait for this challenge, and this user's phones."""
        topics = [f"challenge:{challenge_id}"] if challenge_id else []
        topics += [f"user:{user_id}"] if user_id else []
        self.wake_up.tell(*topics)


def _credential_place(authenticator_id: str, user_id: str) -> str:
    """Return the place to which an authenticator's credential is sealed."""
    return f"authenticator|credential|{user_id}|{authenticator_id}"


def push_place(authenticator_id: str) -> str:
    """Return the place to which a phone's push address is sealed."""
    return f"device|push_address|{authenticator_id}"


def enrollment_place(enrollment_id: str) -> str:
    """Return the place to which a pending enrollment is sealed."""
    return f"enrollment|sealed|{enrollment_id}"
