"""What text may contain: no control characters, and none that reorder what a person reads."""

import re

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_BUT_NEWLINE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+\Z")
_BIDI = re.compile("[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def has_control(text: str, *, newline: bool = False) -> bool:
    """Tell whether `text` holds a control character or a lone surrogate (U+000A if allowed)."""
    return bool((_CONTROL_BUT_NEWLINE if newline else _CONTROL).search(text))


def misleads(text: str) -> bool:
    """Tell whether `text` holds a character that reorders or breaks what is shown."""
    return bool(_BIDI.search(text))


def is_token(text: str) -> bool:
    """Tell whether `text` can be a scope: visible ASCII but `"` and backslash (RFC 6749 §3.3)."""
    return bool(_TOKEN.match(text))
