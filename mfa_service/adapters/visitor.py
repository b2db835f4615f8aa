"""Looks at our own service as anybody on the network does: what it answers, and by which TLS."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx

SECONDS = 10
_MAX_BYTES = 512 * 1024


class NoAnswer(Exception):
    """Nothing came; the text says why in a few words."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers in lower case, body, and until when the certificate is good."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    certificate_until: int | None

    @property
    def date(self) -> int | None:
        """Return the `Date` header as seconds since the epoch."""
        try:
            return int(parsedate_to_datetime(self.headers.get("date", "")).timestamp())
        except (TypeError, ValueError):
            return None


class Visitor:
    """Sends GETs below one address; follows nothing, uses no proxy."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.Client(
            timeout=SECONDS,
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context(),
        )

    def __enter__(self) -> Self:
        """Lend it for a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what is open."""
        self._http.close()

    def get(self, path: str, **headers: str) -> Answer:
        """Return the answer; raise `NoAnswer`."""
        try:
            with self._http.stream("GET", self._url + path, headers=headers) as response:
                until = _until(response)  # before the connection is given up
                told = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, told, _bounded(response), until)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise NoAnswer(f"{type(exc).__name__}: {exc}") from exc


def _bounded(response: httpx.Response) -> bytes:
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise NoAnswer("the answer is too large")
    return body


def _until(response: httpx.Response) -> int | None:
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    if tls is None:
        return None
    return int(ssl.cert_time_to_seconds(tls.getpeercert()["notAfter"]))
