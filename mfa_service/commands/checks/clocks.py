"""How far two clocks are apart."""

from .finding import Finding, error, ok, warning

_FINE, _STILL_WORKS = 2, 30


def apart(check: str, seconds: int) -> Finding:
    """Judge how many seconds another clock is ahead of ours."""
    told = f"it is {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} this host's"
    if abs(seconds) <= _FINE:
        return ok(check, "it agrees with this host's")
    why = "a TOTP code is good for 30 s and its neighbours, a phone's request for 60 s"
    make = warning if abs(seconds) <= _STILL_WORKS else error
    return make(check, told, why, "let NTP set the clocks of all hosts")
