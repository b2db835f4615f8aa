"""Which PINs are too easy to guess (S 3.5.6)."""

import re
from datetime import date
from itertools import pairwise

from mobile_stub.encoding import ascii_digits
from mobile_stub.errors import BadInput, PinRefused

SHORTEST, LONGEST = 6, 64
_SHORTEST_USER_NUMBER = 4
_ROWS_AND_COLUMNS = ("123", "456", "789", "147", "258", "369", "159", "357", "2580")
_KEYPAD_LINES = "|".join(line for row in _ROWS_AND_COLUMNS for line in (row, row[::-1]))
_KEYPAD = re.compile(f"(?:{_KEYPAD_LINES})+")
_REPEATED = re.compile(r"(\d+?)\1+")
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_MONTH, _DAY = r"(?P<month>\d\d)", r"(?P<day>\d\d)"
_FULL_DATES = tuple(
    re.compile("".join(parts))
    for parts in (
        (_YEAR, _MONTH, _DAY),
        (_YEAR, _DAY, _MONTH),
        (_DAY, _MONTH, _YEAR),
        (_MONTH, _DAY, _YEAR),
    )
)
_MONTH_AND_YEAR = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])|(?:0[1-9]|1[0-2])(?:19|20)\d\d")
_SHORTEST_FULL_DATE = 7


def typed_pin(typed: str) -> str:
    """Return the PIN in ASCII digits, or `BadInput` if it cannot be a PIN (contract 6)."""
    pin = ascii_digits(typed)
    if not re.fullmatch(r"[0-9]+", pin):
        raise BadInput("A PIN has digits only.")
    if not SHORTEST <= len(pin) <= LONGEST:
        raise BadInput(f"A PIN has {SHORTEST} to {LONGEST} digits.")
    return pin


def chosen_pin(typed: str, *, user: str | None = None) -> str:
    """Return a new PIN in ASCII digits, or `PinRefused` saying why it is too easy (S 3.5.6).

    `user` is the user's identifier when the phone knows it.
    """
    pin = typed_pin(typed)
    weakness = weakness_of(pin, user=user)
    if weakness is not None:
        raise PinRefused(f"This PIN is too easy to guess: {weakness}. Choose another one.")
    return pin


def weakness_of(pin: str, *, user: str | None = None) -> str | None:
    """Return in plain words why `pin` is trivial, or `None` when it is not."""
    if _REPEATED.fullmatch(pin):
        return "it repeats itself"
    if _is_run(pin):
        return "its digits count up or down"
    if _is_date(pin):
        return "it is a date"
    if _KEYPAD.fullmatch(pin):
        return "it is a line on the keypad"
    if user is not None and _is_from_user(pin, user):
        return "it is made of the digits of your user name"
    return None


def _is_run(pin: str) -> bool:
    """123456, 987654, 890123, 112233 and 123321 alike."""
    once = re.sub(r"(\d)\1+", r"\1", pin)
    half, other = pin[: len(pin) // 2], pin[len(pin) // 2 :]
    return _counts(once) or (half == other[::-1] and _counts(half))


def _counts(digits: str) -> bool:
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(digits)}
    return steps in ({1}, {9})


def _is_date(pin: str) -> bool:
    if _MONTH_AND_YEAR.fullmatch(pin):
        return True
    if len(pin) < _SHORTEST_FULL_DATE:
        return False
    return any(
        (match := shape.fullmatch(split)) is not None and _exists(match)
        for shape in _FULL_DATES
        for split in _zero_padded(pin)
    )


def _zero_padded(pin: str) -> tuple[str, ...]:
    """Seven digits leave out one zero of the day or the month; offer every place for it."""
    if len(pin) > _SHORTEST_FULL_DATE:
        return (pin,)
    return tuple(f"{pin[:at]}0{pin[at:]}" for at in (0, 2, 4, 6))


def _exists(match: re.Match[str]) -> bool:
    try:
        date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return False
    return True


def _is_from_user(pin: str, user: str) -> bool:
    digits = "".join(char for char in ascii_digits(user) if char in "0123456789")
    return pin in digits or (len(digits) >= _SHORTEST_USER_NUMBER and digits in pin)
