"""Waiting for what happens elsewhere: by looking again and again, and never for good."""

import time
from collections.abc import Callable

SECONDS = 20.0


def until(held: Callable[[], bool]) -> None:
    """Return when something holds; fail if it never does."""
    deadline = time.monotonic() + SECONDS
    while not held():
        assert time.monotonic() < deadline
        time.sleep(0.01)
