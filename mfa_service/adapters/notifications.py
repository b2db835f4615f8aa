"""Pings of CIBA clients, at addresses that they registered: never into our own network (S T18)."""

import json
from collections.abc import Mapping

from mfa_service.domain.ports import NotNotified

from .guarded_http import GuardedHttp, NotReached, Resolver, resolved

SECONDS = 10
_TAKEN = frozenset({200, 204})


class HttpNotifier:
    """`Notifier` over HTTPS. `allowed` are `host:port` that may be private, and plain http."""

    def __init__(
        self, allowed: frozenset[str], resolver: Resolver = resolved, *, seconds: float = SECONDS
    ) -> None:
        self._http = GuardedHttp(allowed, resolver, seconds=seconds)

    def notify(self, url: str, bearer: str, body: Mapping[str, object]) -> None:
        """Post it; 200 and 204 take it, and nothing else is read or followed."""
        headers = [("Authorization", f"Bearer {bearer}"), ("Content-Type", "application/json")]
        try:
            answer = self._http.post(url, headers, json.dumps(body).encode())
        except NotReached as exc:
            raise NotNotified(str(exc)) from exc
        if answer.status not in _TAKEN:
            raise NotNotified(f"status {answer.status}")
