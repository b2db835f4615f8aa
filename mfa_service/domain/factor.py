"""The contract that every factor module fulfils."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .attestation import AttestationPolicy, Model
from .ports import JsonObject, Randomness

Proof = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a WebAuthn ceremony is begun, and the origins from which it may be answered.

    An answer from another place than the one that asked is wrong (threats, "Script on one
    registered origin").
    """

    name: str
    origins: tuple[str, ...]

    @property
    def is_phone(self) -> bool:
        """Whether the ceremony is made on a phone: not bound to the browser that asks."""
        return self.name == PHONE


API, PAGE, PHONE = "api", "page", "phone"


@dataclass(frozen=True, slots=True)
class Binding:
    """Ties a proof to one challenge of one subject; empty where a factor needs none.

    `nonce` is what the proof has to sign; `user_verification` tells that WebAuthn has to verify
    the user; `corroborated` that another factor was proven for the same challenge.
    """

    challenge_id: str = ""
    nonce: str = ""
    display_code: str = ""
    rp_id: str = ""
    place: Place = Place(API, ())
    user_handle: bytes = b""
    user_verification: bool = False
    corroborated: bool = False

    def __repr__(self) -> str:
        """Hide the display code."""
        return f"Binding({self.challenge_id})"


@dataclass(frozen=True, slots=True)
class Credential:
    """What verification needs: the opened secret and the last accepted counter.

    `uses` is how often it may be used, for one that runs out; `attributes` are what may be
    listed; `unique` names what no other authenticator of anybody may have.
    """

    secret: JsonObject
    counter: int = -1
    uses: int | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    unique: str | None = None

    def __repr__(self) -> str:
        """Hide the secret."""
        return f"Credential(counter={self.counter})"


@dataclass(frozen=True, slots=True)
class Verified:
    """A proof that holds: evidence by name in the table of levels, and what it uses up.

    `spends` is a token that works once; `counter` must be above the stored one when settled;
    `attributes` are new ones, if they changed.
    """

    evidence: tuple[str, ...]
    spends: str | None = None
    counter: int | None = None
    attributes: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """The start of an enrollment: what to keep sealed, and what to show once.

    With `complete`, `pending` already is the credential's secret and nothing is to be confirmed.
    """

    pending: JsonObject
    shown: JsonObject
    complete: bool = False
    uses: int | None = None

    def __repr__(self) -> str:
        """Hide the secrets."""
        return f"Begun(complete={self.complete})"


@dataclass(frozen=True, slots=True)
class EnrollmentSubject:
    """For whom, and under whose name, an authenticator is enrolled.

    `rp_name` is the name that people know us by; `user_handle` are 32 opaque bytes; `registered`
    are the credentials of the same type that the subject has; `attested` tells that attestation
    would be believed.
    """

    issuer: str
    sub: str
    rp_id: str = ""
    rp_name: str = ""
    user_handle: bytes = b""
    registered: tuple[Credential, ...] = ()
    attested: bool = False


@dataclass(frozen=True, slots=True)
class Registration:
    """Where an enrollment is confirmed, and whose attestation is believed. `models` by AAGUID."""

    rp_id: str = ""
    origins: tuple[str, ...] = ()
    policy: AttestationPolicy = field(default_factory=AttestationPolicy)
    models: Mapping[str, Model] = field(default_factory=dict)


class Factor(Protocol):
    """One way to prove presence. Stateless: credentials come in, verdicts come out."""

    @property
    def method(self) -> str:
        """Wire name in `methods` and in an answer."""
        ...

    @property
    def type(self) -> str:
        """Wire name of the authenticator, stored, so never renamed."""
        ...

    @property
    def default_label(self) -> str:
        """Label of an authenticator that nobody named."""
        ...

    @property
    def order(self) -> int:
        """Position among what is offered to a caller without a preference, lowest first."""
        ...

    @property
    def slow(self) -> bool:
        """Whether `verify` takes milliseconds, so that no lock may be held meanwhile."""
        ...

    @property
    def counted(self) -> bool:
        """Whether wrong proofs are counted on the authenticator, up to a limit."""
        ...

    def potential(
        self, attributes: Mapping[str, object], *, pin: bool, on_phone: bool = False
    ) -> tuple[str, ...]:
        """Return everything that an authenticator could prove, by name in the table of levels.

        `on_phone`: inside the answer of a phone, not in the browser that is being authenticated.
        """
        ...

    def begin(self, subject: EnrollmentSubject, randomness: Randomness) -> Begun:
        """Return what to show and what to seal while the enrollment is pending."""
        ...

    def finish(
        self, pending: JsonObject, proof: Proof, *, registration: Registration, at: int
    ) -> Credential:
        """Prove possession once; raise `ProofRejected` if it does not hold."""
        ...

    def prompt(
        self, credentials: Sequence[Credential], *, binding: Binding, seconds: int
    ) -> JsonObject:
        """Return what the client needs to answer within `seconds`; empty for most factors."""
        ...

    def verify(
        self, credential: Credential, proof: Proof, *, binding: Binding, at: int
    ) -> Verified:
        """Check `proof`; raise `ProofRejected` if it does not hold, and nothing else."""
        ...
