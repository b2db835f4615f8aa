"""Push by Web Push (RFC 8030): encrypted to the phone (RFC 8291), signed by us (RFC 8292).

`pywebpush` and `py_vapid` write content and signature. They do not send: the address is the
phone's, so the connection is judged (`guarded_http`).
"""

import base64
import hashlib
import json
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from py_vapid import Vapid02, VapidException
from pywebpush import WebPusher, WebPushException

from mfa_service.domain import origins
from mfa_service.domain.ports import Clock, PushMessage, PushRejected

from .guarded_http import Answer, GuardedHttp, NotReached

TIMEOUT_SECONDS = 5
_SIGNED_SECONDS = 3600
_LONGEST_PAUSE = 3600
_TOPIC_CHARACTERS = 32
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class WebPushSender:
    """`PushSender` of Web Push: a handle and nothing else, urgent, until the challenge ends."""

    provider = "webpush"

    def __init__(
        self,
        key: EllipticCurvePrivateKey,
        contact: str,
        clock: Clock,
        http: GuardedHttp | None = None,
    ) -> None:
        """Take our VAPID key, and where a push service finds us: mailto: or https:."""
        # Its own check of `sub` knows no port, no path and few mail addresses; ours is the setting.
        self._vapid = Vapid02(key, {"no-strict": True})
        self._contact = contact
        self._clock = clock
        self._http = http or GuardedHttp(frozenset(), seconds=TIMEOUT_SECONDS)

    def send(self, message: PushMessage) -> None:
        """Hand it to the phone's push service, which tells nothing of its arrival."""
        endpoint = str(message.address["endpoint"])
        content = _encrypted(message)
        headers = [
            *self._signature(endpoint),
            ("Content-Type", "application/octet-stream"),
            ("Content-Encoding", "aes128gcm"),
            ("TTL", str(max(message.expires_at - self._clock.now(), 0))),
            ("Urgency", "high"),
            ("Topic", _topic(message.handle)),
        ]
        try:
            answer = self._http.post(endpoint, headers, content)
        except NotReached as exc:
            raise PushRejected(str(exc), final=exc.unsafe, alert=exc.unsafe) from exc
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise self._rejected(answer)

    def _signature(self, endpoint: str) -> list[tuple[str, str]]:
        """Return `Authorization`: for this push service alone, and for an hour (RFC 8292 §2)."""
        claims = {
            "aud": _origin(endpoint),
            "exp": self._clock.now() + _SIGNED_SECONDS,
            "sub": self._contact,
        }
        try:
            return list(self._vapid.sign(claims).items())
        except VapidException as exc:  # an IPv6 literal: no push service has such an origin
            raise PushRejected("address", gone=True) from exc

    def _rejected(self, answer: Answer) -> PushRejected:
        """Return what a status means for the address and for the next try (RFC 8030 §§5, 7, 8)."""
        reason = f"status {answer.status}"
        if answer.status in _GONE:
            return PushRejected(reason, gone=True)
        if answer.status in _LATER or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return PushRejected(reason, retry_after=self._retry_after(answer))
        # A redirect is not followed: the phone named where it listens. The rest finds fault with
        # our message (400, 413) or our key (401, 403).
        return PushRejected(reason, final=True, alert=answer.status >= HTTPStatus.BAD_REQUEST)

    def _retry_after(self, answer: Answer) -> int:
        """Return `Retry-After` in seconds, which may be a moment (RFC 9110 §10.2.3)."""
        given = answer.headers.get("retry-after", "")
        if given.isascii() and given.isdigit():
            seconds = int(given[:9])
        else:
            try:
                seconds = int(parsedate_to_datetime(given).timestamp()) - self._clock.now()
            except (ValueError, OverflowError):
                seconds = 0
        return min(max(seconds, 0), _LONGEST_PAUSE)


def _encrypted(message: PushMessage) -> bytes:
    """Return what only the phone can read; raise `PushRejected` for keys that are none."""
    try:
        pusher = WebPusher(message.address)
        plain = json.dumps({"v": "1", "k": "c", "id": message.handle}).encode()
        return bytes(pusher.encode(plain)["body"])
    except (ValueError, WebPushException) as exc:
        raise PushRejected("the keys are none", gone=True) from exc


def _origin(endpoint: str) -> str:
    """Return the push service's origin, in the one form that it compares with."""
    parts = origins.split(endpoint)
    if parts is None:
        raise PushRejected("address", gone=True)
    host = parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + (f":{parts.port}" if parts.port not in {None, 443} else "")


def _topic(handle: str) -> str:
    """Return what lets a newer message replace an older one, without telling the handle."""
    digest = hashlib.sha256(handle.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:_TOPIC_CHARACTERS]
