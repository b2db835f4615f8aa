"""What every use case stands on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from mfa_service.domain.assurance import LevelTable
from mfa_service.domain.attestation import AttestationPolicy
from mfa_service.domain.authenticator import Authenticator
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
        place = credential_place(authenticator_id, user_id)
        return self.secret_box.seal(json.dumps(secret).encode(), place=place)

    def open_credential(
        self,
        authenticator_id: str,
        user_id: str,
        sealed: bytes,
        *,
        counter: int = -1,
        attributes: Mapping[str, object] | None = None,
    ) -> Credential:
        """Return what verification needs, opened at its place."""
        place = credential_place(authenticator_id, user_id)
        secret = json.loads(self.secret_box.open(sealed, place=place))
        return Credential(secret, counter, attributes=attributes or {})

    def credential_of(self, found: Authenticator) -> Credential:
        """Return the opened credential of an authenticator that was read."""
        return self.open_credential(
            found.id,
            found.user_id,
            found.credential,
            counter=found.counter,
            attributes=found.attributes,
        )

    def tell(
        self,
        *,
        challenge_id: str | None = None,
        user_id: str | None = None,
        enrollment_id: str | None = None,
        topics: tuple[str, ...] = (),
    ) -> None:
        """Wake those who wait for this challenge or enrollment, and this user's phones."""
        named = {"challenge": challenge_id, "user": user_id, "enrollment": enrollment_id}
        self.wake_up.tell(*topics, *(f"{kind}:{name}" for kind, name in named.items() if name))


def credential_place(authenticator_id: str, user_id: str) -> str:
    """Return the place to which an authenticator's credential is sealed."""
    return f"authenticator|credential|{user_id}|{authenticator_id}"


def user_handle(user_id: str) -> bytes:
    """Return WebAuthn's name of a user: 32 bytes that tell nobody who it is and die with it.

    WebAuthn Level 3 §14.6.1.
    """
    return hashlib.sha256(f"webauthn-user-handle|{user_id}".encode()).digest()


def push_place(authenticator_id: str) -> str:
    """Return the place to which a phone's push address is sealed."""
    return f"device|push_address|{authenticator_id}"


def enrollment_place(enrollment_id: str) -> str:
    """Return the place to which a pending enrollment is sealed."""
    return f"enrollment|sealed|{enrollment_id}"
