"""What a request cost, and where tracing is told of it; without a tracer nothing is told."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

Value = str | int


@dataclass(slots=True)
class Counts:
    """Statements and transactions of one request."""

    statements: int = 0
    commits: int = 0


class Span(Protocol):
    """Something that is under way."""

    def set(self, name: str, value: Value) -> None:
        """Note what is known by now; never a secret, a text of somebody, or who it is."""
        ...


class Tracer(Protocol):
    """Where spans go; nothing that it does may fail or hold up a request."""

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value]) -> Iterator[Span]:
        """Tell of what happens in the block."""
        ...

    def request(
        self, name: str, attributes: Mapping[str, Value], *, seconds: float, parent: str | None
    ) -> None:
        """Tell of a request that has been answered; `parent` is its `traceparent`."""
        ...


class _NoSpan:
    def set(self, name: str, value: Value) -> None:
        """Tell nobody."""


class Tracing:
    """The tracer of this process, if there is one."""

    def __init__(self) -> None:
        self.tracer: Tracer | None = None

    @contextmanager
    def span(self, name: str, **attributes: Value) -> Iterator[Span]:
        """Tell of what happens in the block; `a_b` is the attribute `mfa.a_b`."""
        if self.tracer is None:
            yield _NoSpan()
            return
        named = {f"mfa.{key}": value for key, value in attributes.items()}
        with self.tracer.span(name, named) as span:
            yield span


TRACING = Tracing()
_counts: ContextVar[Counts | None] = ContextVar("mfa_counts", default=None)


def count_into(counts: Counts) -> None:
    """Let what the running thread does from now on be counted there."""
    _counts.set(counts)


def count_statement() -> None:
    """Count a statement of the running request."""
    counts = _counts.get()
    if counts is not None:
        counts.statements += 1


def count_commit() -> None:
    """Count a transaction of the running request."""
    counts = _counts.get()
    if counts is not None:
        counts.commits += 1
