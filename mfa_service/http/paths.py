"""Which operation a method and a path name: a look-up for each segment (ADR 0047)."""

import re
from dataclasses import dataclass, field

from werkzeug.routing import BaseConverter, Rule

from .operations import Operation

_PARAMETER = re.compile(r"<id:([a-z_]+)>\Z")


class Identifier(BaseConverter):
    """An identifier in a path, `<id:…>` in Flask's map: anything else does not exist."""

    regex = "[A-Za-z0-9_-]{1,64}"


_IDENTIFIER = re.compile(rf"{Identifier.regex}\Z")


@dataclass(frozen=True, slots=True)
class Known:
    """An operation, its rule in Flask's map, and the names of the identifiers in its path."""

    operation: Operation
    rule: Rule
    names: tuple[str, ...]


@dataclass(slots=True)
class _Place:
    """Where some segments have led: by a fixed segment or by an identifier it goes on."""

    fixed: dict[str, "_Place"] = field(default_factory=dict)
    identified: "_Place | None" = None
    here: dict[str, Known] = field(default_factory=dict)


class Paths:
    """The operations by their paths; where an identifier stands, no fixed segment does."""

    def __init__(self) -> None:
        self._root = _Place()

    def add(self, operation: Operation, rule: Rule) -> None:
        """Let an operation be found; raise `ValueError` if that were ambiguous."""
        place, names = self._root, []
        for segment in _segments(operation.path):
            parameter = _PARAMETER.match(segment)
            if place.fixed if parameter else place.identified:
                raise ValueError(f"{operation.path}: a fixed segment beside an identifier")
            if parameter:
                names.append(parameter[1])
                place.identified = place = place.identified or _Place()
            else:
                place = place.fixed.setdefault(segment, _Place())
        place.here[operation.method] = Known(operation, rule, tuple(names))

    def find(self, method: str, path: str) -> tuple[Known, dict[str, str]] | None:
        """Return what a path that begins with `/` names; `HEAD` asks for what `GET` does."""
        place, identifiers = self._root, []
        for segment in _segments(path):
            following = place.fixed.get(segment)
            if following is None and _IDENTIFIER.match(segment):
                following = place.identified
                identifiers.append(segment)
            if following is None:
                return None
            place = following
        known = place.here.get("GET" if method == "HEAD" else method)
        if known is None:
            return None
        return known, dict(zip(known.names, identifiers, strict=True))


def _segments(path: str) -> list[str]:
    return path[1:].split("/")
