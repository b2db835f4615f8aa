"""Requests that wait without a thread (ADR 0034).

A server that can put a request aside opens a `Visit` for it. Whoever has to wait then raises
`Parked`; the server keeps the connection, gives the thread to others, and asks the application the
same again when the place is told or its time is up. The visit stays the same: what it first saw,
until when it waits, who proved what.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from mfa_service.domain.ports import Subscription
from mfa_service.observability.spans import Counts


@dataclass(slots=True)
class Visit:
    """One request from its arrival to its answer, however often it is asked in between.

    `proven` is who asks, as it was judged at the arrival: a token may well expire meanwhile.
    """

    request_id: str | None = None
    started: float | None = None
    proven: object = field(default=None, repr=False)
    first: object = field(default=None, repr=False)
    deadline: int | None = None
    """Until when it waits; `None` before it waited."""
    counts: Counts = field(default_factory=Counts)


class Parked(BaseException):
    """Wait for `place` at most so many seconds, then ask again.

    No `Exception`, so that nobody on the way takes it for a fault and answers it.
    """

    def __init__(self, place: Subscription, seconds: int) -> None:
        super().__init__()
        self.place = place
        self.seconds = seconds


_visit: ContextVar[Visit | None] = ContextVar("mfa_visit", default=None)


def visit() -> Visit | None:
    """Return the running request's visit; `None` if it cannot be put aside."""
    return _visit.get()


@contextmanager
def visiting(opened: Visit) -> Iterator[None]:
    """Let what runs inside be put aside."""
    token = _visit.set(opened)
    try:
        yield
    finally:
        _visit.reset(token)
