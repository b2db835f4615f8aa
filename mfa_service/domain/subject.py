"""Who calls, and for whom: clients, users, and a user with everything enrolled."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .authenticator import Authenticator, State


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client of this service."""

    id: str
    name: str
    realm: str
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    disabled: bool = False
    jwks: Mapping[str, object] | None = None
    secret_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """A subject within a realm."""

    id: str
    realm: str
    sub: str
    created_at: int
    fraud_reported_at: int | None

    def fraud_paused_at(self, now: int, pause: int) -> bool:
        """Tell whether a fraud report still holds back pushes and changes."""
        return self.fraud_reported_at is not None and now < self.fraud_reported_at + pause


@dataclass(frozen=True, slots=True)
class Subject:
    """A user with the authenticators that are listed: active and suspended ones."""

    user: User
    authenticators: tuple[Authenticator, ...]

    def usable(self, kind: str | None = None) -> tuple[Authenticator, ...]:
        """Return what can prove something now, oldest first."""
        return tuple(a for a in self.authenticators if a.usable and kind in {None, a.type})

    @property
    def is_new(self) -> bool:
        """Whether the binding rule lets the first authenticator in without a step-up.

        What is removed needed a step-up or an administrator, and a phone that removed itself is
        still listed as suspended: so nothing listed means new.
        """
        return not self.authenticators

    @property
    def only_suspended(self) -> bool:
        """Whether nothing but an administrator can help."""
        states = {a.state for a in self.authenticators}
        return bool(states) and State.ACTIVE not in states
