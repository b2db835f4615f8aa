"""An authenticator as it stands at one moment, and what still counts of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

DAY = 86_400


class State(StrEnum):
    """Life of an authenticator (SP 800-63B-4 §4)."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class SuspendedBy(StrEnum):
    """Who suspended it."""

    CLIENT = "client"
    USER = "user"
    ADMIN = "admin"
    LIMIT = "limit"


class Pin(StrEnum):
    """Whether a phone has a PIN; a disabled one returns only by a new enrollment."""

    NONE = "none"
    SET = "set"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Authenticator:
    """One authenticator; `credential` is sealed."""

    id: str
    user_id: str
    type: str
    label: str
    state: State
    suspended_by: SuspendedBy | None
    suspended_at: int | None
    created_at: int
    last_used_at: int | None
    attributes: Mapping[str, object]
    credential: bytes
    failures: int
    counter: int
    uses_left: int | None
    pin: Pin
    pin_disabled_at: int | None
    push_provider: str | None
    removed_itself: bool

    def __repr__(self) -> str:
        """Hide the credential."""
        return f"Authenticator({self.id}, {self.type}, {self.state})"

    @property
    def usable(self) -> bool:
        """Whether it can prove anything now."""
        return self.state is State.ACTIVE and self.uses_left != 0

    @property
    def can_return(self) -> bool:
        """Whether a step-up can put it to work again; else only a new enrollment helps."""
        by_limit = self.suspended_by is SuspendedBy.LIMIT
        return self.state is State.SUSPENDED and not by_limit and not self.removed_itself

    def counts_at(self, now: int) -> bool:
        """Tell whether the binding rule counts it: usable, or suspended by hand within 24 h.

        Otherwise whoever holds a session could suspend the strong authenticator and then need
        only the weak one (threats, "Suspend the passkey").
        """
        by_hand = self.suspended_by in {SuspendedBy.CLIENT, SuspendedBy.USER}
        recent = self.suspended_at is not None and now - self.suspended_at <= DAY
        return self.usable or (self.state is State.SUSPENDED and by_hand and recent)

    def pin_counts_at(self, now: int) -> bool:
        """Tell whether the binding rule counts its PIN: set, or disabled within 24 h."""
        recent = self.pin_disabled_at is not None and now - self.pin_disabled_at <= DAY
        return self.pin is Pin.SET or (self.pin is Pin.DISABLED and recent)
