"""Strict readers for what arrives, and the folding of what a person types."""

import json
import re
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_CROCKFORD_SLIPS = str.maketrans("OIL", "011")


def base64url(data: bytes) -> str:
    """Return unpadded base64url (RFC 7515 §2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Read unpadded, canonical base64url; anything else is a `ValueError` (RFC 7515 §2)."""
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise ValueError("base64url is not canonical")
    return data


def compact_json(value: Mapping[str, Any]) -> bytes:
    """Return UTF-8 JSON without needless spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_object(data: bytes) -> dict[str, Any]:
    """Read one JSON object; duplicate names, NaN and bad UTF-8 are a `ValueError`."""
    try:
        value = json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as deep:
        raise ValueError("nested too deeply") from deep
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  (callers catch one kind)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def ascii_digits(text: str) -> str:
    """Map every Unicode decimal digit to its ASCII digit and keep the rest (contract 6)."""
    return "".join(
        char if (digit := unicodedata.decimal(char, None)) is None else str(digit) for char in text
    )


def typed_number(text: str) -> str:
    """Fold a typed code: ASCII digits, without the spaces and dashes that group them."""
    return re.sub(r"[\s\u2010-\u2015-]", "", ascii_digits(text))


def typed_enrollment_code(text: str) -> str:
    """Fold a typed code to Crockford base32: upper case, no dashes, O is 0, I and L are 1."""
    return typed_number(text).upper().translate(_CROCKFORD_SLIPS)
