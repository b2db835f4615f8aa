"""HTTP to one service: no redirects, short timeouts, and the server's idea of the time."""

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from mobile_stub.enrollment_uri import is_loopback
from mobile_stub.errors import Unreachable

LONGEST_WAIT = 25
_TIMEOUT = httpx.Timeout(10.0, read=LONGEST_WAIT + 15.0)
# `Date` has whole seconds and ages on the way; smaller differences are not worth correcting.
_UNNOTICED_SKEW = 3

Clock = Callable[[], float]


class Wire:
    """Sends requests to `issuer` and nowhere else; close it after use."""

    def __init__(self, issuer: str, *, transport: httpx.BaseTransport | None, clock: Clock) -> None:
        self.issuer = issuer
        self._clock = clock
        self._offset = 0
        # A proxy from the environment cannot reach this machine's own loopback.
        outside = not is_loopback(urlsplit(issuer).hostname or "")
        self._client = httpx.Client(transport=transport, timeout=_TIMEOUT, trust_env=outside)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self._client.close()

    def now(self) -> int:
        """Return seconds since the epoch, corrected by the server's last `Date`."""
        return int(self._clock()) + self._offset

    def send(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Return whatever the server answered; `Unreachable` when nothing came back."""
        url = self.issuer + path + (f"?{query}" if query else "")
        try:
            reply = self._client.request(method, url, content=body, headers=dict(headers or {}))
        except (httpx.ConnectError, httpx.ConnectTimeout) as fault:
            raise Unreachable("The service cannot be reached.", lost_reply=False) from fault
        except httpx.RequestError as fault:
            raise Unreachable("The service did not reply.", lost_reply=True) from fault
        self._learn_time(reply.headers.get("Date", ""))
        return reply

    def _learn_time(self, date: str) -> None:
        try:
            ahead = round(parsedate_to_datetime(date).timestamp() - self._clock())
        except (ValueError, OverflowError):
            return
        self._offset = ahead if abs(ahead) > _UNNOTICED_SKEW else 0
