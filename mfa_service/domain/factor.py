"""The contract that every factor module fulfils."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .ports import JsonObject, Randomness

Proof = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Binding:
    """Ties a proof to one challenge of one subject; empty where a factor needs none."""

    challenge_id: str = ""
    nonce: str = ""
    display_code: str = ""

    def __repr__(self) -> str:
        """Hide the display code."""
        return f"Binding({self.challenge_id})"


@dataclass(frozen=True, slots=True)
class Credential:
    """What verification needs: the opened secret and the last accepted counter.

    `uses` is how often it may be used, for one that runs out.
    """

    secret: JsonObject
    counter: int = -1
    uses: int | None = None

    def __repr__(self) -> str:
        """Hide the secret."""
        return f"Credential(counter={self.counter})"


@dataclass(frozen=True, slots=True)
class Verified:
    """A proof that holds: evidence by name in the table of levels, and what it uses up.

    `spends` is a token that works once; `counter` must be above the stored one when settled.
    """

    evidence: tuple[str, ...]
    spends: str | None = None
    counter: int | None = None


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
    """For whom, and under whose name, an authenticator is enrolled."""

    issuer: str
    sub: str


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

    def potential(self, attributes: Mapping[str, object], *, pin: bool) -> tuple[str, ...]:
        """Return everything that an authenticator could prove, by name in the table of levels."""
        ...

    def begin(self, subject: EnrollmentSubject, randomness: Randomness) -> Begun:
        """Return what to show and what to seal while the enrollment is pending."""
        ...

    def finish(self, pending: JsonObject, proof: Proof, *, at: int) -> Credential:
        """Prove possession once; raise `ProofRejected` if it does not hold."""
        ...

    def verify(
        self, credential: Credential, proof: Proof, *, binding: Binding, at: int
    ) -> Verified:
        """Check `proof`; raise `ProofRejected` if it does not hold, and nothing else."""
        ...
