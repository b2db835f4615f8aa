"""Small JSON documents of another server: fetched with bounds, kept as long as it permits.

What comes from outside decides neither how long we wait, nor how much we read, nor where we go.
"""

import base64
import logging
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar
from urllib.parse import quote

import httpx

from mfa_service.domain import origins, strict_json
from mfa_service.domain.errors import Unavailable
from mfa_service.domain.ports import Clock, JsonObject

Value = TypeVar("Value")

TIMEOUT_SECONDS = 3
MAX_BYTES = 256 * 1024
MIN_KEPT, MAX_KEPT = 60, 86_400
STALE_SECONDS = 3600
RELOAD_SECONDS = 5
_RETRY_AFTER = 5
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})(?:[\s,]|\Z)", re.IGNORECASE)
logger = logging.getLogger(__name__)


class DocumentInvalid(Exception):
    """The server answered with something that cannot be used."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object with its status, and for how many seconds it may be kept."""

    status: int
    body: JsonObject
    kept: int
    cache_control: str = ""


class Fetcher:
    """Gets and posts with time-outs and size bounds; follows no redirects, uses no proxy."""

    def __init__(
        self, http: httpx.Client | None = None, *, seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._seconds = seconds
        self._http = http or httpx.Client(
            timeout=seconds,
            follow_redirects=False,
            trust_env=False,  # ~/.netrc would add credentials, a variable would choose a proxy
            verify=ssl.create_default_context(),
        )

    def get(self, url: str) -> Answer:
        """Return what is at `url`; raise `DocumentInvalid` unless it is 200 with a JSON object."""
        answer = self._send("GET", url)
        if answer.status != httpx.codes.OK:
            raise DocumentInvalid(f"status {answer.status}")
        return answer

    def post(self, url: str, form: Mapping[str, str], *, authorization: str | None) -> Answer:
        """Return the answer to a form, whatever its status; raise `DocumentInvalid` if none."""
        return self._send("POST", url, form, authorization)

    def _send(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        authorization: str | None = None,
    ) -> Answer:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if authorization is not None:
            headers["Authorization"] = authorization
        try:
            with self._http.stream(method, url, data=form, headers=headers) as response:
                broken = response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
                body = {} if broken else _object(self._bounded(response))
                control = response.headers.get("Cache-Control", "")
                return Answer(response.status_code, body, kept_seconds(control), control)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise DocumentInvalid(type(exc).__name__) from exc

    def _bounded(self, response: httpx.Response) -> bytes:
        """Return the body as sent; raise `DocumentInvalid` beyond 256 KiB, or when it drips in."""
        started, received = time.monotonic(), b""
        for chunk in response.iter_raw():
            received += chunk
            if len(received) > MAX_BYTES:
                raise DocumentInvalid("too large")
            if time.monotonic() - started > self._seconds:
                raise DocumentInvalid("too slow")
        return received


class Cached(Generic[Value]):
    """One document in its usable form, loaded when it is first needed and by one thread at a time.

    When a reload fails, what is known stays good for another hour, so that a short outage of the
    other server is none of ours; what is not known stays unknown.
    """

    def __init__(self, load: Callable[[], tuple[Value, int]], clock: Clock, *, name: str) -> None:
        self._load = load
        self._clock = clock
        self._name = name
        self._lock = threading.Lock()
        self._value: Value | None = None
        self._until = 0
        self._loaded_at = self._tried_at = -RELOAD_SECONDS

    def current(self) -> Value:
        """Return what is known, loaded anew once it may be kept no longer; else `Unavailable`."""
        value, at = self._value, self._clock.now()
        if value is not None and at < self._until:
            return value
        self._reload(at, wait=value is None)
        if self._value is None or at >= self._until + STALE_SECONDS:
            self._fail()
        return self._value

    def newer(self) -> Value:
        """Return it as it was at most 5 s ago; raise `Unavailable` when that cannot be known."""
        at = self._clock.now()
        self._reload(at, wait=True)
        if self._value is None or at - self._loaded_at >= RELOAD_SECONDS:
            self._fail()
        return self._value

    def _reload(self, at: int, *, wait: bool) -> None:
        """Load unless it was tried within 5 s: neither strangers nor an outage cause a storm."""
        if not self._lock.acquire(timeout=TIMEOUT_SECONDS if wait else 0):
            return
        try:
            if at - self._tried_at < RELOAD_SECONDS:
                return
            self._tried_at = at
            value, kept = self._load()
            self._value, self._until, self._loaded_at = value, at + kept, at
        except (DocumentInvalid, Unavailable) as exc:
            logger.warning("a document of another server cannot be loaded", extra=self._why(exc))
        finally:
            self._lock.release()

    def _why(self, exc: Exception) -> dict[str, str]:
        return {"event": self._name, "reason": str(exc)}

    def _fail(self) -> NoReturn:
        raise Unavailable(
            "A server that this one relies on does not answer.", retry_after=_RETRY_AFTER
        )


def require_secure(url: object, *, seen_from: str) -> str:
    """Return `url` if it is https, or http on loopback named by a document from loopback."""
    parts = origins.split(url) if isinstance(url, str) else None
    if parts is None or not origins.is_secure(parts) or parts.username or parts.fragment:
        raise DocumentInvalid("an address in it is not https")
    if parts.scheme == "http" and not seen_from.startswith("http://"):
        raise DocumentInvalid("an address in it is not https")
    return str(url)


def _object(data: bytes) -> JsonObject:
    try:
        value = strict_json.loads(data)
    except strict_json.NotStrictJson as exc:
        raise DocumentInvalid("not JSON") from exc
    if not isinstance(value, dict):
        raise DocumentInvalid("not an object")
    return value


def kept_seconds(cache_control: str) -> int:
    """Return the seconds that an answer may be kept: what the server says, within our bounds."""
    return min(max(max_age(cache_control) or 0, MIN_KEPT), MAX_KEPT)


def max_age(cache_control: str) -> int | None:
    """Return the `max-age` of a Cache-Control header (RFC 9111 §5.2.2.1)."""
    found = _MAX_AGE.search(cache_control)
    return int(found[1]) if found else None


def basic_authorization(client_id: str, secret: str) -> str:
    """Return `client_secret_basic`: each part form-url-encoded before base64 (RFC 6749 §2.3.1)."""
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
