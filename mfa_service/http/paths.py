"""Which operation a method and a path name: a look-up for each segment (ADR 0047)."""

import re
from dataclasses import dataclass

from werkzeug.routing import Rule

from .operations import Operation

ID = "[A-Za-z0-9_-]{1,64}"
"""An identifier in a path: anything else does not exist."""
_ID = re.compile(rf"{ID}\Z")
_PARAMETER = re.compile(r"<id:([a-z_]+)>\Z")


@dataclass(frozen=True, slots=True)
class Known:
    """An operation, its rule in Flask's map, and the names of the identifiers in its path."""

    operation: Operation
    rule: Rule
    names: tuple[str, ...]


class Paths:
    """What the segments so far lead to. Fixed segments and identifiers do not meet at one place."""

    def __init__(self) -> None:
        self._fixed: dict[str, Paths] = {}
        self._identified: Paths | None = None
        self._here: dict[str, Known] = {}

    def add(self, operation: Operation, rule: Rule) -> None:
        """Let an operation be found."""
        at, names = self, []
        for segment in _segments(operation.path):
            if parameter := _PARAMETER.match(segment):
                names.append(parameter[1])
                at._identified = at = at._identified or Paths()
            else:
                at = at._fixed.setdefault(segment, Paths())
            if at._fixed and at._identified:
                raise ValueError(f"{operation.path}: a fixed segment beside an identifier")
        at._here[operation.method] = Known(operation, rule, tuple(names))

    def find(self, method: str, path: str) -> tuple[Known, dict[str, str]] | None:
        """Return what a path that begins with `/` names; `HEAD` asks for what `GET` does."""
        at: Paths | None = self
        identifiers = []
        for segment in _segments(path):
            if at._identified is None:
                at = at._fixed.get(segment)
            elif _ID.match(segment):
                at = at._identified
                identifiers.append(segment)
            else:
                return None
            if at is None:
                return None
        known = at._here.get("GET" if method == "HEAD" else method)
        return known and (known, dict(zip(known.names, identifiers, strict=True)))


def _segments(path: str) -> list[str]:
    return path[1:].split("/")
