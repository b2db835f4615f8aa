"""The canonical form of a transaction and its hash (RFC 8785)."""

import hashlib
from collections.abc import Mapping
from typing import Any, cast

import rfc8785

from mfa_service.jose import b64url


class NotCanonical(ValueError):
    """The value has no canonical form that we accept."""


def canonical_json(value: Mapping[str, object]) -> bytes:
    """Return the RFC 8785 form; raise `NotCanonical` for numbers that are not safe integers."""
    _refuse_floats(value)
    try:
        return rfc8785.dumps(cast("Any", dict(value)))
    except (rfc8785.CanonicalizationError, ValueError) as exc:
        raise NotCanonical from exc


def tx_hash(canonical: bytes) -> str:
    """Return base64url(SHA-256(canonical form)), as the phone signs it."""
    return b64url(hashlib.sha256(canonical).digest())


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise NotCanonical("numbers are integers")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_floats(item)
