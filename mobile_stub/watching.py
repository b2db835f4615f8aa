"""Waiting for challenges: long polls, each new one once, and patience with faults."""

from collections.abc import Callable, Iterator

import httpx

from mobile_stub.challenges import Challenge
from mobile_stub.errors import PhoneError, Refused, Unreachable
from mobile_stub.wire import LONGEST_WAIT, Clock

_LONGEST_PAUSE = 30
_LONGEST_OBEYED_PAUSE = 300
_SHORTEST_ROUND = 1.0

Look = Callable[[int, frozenset[str]], list[Challenge]]


def watched(
    look: Look,
    *,
    on_fault: Callable[[PhoneError], None],
    clock: Clock,
    sleep: Callable[[float], None],
) -> Iterator[Challenge]:
    """Yield each new challenge once, asking `look(wait, known)` again and again.

    A passing fault is handed to `on_fault`, followed by a pause that doubles up to 30 s or is
    what `Retry-After` says; any other fault is raised.
    """
    known: frozenset[str] = frozenset()
    faults = 0
    while True:
        started = clock()
        try:
            found = look(LONGEST_WAIT, known)
        except (Refused, Unreachable) as fault:
            if not _passes(fault):
                raise
            on_fault(fault)
            sleep(_pause(fault, faults))
            faults += 1
            continue
        faults = 0
        fresh = [challenge for challenge in found if challenge.id not in known]
        known = frozenset(challenge.id for challenge in found)
        yield from fresh
        # A service that does not wait must not be asked without end.
        if not fresh and clock() - started < _SHORTEST_ROUND:
            sleep(_SHORTEST_ROUND)


def _passes(fault: Refused | Unreachable) -> bool:
    if isinstance(fault, Unreachable):
        return True
    return (
        fault.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
        or fault.status_code == httpx.codes.TOO_MANY_REQUESTS
        or fault.slug == "authenticator-not-active"
    )


def _pause(fault: Refused | Unreachable, faults: int) -> float:
    backoff = float(min(_LONGEST_PAUSE, 2 ** min(faults, 5)))
    asked = fault.retry_after if isinstance(fault, Refused) else None
    return backoff if asked is None else min(_LONGEST_OBEYED_PAUSE, max(backoff, asked))
