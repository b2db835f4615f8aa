"""Reads who does what is done beside the requests."""

from collections.abc import Callable, Mapping
from enum import StrEnum


class Background(StrEnum):
    """`mfa serve` sends, pings and tidies itself, or leaves that to `mfa worker`."""

    HERE = "here"
    WORKER = "worker"


def background(environ: Mapping[str, str], fault: Callable[[str, str], None]) -> Background:
    """Return MFA_BACKGROUND; `fault` is told the variable and what is wrong with it."""
    name = "MFA_BACKGROUND"
    given = environ.get(name, "").strip().lower() or Background.HERE
    if given not in set(Background):
        fault(name, "must be here or worker")
        return Background.HERE
    return Background(given)
