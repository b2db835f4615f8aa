"""What one browser is doing here: who is signed in, which requests and challenges are open."""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from examples.authorization_server.decision import Evidence, Progress, Refuse, Standing
from examples.authorization_server.stepup import Opened, State
from examples.authorization_server.wanted import Wanted

SESSION_SECONDS = 3000
MOST_OPEN = 10


def new_id() -> str:
    """Return an identifier that nobody can guess."""
    return secrets.token_urlsafe(16)


@dataclass(slots=True)
class Flow:
    """One authorization request of one browser, from arrival to answer."""

    parameters: Mapping[str, str]
    wanted: Wanted
    progress: Progress = field(default_factory=Progress)
    wait_id: str | None = None
    id: str = field(default_factory=new_id)


@dataclass(slots=True)
class Wait:
    """A challenge that this browser waits for. `lock` guards the move to its outcome."""

    opened: Opened
    state: State
    purpose: str
    next: str
    transaction: Mapping[str, Any] | None = None
    message: str = ""
    evidence: Evidence | None = None
    refused: Refuse | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def id(self) -> str:
        """The name under which this session knows it; the hosted page brings it back."""
        return self.opened.state

    @property
    def over(self) -> bool:
        """Whether the challenge has ended and its result was judged."""
        return self.evidence is not None or self.refused is not None


@dataclass(slots=True)
class Shown:
    """An enrollment that is under way, with its one-time secrets, until it is confirmed."""

    type: str
    enrollment: Mapping[str, Any] = field(repr=False)
    message: str = ""
    id: str = field(default_factory=new_id)


@dataclass(slots=True)
class Browser:
    """The data of a session. Signing in starts a new one and takes over one request at most."""

    standing: Standing | None = None
    flows: dict[str, Flow] = field(default_factory=dict)
    waits: dict[str, Wait] = field(default_factory=dict)
    shown: dict[str, Shown] = field(default_factory=dict)
    notice: str = ""

    def keep(self, opened: Flow | Wait | Shown) -> None:
        """Keep what was opened; of each kind the oldest beyond ten is forgotten."""
        kind: dict[str, Any] = (
            self.flows
            if isinstance(opened, Flow)
            else self.waits
            if isinstance(opened, Wait)
            else self.shown
        )
        kind[opened.id] = opened
        while len(kind) > MOST_OPEN:
            kind.pop(next(iter(kind)), None)

    def take_notice(self) -> str:
        """Return the text to show once on the next page."""
        notice, self.notice = self.notice, ""
        return notice


def signed_in(standing: Standing, flow: Flow | None) -> Browser:
    """Return a session's data after sign-in: nothing that an earlier person reached is kept."""
    if flow is None:
        return Browser(standing)
    again = replace(flow, progress=Progress(signed_in=True), wait_id=None)
    return Browser(standing, flows={again.id: again})
