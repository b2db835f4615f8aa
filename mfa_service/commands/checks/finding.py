"""One thing that was looked at, for an operator."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is; `ok` is not."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of `check`, why that matters, and what to do; nothing in it is secret."""

    level: Level
    check: str
    what: str
    why: str = ""
    todo: str = ""


def ok(check: str, what: str) -> Finding:
    """Return that all is well."""
    return Finding(Level.OK, check, what)


def warning(check: str, what: str, why: str, todo: str) -> Finding:
    """Return what works and should not stay."""
    return Finding(Level.WARNING, check, what, why, todo)


def error(check: str, what: str, why: str, todo: str) -> Finding:
    """Return what does not work, or endangers people."""
    return Finding(Level.ERROR, check, what, why, todo)
