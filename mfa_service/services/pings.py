"""CIBA's ping: telling a client that its `auth_req_id` is ready (CIBA Core §10.2)."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Row

from mfa_service.domain.errors import NotFound
from mfa_service.domain.ports import Notifier, NotNotified
from mfa_service.observability import metrics
from mfa_service.persistence import pings

from .authorizations import AuthorizationService
from .ciba import auth_req_id
from .foundation import Foundation

BACKOFF = (5, 10, 30, 60)
"""Seconds after each failed ping until the next; after the fifth the client has to poll."""
_AT_ONCE = 8
logger = logging.getLogger(__name__)


class PingService:
    """Sends what is due. Two processes never send the same ping; one that dies is taken over."""

    def __init__(
        self,
        foundation: Foundation,
        authorizations: AuthorizationService,
        notifier: Callable[[], Notifier],
    ) -> None:
        self._f = foundation
        self._authorizations = authorizations
        self._notifier = notifier

    def deliver(self) -> None:
        """Ping for every request that was answered and is due; waits until all are done."""
        at = self._f.clock.now()
        with self._f.work.reading() as tx:
            due = pings.due(tx, at=at, most=_AT_ONCE)
        if not due:
            return
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for done in [pool.submit(self._send, row, at) for row in due]:
                done.result()

    def _send(self, row: Row[Any], at: int) -> None:
        again = at + BACKOFF[row.pings] if row.pings < len(BACKOFF) else None
        with self._f.work.transaction() as tx:
            if not pings.claim(tx, row.id, row.pings, again_at=again):
                return
        result = "ok" if self._sent(row) else "failed"
        metrics.PINGS.labels(result).inc()
        if result == "ok":
            with self._f.work.transaction() as tx:
                pings.end(tx, row.id)

    def _sent(self, row: Row[Any]) -> bool:
        """Tell whether the client took it, or whether there is nobody to tell."""
        try:
            proven = self._authorizations.proven(row)
        except NotFound:
            return True
        endpoint = proven.client.metadata.backchannel_client_notification_endpoint
        token = proven.request.notification_token
        if endpoint is None or token is None:
            return True
        handle = auth_req_id(proven.challenge, row.id)
        try:
            self._notifier().notify(endpoint, token, {"auth_req_id": handle})
        except NotNotified as exc:
            extra = {"event": "ping", "client_id": row.client_id, "reason": str(exc)}
            logger.warning("a client was not notified", extra=extra)
            return False
        return True
