"""Reads where traces go."""

import importlib.util
from collections.abc import Callable, Mapping

from mfa_service.domain import origins

_NAME = "MFA_TRACING"


def collector(environ: Mapping[str, str], fault: Callable[[str, str], None]) -> str | None:
    """Return MFA_TRACING, the address of an OTLP/HTTP collector; tell `fault` what is wrong."""
    given = environ.get(_NAME, "").strip()
    if not given:
        return None
    if importlib.util.find_spec("opentelemetry") is None:
        fault(_NAME, "needs the extra tracing, which is not installed")
    parts = origins.split(given)
    if parts is None or parts.scheme not in {"http", "https"}:
        fault(_NAME, "is not an http or https address of a collector")
    elif parts.query or parts.fragment or parts.username is not None:
        fault(_NAME, "must have no user, query or fragment")
    return given
