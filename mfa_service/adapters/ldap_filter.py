"""Search filters (RFC 4515), built so that no value can be read as anything else."""

import re

_ITEM = re.compile(r"\([^()&|!=][^()=]*=[^()]*\)")
_COMPOSED = re.compile(r"\((?:[&|](?:\(\))+|!\(\))\)")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


def escaped(value: str) -> str:
    """Return a value as a filter may hold it: every byte but letters and digits as hex.

    RFC 4515 §3 permits that for any byte, so nothing depends on a list of dangerous ones.
    """
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:02x}" for byte in value.encode())


def equals(attribute: str, value: str) -> str:
    """Return `(attribute=value)`; the attribute is the operator's, the value anybody's."""
    return f"({attribute}={escaped(value)})"


def matches(attribute: str, rule: str, value: str) -> str:
    """Return `(attribute:rule:=value)`, an extensible match."""
    return f"({attribute}:{rule}:={escaped(value)})"


def both(*parts: str) -> str:
    """Return what is true when all parts are."""
    return f"(&{''.join(parts)})"


def either(*parts: str) -> str:
    """Return what is true when one part is."""
    return parts[0] if len(parts) == 1 else f"(|{''.join(parts)})"


def negated(part: str) -> str:
    """Return the opposite; what the server cannot evaluate stays undefined, so matches nothing."""
    return f"(!{part})"


def is_filter(text: str) -> bool:
    """Tell whether it has the form of a filter, whatever the server makes of it."""
    before = ""
    reduced = _ITEM.sub("()", text)
    while reduced != before:
        before, reduced = reduced, _COMPOSED.sub("()", reduced)
    return reduced == "()" and "()" not in text
