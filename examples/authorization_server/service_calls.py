"""Call the step-up service's HTTP API with a cached client-credentials token."""

import secrets
import threading
from typing import Any
from urllib.parse import quote

import httpx

from examples.common.expiring import Clock

UNAUTHORIZED = 401
EARLY = 30
Body = dict[str, Any] | None


class ServiceProblem(Exception):
    """The service refused (RFC 9457). `slug` names the reason, `body` is the problem document."""

    def __init__(self, status: int, slug: str, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {slug}")
        self.status = status
        self.slug = slug
        self.body = body


class ServiceCalls:
    """JSON in, JSON out, as one client of the service.

    The token is fetched when needed, kept until half a minute before its end, and fetched anew
    once after a 401. A request that may have been lost is repeated once, which its idempotency
    key makes harmless. Raises `ServiceProblem`, with slug `unavailable` when nobody answers.
    """

    def __init__(
        self, http: httpx.Client, *, issuer: str, client_id: str, client_secret: str, now: Clock
    ) -> None:
        self._http = http
        self._issuer = issuer
        self._credentials = (quote(client_id, safe=""), quote(client_secret, safe=""))
        self._now = now
        self._token = ""
        self._token_ends = 0
        self._lock = threading.Lock()

    def get(self, path: str, *, timeout: float = 10) -> dict[str, Any]:
        """GET `path`; `timeout` in seconds."""
        return self._call("GET", path, None, {}, timeout)

    def post(self, path: str, body: dict[str, Any], *, once: bool = False) -> dict[str, Any]:
        """POST `body`; with `once` under a new idempotency key."""
        headers = {"Idempotency-Key": f'"{secrets.token_urlsafe(24)}"'} if once else {}
        return self._call("POST", path, body, headers, 10)

    def delete(self, path: str) -> None:
        """DELETE `path`."""
        self._call("DELETE", path, None, {}, 10)

    def _call(
        self, method: str, path: str, body: Body, headers: dict[str, str], timeout: float
    ) -> dict[str, Any]:
        repeatable = method != "POST" or "Idempotency-Key" in headers
        answer = self._send(method, path, body, headers, timeout, tries=2 if repeatable else 1)
        if answer.status_code == UNAUTHORIZED:
            with self._lock:
                self._token_ends = 0
            answer = self._send(method, path, body, headers, timeout, tries=1)
        if answer.is_success:
            return dict(answer.json()) if answer.content else {}
        raise _problem(answer)

    def _send(
        self,
        method: str,
        path: str,
        body: Body,
        headers: dict[str, str],
        timeout: float,
        *,
        tries: int,
    ) -> httpx.Response:
        headers = headers | {"Authorization": f"Bearer {self._bearer()}"}
        for left in reversed(range(tries)):
            try:
                return self._http.request(
                    method, self._issuer + path, json=body, headers=headers, timeout=timeout
                )
            except httpx.TransportError as error:
                if not left:
                    raise ServiceProblem(503, "unavailable", {}) from error
        raise AssertionError(tries)

    def _bearer(self) -> str:
        with self._lock:
            if self._now() >= self._token_ends:
                answer = self._fetch_token()
                self._token = answer["access_token"]
                self._token_ends = self._now() + int(answer["expires_in"]) - EARLY
            return self._token

    def _fetch_token(self) -> dict[str, Any]:
        try:
            answer = self._http.post(
                f"{self._issuer}/oauth2/token",
                data={"grant_type": "client_credentials"},
                auth=self._credentials,
            )
        except httpx.TransportError as error:
            raise ServiceProblem(503, "unavailable", {}) from error
        if not answer.is_success:
            raise _problem(answer)
        return dict(answer.json())


def _problem(answer: httpx.Response) -> ServiceProblem:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    slug = str(body.get("type") or body.get("error") or "unknown").rpartition("/")[2]
    return ServiceProblem(answer.status_code, slug, body)
