"""Threads that start at the same moment: what they give is what a race gave."""

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from werkzeug.test import TestResponse

T = TypeVar("T")
_START_SECONDS = 30
_SWITCH_SECONDS = 1e-5


def race(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Run every call in a thread of its own, released by one barrier; return results in order.

    The interpreter switches threads far more often meanwhile, so that the calls interleave.
    What a call raises is raised here.
    """
    started = list(calls)
    barrier = threading.Barrier(len(started))

    def run(call: Callable[[], T]) -> T:
        barrier.wait(_START_SECONDS)
        return call()

    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        with ThreadPoolExecutor(len(started)) as pool:
            return list(pool.map(run, started))
    finally:
        sys.setswitchinterval(before)


def statuses(responses: Sequence[TestResponse]) -> dict[int, int]:
    """Return how many answers had each HTTP status."""
    return dict(Counter(response.status_code for response in responses))


def slugs(responses: Sequence[TestResponse]) -> set[str]:
    """Return the kinds of problem among the answers that are none of 2xx."""
    refused = (r.get_json() for r in responses if r.status_code >= 300)
    return {str(problem["type"]).rsplit("/", 1)[1] for problem in refused}
