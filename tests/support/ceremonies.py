"""Both WebAuthn ceremonies of the factor alone: no service, no database, a fixed time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.domain.attestation import AttestationPolicy, Model
from mfa_service.domain.factor import (
    API,
    Binding,
    Credential,
    EnrollmentSubject,
    Place,
    Registration,
    Verified,
)
from mfa_service.factors.webauthn import FACTOR

from .authenticator import SoftAuthenticator
from .cose import b64url

RP_ID, ORIGIN, AT = "example.org", "https://example.org", 1_795_000_000
HANDLE, NONCE = b"h" * 32, b64url(b"n" * 32)


@dataclass
class Ceremonies:
    """A relying party that knows one authenticator."""

    key: SoftAuthenticator = field(default_factory=SoftAuthenticator)
    policy: AttestationPolicy = field(default_factory=AttestationPolicy)
    models: Mapping[str, Model] = field(default_factory=dict)
    origins: tuple[str, ...] = (ORIGIN,)

    def register(self, *, origin: str = ORIGIN, **odd: Any) -> Credential:
        """Make a credential; raises `ProofRejected` if it is refused."""
        subject = EnrollmentSubject(ORIGIN, "alice", rp_id=RP_ID, user_handle=HANDLE)
        begun = FACTOR.begin(subject, SystemRandomness())
        options: Any = begun.shown["publicKey"]
        made = self.key.create(options, origin=origin, **odd)
        return self.finish(dict(begun.pending), made)

    def finish(self, pending: dict[str, Any], credential: object) -> Credential:
        """Judge a RegistrationResponseJSON."""
        registration = Registration(RP_ID, self.origins, self.policy, self.models)
        proof = {"credential": credential}
        return FACTOR.finish(pending, proof, registration=registration, at=AT)

    def signed(self, *, origin: str = ORIGIN, **odd: Any) -> dict[str, Any]:
        """Return an AuthenticationResponseJSON."""
        options = {"challenge": NONCE, "rpId": RP_ID}
        return self.key.get(options, origin=origin, **odd)

    def authenticate(self, credential: Credential, **odd: Any) -> Verified:
        """Sign, and judge it; raises `ProofRejected` if it is refused."""
        return judge(credential, self.signed(**odd))


def judge(credential: Credential, answer: object, binding: Binding | None = None) -> Verified:
    """Judge an AuthenticationResponseJSON."""
    return FACTOR.verify(credential, {"credential": answer}, binding=binding or bound(), at=AT)


def bound(**other: Any) -> Binding:
    """Return what an answer has to be bound to."""
    usual = Binding(nonce=NONCE, rp_id=RP_ID, place=Place(API, (ORIGIN,)), user_handle=HANDLE)
    return replace(usual, **other)
