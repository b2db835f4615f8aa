"""JSON as we accept it: no duplicate keys, no NaN, no deep nesting, safe numbers, clean text."""

import json
import math
import re
from collections.abc import Iterator
from typing import NoReturn

from .text import has_control

MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1
# Without an escape, a byte of a control character or of a surrogate, an exponent and a long number
# there is nothing to find: C1 controls begin with C2 in UTF-8, surrogates with ED.
_MAY_BE_FAULTY = re.compile(rb"[\\\x00-\x1f\x7f\xc2\xed]|[0-9][eE]|[0-9]{16}")
_MAX_DIGITS = 4000  # what Python converts; longer ones are out of range in any case


class NotStrictJson(ValueError):
    """The bytes are no JSON text that we accept."""


def loads(data: bytes) -> object:
    """Parse `data`; raise `NotStrictJson` for what RFC 8259 forbids or leaves to chance."""
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise NotStrictJson("not a JSON text that is accepted here") from exc
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    return value


def faults(value: object, *, newline_under: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted path, text) for each number out of range and each unclean text.

    U+000A is allowed below the top-level member `newline_under`.
    """
    pending: list[tuple[str, bool, object]] = [("", False, value)]
    while pending:
        path, newline, item = pending.pop()
        if isinstance(item, dict):
            for key, inner in item.items():
                if has_control(key):
                    yield path or "body", "Control characters are not allowed in names."
                    continue
                below = newline or (not path and bool(newline_under) and key == newline_under)
                pending.append((f"{path}.{key}" if path else key, below, inner))
        elif isinstance(item, list):
            pending.extend((f"{path}.{i}", newline, inner) for i, inner in enumerate(item))
        elif fault := _scalar_fault(item, newline=newline):
            yield path or "body", fault


def faults_in(data: bytes, value: object, *, newline_under: str = "") -> Iterator[tuple[str, str]]:
    """Yield the same for what `loads` made of `data`; most texts show at a glance that none is."""
    if _MAY_BE_FAULTY.search(data):
        yield from faults(value, newline_under=newline_under)


def _scalar_fault(value: object, *, newline: bool) -> str | None:
    if isinstance(value, str) and has_control(value, newline=newline):
        return "Control characters and lone surrogates are not allowed."
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        return "The number is out of range."
    if isinstance(value, float) and not math.isfinite(value):
        return "The number is out of range."
    return None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrictJson("a name occurs twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise NotStrictJson(constant)


def _integer(digits: str) -> int:
    """Return the integer, or one that is out of range without parsing thousands of digits."""
    return int(digits) if len(digits) <= _MAX_DIGITS else MAX_INTEGER + 1


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer)


def _check_depth(value: object) -> None:
    level, depth = [value], 0
    while level:
        inner = [item for item in level if isinstance(item, dict | list)]
        depth += 1 if inner else 0
        if depth > MAX_DEPTH:
            raise NotStrictJson("nested too deeply")
        level = [
            child for item in inner for child in (item.values() if isinstance(item, dict) else item)
        ]
