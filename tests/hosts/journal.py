"""What callers saw: every answer that was none, every proof that was taken, every result."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.phone import claims_of

_CHANGING = ("iat", "exp")  # of a result token: each reading signs it anew


@dataclass(frozen=True, slots=True)
class Trouble:
    """A call that got no answer to its question; `retriable` if it said so, or was cut off.

    A `copy` is what was sent to one host on purpose, whether it lives or not.
    """

    at: float
    what: str
    retriable: bool
    copy: bool


@dataclass
class Journal:
    """Filled by many threads."""

    troubles: list[Trouble] = field(default_factory=list)
    done: list[float] = field(default_factory=list)
    presented: Counter[str] = field(default_factory=Counter)
    accepted: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def trouble(self, what: str, *, retriable: bool, copy: bool) -> None:
        with self._lock:
            self.troubles.append(Trouble(time.monotonic(), what, retriable, copy))

    def presents(self, owner: str) -> None:
        """Count a proof that nobody presented before; it will be sent several times."""
        with self._lock:
            self.presented[owner] += 1

    def accepts(self, proof: str, challenge_id: str) -> None:
        """Note that the service took a proof."""
        with self._lock:
            self.accepted[proof].append(challenge_id)

    def completes(self, challenge: Mapping[str, Any]) -> None:
        """Note a satisfied challenge as its caller saw it, and that a flow is over."""
        told = stable(claims_of(challenge["result_token"]))
        with self._lock:
            before = self.results.setdefault(challenge["id"], told)
            if before != told:
                self.changed.append(challenge["id"])
            self.done.append(time.monotonic())

    def troubles_since(self, at: float) -> list[Trouble]:
        """Return what whoever called through the proxy had to bear."""
        with self._lock:
            return [each for each in self.troubles if each.at >= at and not each.copy]

    def done_since(self, at: float) -> list[float]:
        """Return when flows ended."""
        with self._lock:
            return sorted(each for each in self.done if each >= at)


def stable(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a result says at every reading."""
    return {name: value for name, value in claims.items() if name not in _CHANGING}
