"""Who calls, and for whom: clients, users, and a user with everything enrolled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .authenticator import Authenticator, State
from .client_metadata import ClientMetadata
from .dialects import DIALECTS, Dialect

_REALM = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


class Source(StrEnum):
    """Who administers a client: the operator of this service, or an LDAP directory."""

    LOCAL = "local"
    DIRECTORY = "directory"


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
    metadata: ClientMetadata = field(default_factory=ClientMetadata)
    source: Source = Source.LOCAL

    @property
    def dialect(self) -> Dialect:
        """In which words it is told what a step-up was worth."""
        return DIALECTS[self.metadata.dialect]


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


def is_realm(name: str) -> bool:
    """Tell whether it can name a realm: 1 to 64 of letters, digits, dot, - and _."""
    return bool(_REALM.match(name))
