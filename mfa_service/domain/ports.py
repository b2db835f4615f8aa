"""What the service needs from the outside world: time, chance, keys, wake-ups, push."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

JsonObject = dict[str, object]


class Clock(Protocol):
    """Source of the current time."""

    def now(self) -> int:
        """Return whole seconds since the epoch, UTC."""
        ...


class Randomness(Protocol):
    """Source of unpredictable values."""

    def bytes(self, count: int) -> bytes:
        """Return `count` bytes of a cryptographic generator."""
        ...

    def digits(self, count: int) -> str:
        """Return `count` uniformly distributed decimal digits."""
        ...


class SecretBox(Protocol):
    """Authenticated encryption bound to a place: what is moved elsewhere no longer opens."""

    def seal(self, plaintext: bytes, *, place: str) -> bytes:
        """Return the sealed form, which names its key."""
        ...

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Return the plaintext; raise `SealBroken` for any other place, key or content."""
        ...


class KeyedHash(Protocol):
    """Deterministic keyed hashes of values with at least 128 random bits."""

    def of(self, value: str, *, purpose: str) -> str:
        """Return the hash under the current key, which it names."""
        ...

    def every(self, value: str, *, purpose: str) -> tuple[str, ...]:
        """Return the hash under each readable key, for look-ups during a key roll-over."""
        ...


class Signer(Protocol):
    """Our signing key for what we state."""

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Return a compact JWS (ES256) with `typ` and `kid` in its header."""
        ...


class Subscription(Protocol):
    """One waiter's place at some topics."""

    def wait(self, seconds: float) -> bool:
        """Return whether a topic was told of within `seconds`."""
        ...

    def close(self) -> None:
        """Give the place back."""
        ...


class WakeUp(Protocol):
    """Tells waiters that something they look at may have changed."""

    def subscribe(self, *topics: str) -> Subscription | None:
        """Return a place, taken before the state is read; `None` when no place is left."""
        ...

    def tell(self, *topics: str) -> None:
        """Wake whoever waits for one of these topics."""
        ...


class PushRejected(Exception):
    """The provider did not take the message; `gone` tells that the address is dead for good."""

    def __init__(self, reason: str, *, gone: bool = False) -> None:
        super().__init__(reason)
        self.gone = gone


@dataclass(frozen=True, slots=True)
class PushMessage:
    """A wake-up for one phone: an opaque handle and nothing else."""

    address: JsonObject
    handle: str
    expires_at: int

    def __repr__(self) -> str:
        """Hide the address."""
        return f"PushMessage(expires_at={self.expires_at})"


class PushSender(Protocol):
    """One push provider."""

    @property
    def provider(self) -> str:
        """Wire name, as in `push.provider`."""
        ...

    def send(self, message: PushMessage) -> None:
        """Hand the message over; raise `PushRejected` if it was not accepted."""
        ...


class LoginRefused(Exception):
    """The login issuer vouches for nobody here: a code or a token that does not hold."""


class LoginProvider(Protocol):
    """The OpenID Connect issuer where people sign in (contract section 10)."""

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return where the browser signs in (PKCE S256); raise `Unavailable`."""
        ...

    def redeem(self, *, code: str, redirect_uri: str, verifier: str, nonce: str) -> str:
        """Return the `sub` that signed in; raise `LoginRefused` or `Unavailable`."""
        ...

    def access_token_claims(self, token: str) -> Mapping[str, object]:
        """Return the claims of its access token for us; raise `LoginRefused` or `Unavailable`."""
        ...


class SealBroken(Exception):
    """A sealed value does not open here: moved, altered, or its key is gone."""
