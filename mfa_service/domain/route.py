"""One route of the gateway: which requests it is about, and what their token has to be."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?\Z")
_PATTERN = re.compile(r"/[^\\;%#?\[\]{}]*\Z")
_WILD = {"**": ".*", "*": "[^/]*"}
_WILDCARD = re.compile(r"(\*\*|\*)")
_SEGMENT, _DEEP = "aaaaaaaa", "aaaaaaaa/" * 8 + "a"


@dataclass(frozen=True, slots=True)
class Route:
    """Requests by host, path pattern and methods (`None`: any), and the token that they need.

    The token has to be of one of `issuers`, for `audience`, with all `scopes`, one of
    `acr_values`, and made by an authentication at most `max_age` seconds ago.
    """

    number: int
    audience: str
    issuers: frozenset[str]
    host: str | None = None
    path: str = "/**"
    methods: frozenset[str] | None = None
    scopes: tuple[str, ...] = ()
    acr_values: tuple[str, ...] = ()
    max_age: int | None = None

    def fits(self, method: str, host: str, path: str) -> bool:
        """Tell whether it is about this request; `path` is a normalised one."""
        named = self.host in {None, host, host_name(host)}
        permitted = self.methods is None or method in self.methods
        return named and permitted and covers(self.path, path)

    def hides(self, later: "Route") -> bool:
        """Tell whether `later` is never reached because this one comes first."""
        hosts = self.host is None or self.host in {later.host, host_name(later.host or "")}
        methods = self.methods is None or (later.methods or {""}) <= self.methods
        return hosts and methods and all(covers(self.path, path) for path in _examples(later.path))

    def __str__(self) -> str:
        """Return how the log names it."""
        methods = ",".join(sorted(self.methods)) if self.methods else "*"
        return f"{self.number}: {methods} {self.host or '*'}{self.path}"


def host_name(host: str) -> str:
    """Return a host without its port."""
    found = _HOST.match(host)
    return found["name"] if found else host


def is_host(host: str) -> bool:
    """Tell whether it is a host in lower case, with or without port (RFC 9110 §7.2)."""
    return bool(_HOST.match(host))


def is_pattern(pattern: str) -> bool:
    """Tell whether it is a path pattern, which is written as paths are after decoding."""
    dotted = {".", ".."} & set(pattern.split("/"))
    return bool(_PATTERN.match(pattern)) and "//" not in pattern and not dotted


def covers(pattern: str, path: str) -> bool:
    """Tell whether a path fits a pattern.

    `*` is any part of one segment and `**` is anything. What ends with `*` covers all that begins
    like it, deeper segments too, so that nothing below a protected path is left out; `/a/**`
    covers `/a` as well.
    """
    return _compiled(pattern).match(path) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    head, tail = pattern, ""
    if pattern.endswith("/**"):
        head, tail = pattern[:-3], "(?:/.*)?"
    elif pattern.endswith("*"):
        head, tail = pattern.rstrip("*"), ".*"
    parts = (_WILD.get(part) or re.escape(part) for part in _WILDCARD.split(head))
    return re.compile(f"{''.join(parts)}{tail}\\Z", re.DOTALL)


def _examples(pattern: str) -> Iterator[str]:
    """Yield paths that a pattern covers, shallow and deep."""
    for filler in (_SEGMENT, _DEEP):
        head = pattern[:-3] if pattern.endswith("/**") else pattern.rstrip("*")
        base = head.replace("**", filler).replace("*", _SEGMENT)
        if head != pattern:
            between = "/" if pattern.endswith("/**") else ""
            yield f"{base}{between}{filler}"
        if base:
            yield base
