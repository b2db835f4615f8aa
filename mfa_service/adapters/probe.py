"""Looks at a document as a stranger does: by its address, with bounds, following nothing."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from mfa_service.domain import strict_json

SECONDS = 5
MAX_BYTES = 256 * 1024


class ProbeFailed(Exception):
    """Nothing usable came; the text is a few words for an operator."""


@dataclass(frozen=True, slots=True)
class Probed:
    """A JSON object, and the headers it came with, in lower case."""

    body: Mapping[str, object]
    headers: Mapping[str, str]


class Probe:
    """Fetches JSON documents."""

    def __init__(self) -> None:
        self._http = httpx.Client(
            timeout=SECONDS,
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context(),
        )

    def get(self, url: str) -> Probed:
        """Return a JSON object that is there with status 200; raise `ProbeFailed` for the rest."""
        try:
            response = self._http.get(url, headers={"Accept": "application/json"})
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise ProbeFailed(f"{type(exc).__name__}: {exc}") from exc
        if response.status_code != httpx.codes.OK:
            raise ProbeFailed(f"status {response.status_code}")
        if len(response.content) > MAX_BYTES:
            raise ProbeFailed("too large")
        try:
            body = strict_json.loads(response.content)
        except strict_json.NotStrictJson as exc:
            raise ProbeFailed("not JSON") from exc
        if not isinstance(body, dict):
            raise ProbeFailed("not a JSON object")
        return Probed(body, {name.lower(): value for name, value in response.headers.items()})
