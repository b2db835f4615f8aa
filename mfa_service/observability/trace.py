"""Which request is running, for logs and audit."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trace:
    """The request id and the peer's address."""

    request_id: str | None = None
    ip: str | None = None


_NONE = Trace()
_current: ContextVar[Trace] = ContextVar("mfa_trace", default=_NONE)


def begin(trace: Trace) -> None:
    """Make `trace` that of the running thread."""
    _current.set(trace)


def current() -> Trace:
    """Return the running thread's trace."""
    return _current.get()
