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
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid.jwt import sign
from pywebpush import WebPusher, WebPushException

from mfa_service.domain import origins
from mfa_service.domain.ports import Clock, PushMessage, PushRejected

from .guarded_connections import Answer, Keeping
from .guarded_http import GuardedHttp, NotReached

TIMEOUT_SECONDS = 5
_KEEPING = Keeping(32)
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
        self._key = key
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self._public = base64.urlsafe_b64encode(point).rstrip(b"=").decode()
        self._contact = contact
        self._clock = clock
        self._http = http or GuardedHttp(frozenset(), seconds=TIMEOUT_SECONDS, keeping=_KEEPING)

    def send(self, message: PushMessage) -> None:
        """Hand it to the phone's push service, which tells nothing of its arrival."""
        endpoint = str(message.address["endpoint"])
        content = _encrypted(message)
        headers = [
            ("Authorization", self._signature(endpoint)),
            ("Content-Type", "application/octet-stream"),
            ("Content-Encoding", "aes128gcm"),
            ("TTL", str(max(message.expires_at - self._clock.now(), 0))),
            ("Urgency", "high"),
            ("Topic", _topic(message.handle)),
        ]
        try:
            answer = self._http.post(endpoint, headers, content)
        except NotReached as exc:
            reason = f"{exc} at {_host(endpoint)}"
            raise PushRejected(reason, final=exc.unsafe, alert=exc.unsafe) from exc
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise self._rejected(answer, f"status {answer.status} at {_host(endpoint)}")

    def _signature(self, endpoint: str) -> str:
        """Return `Authorization`: for this push service alone, and for an hour (RFC 8292 §§2, 3).

        Of `py_vapid` only the signature is used: it refuses contacts and origins that are sound.
        """
        claims = {
            "aud": _origin(endpoint),
            "exp": self._clock.now() + _SIGNED_SECONDS,
            "sub": self._contact,
        }
        return f"vapid t={sign(claims, self._key)},k={self._public}"

    def _rejected(self, answer: Answer, reason: str) -> PushRejected:
        """Return what a status means for the address and for the next try (RFC 8030 §§5, 7, 8)."""
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


def _host(endpoint: str) -> str:
    """Return the push service's host in lower case: all of an address that may be told."""
    parts = origins.split(endpoint)
    if parts is None:
        raise PushRejected("address", gone=True)
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host


def _origin(endpoint: str) -> str:
    """Return the push service's origin, in the one form that it compares with.

    A push address is https on the standard port (`domain.push_address`).
    """
    return f"https://{_host(endpoint)}"


def _topic(handle: str) -> str:
    """Return what lets a newer message replace an older one, without telling the handle."""
    digest = hashlib.sha256(handle.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:_TOPIC_CHARACTERS]
