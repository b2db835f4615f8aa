"""Fakes of ports: a clock that moves when told, a push provider that remembers, a login issuer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from mfa_service.domain.errors import Unavailable
from mfa_service.domain.ports import LoginRefused, PushMessage, PushRejected


class FrozenClock:
    """A clock that moves only when told to."""

    def __init__(self, at: int = 1_795_430_000) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def advance(self, seconds: int) -> None:
        self.at += seconds


@dataclass
class FakeSender:
    """Takes notifications, or refuses them with `error`."""

    provider: str
    sent: list[PushMessage] = field(default_factory=list)
    error: PushRejected | None = None

    def send(self, message: PushMessage) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(message)


@dataclass
class FakeLogin:
    """A login issuer that knows these codes (each once) and these access tokens."""

    codes: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, Mapping[str, object]] = field(default_factory=dict)
    down: bool = False

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        self._answer()
        query = {"redirect_uri": redirect_uri, "state": state, "nonce": nonce}
        return f"https://login.example/authorize?{urlencode(query)}"

    def redeem(self, *, code: str, redirect_uri: str, verifier: str, nonce: str) -> str:
        self._answer()
        if code not in self.codes:
            raise LoginRefused("code")
        return self.codes.pop(code)

    def access_token_claims(self, token: str) -> Mapping[str, object]:
        self._answer()
        if token not in self.tokens:
            raise LoginRefused("access token")
        return self.tokens[token]

    def _answer(self) -> None:
        if self.down:
            raise Unavailable("The login issuer does not answer.", retry_after=5)
