"""Fakes of ports: a clock that moves when told, a push provider that remembers."""

from dataclasses import dataclass, field

from mfa_service.domain.ports import PushMessage, PushRejected


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
