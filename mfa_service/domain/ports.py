"""What the service needs from the outside world: time, chance, keys, wake-ups, push."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from .access_token import AccessToken
from .subject import Client

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

    def saw(self, mark: object) -> None:
        """Note what was read, in the form in which `services.waiting.Watcher` reads it."""
        ...

    def wait(self, seconds: float) -> bool:
        """Return whether a topic was told of within `seconds`."""
        ...

    def when_told(self, call: Callable[[], None]) -> None:
        """Have `call` called, quickly and once or more, from when a topic was told of."""
        ...

    def close(self) -> None:
        """Give the place back."""
        ...


class WakeUp(Protocol):
    """Tells waiters that something they look at may have changed."""

    def subscribe(self, *topics: str) -> Subscription | None:
        """Return a place, taken before the state is read; `None` when no place is left."""
        ...

    def park(self, *topics: str) -> Subscription | None:
        """Return a place for one that waits without a thread, of which there are many more."""
        ...

    def tell(self, *topics: str) -> None:
        """Wake whoever waits for one of these topics."""
        ...


class PushRejected(Exception):
    """The provider did not take the message; the text is a word for the log.

    `gone`: the address is dead for good. `final`: nothing is won by trying again. `retry_after`:
    not before so many seconds. `alert`: the operator has to do something.
    """

    def __init__(
        self,
        reason: str,
        *,
        gone: bool = False,
        final: bool = False,
        retry_after: int = 0,
        alert: bool = False,
    ) -> None:
        super().__init__(reason)
        self.gone = gone
        self.final = final or gone
        self.retry_after = retry_after
        self.alert = alert


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
    """One push provider. An operator may bring another one (docs/operating.md, "Own sender").

    `send` is called in threads, several at once, and at least once for each message. It ends
    within 20 seconds, keeps no address and no handle, and writes neither into a log.
    """

    @property
    def provider(self) -> str:
        """Wire name, as in `push.provider`: `fcm` or `webpush`."""
        ...

    def send(self, message: PushMessage) -> None:
        """Hand the message over; raise `PushRejected` if it was not accepted.

        `message.address` is what the phone gave: `token` for `fcm`, `endpoint` and `keys` for
        `webpush`, whose endpoint may be anywhere. Any other exception means: again, later.
        """
        ...


class PushSenderFactory(Protocol):
    """What an entry point of the group `stepup_mfa.push_senders` leads to, named after a provider.

    It is called at the start to see whether it works, and in each process that sends.
    """

    def __call__(self, clock: Clock) -> PushSender:
        """Return a sender; raise `SenderUnusable` with a text for the operator."""
        ...


class SenderUnusable(Exception):
    """The sender cannot work as it is set up; the text tells the operator why, and no secret."""


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


class Notifier(Protocol):
    """Tells another server that something happened; goes only where that harms nobody."""

    def notify(self, url: str, bearer: str, body: Mapping[str, object]) -> None:
        """Post JSON with a bearer token; raise `NotNotified` unless it was taken."""
        ...


class NotNotified(Exception):
    """The other server did not take it; the text is a word for the log, and no part of a URL."""


class DirectoryFault(Exception):
    """The directory does not answer, or not in a way that can be used; the text names no value."""


class DirectoryBusy(DirectoryFault):
    """The directory cannot answer this now, which says nothing about other questions."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A client that a directory has, disabled ones too, and the entry that its secret is of."""

    client: Client
    entry: str


class ClientDirectory(Protocol):
    """Where an organisation keeps its service accounts (contract section 9).

    Each call asks the directory and raises `DirectoryFault` if that does not answer it.
    """

    def find(self, client_id: str) -> Listed | None:
        """Return the client if exactly one entry has this id and some group gives it a scope."""
        ...

    def proves(self, listed: Listed, secret: str) -> bool:
        """Tell whether the secret is the entry's; an empty one never is, and is never sent."""
        ...

    def all(self) -> list[Listed]:
        """Return every client, by id."""
        ...

    def stands(self) -> bool:
        """Tell, without asking anything, whether some connection to it is still there."""
        ...


class TokenSource(Protocol):
    """One issuer of access tokens for the APIs behind the gateway (contract section 9)."""

    @property
    def introspects(self) -> bool:
        """Whether opaque tokens of this issuer can be judged."""
        ...

    def signed(self, token: str) -> AccessToken:
        """Return an RFC 9068 token that is alive; raise `TokenRefused` or `Unavailable`."""
        ...

    def opaque(self, token: str) -> AccessToken:
        """Return what the issuer says of it (RFC 7662); raise `TokenRefused` or `Unavailable`."""
        ...


class SealBroken(Exception):
    """A sealed value does not open here: moved, altered, or its key is gone."""
