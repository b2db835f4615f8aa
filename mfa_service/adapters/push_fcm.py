"""Push by Firebase Cloud Messaging, through Google's own library (S 8.1)."""

import functools
import itertools
import threading
from datetime import timedelta
from pathlib import Path

import firebase_admin
import requests
from firebase_admin import credentials, exceptions, messaging
from google.auth.credentials import TokenState
from google.auth.exceptions import GoogleAuthError, RefreshError
from google.auth.transport.requests import Request
from requests.adapters import HTTPAdapter

from mfa_service.domain.ports import Clock, PushMessage, PushRejected

TIMEOUT_SECONDS = 5
"""Of one call; the library itself would wait for 120 s."""
_TEXT = "Somebody wants to sign in. Open the app to see who."
_QUOTA_PAUSE = 60
_COUNT = itertools.count(1)  # the library wants a name for each use of it
_OF_THE_ADDRESS = "google.firebase.fcm.v1.FcmError"


class FcmSender:
    """`PushSender` of FCM: a handle and nothing else, urgent, until the challenge ends."""

    provider = "fcm"

    def __init__(self, credentials_file: Path, clock: Clock) -> None:
        """Take a service account's JSON file; raise `ValueError` for one that is none."""
        self._clock = clock
        certificate = credentials.Certificate(str(credentials_file))
        self._app = firebase_admin.initialize_app(
            certificate, {"httpTimeout": TIMEOUT_SECONDS}, name=f"mfa-{next(_COUNT)}"
        )
        self._account = certificate.get_credential()
        self._renewing = threading.Lock()
        self._ask = functools.partial(Request(requests.Session()), timeout=TIMEOUT_SECONDS)
        _never_try_again(self._app)

    def send(self, message: PushMessage) -> None:
        """Hand it to Google, which tells nothing of its arrival."""
        left = max(message.expires_at - self._clock.now(), 0)
        try:
            self._renew()
            messaging.send(_message(message, left), app=self._app)
        except exceptions.FirebaseError as exc:
            raise rejected(exc) from exc
        except RefreshError as exc:
            raise PushRejected("RefreshError", alert=not exc.retryable) from exc
        except GoogleAuthError as exc:
            raise PushRejected(type(exc).__name__) from exc

    def _renew(self) -> None:
        """Get a new access token in time, and within ours: the library would wait for 120 s."""
        with self._renewing:
            if self._account.token_state is not TokenState.FRESH:
                self._account.refresh(self._ask)


def _never_try_again(app: firebase_admin.App) -> None:
    """Leave when to try again to the outbox.

    The library sleeps for what `Retry-After` says, in the thread that sends, and has no option
    for it.
    """
    session = messaging._get_messaging_service(app)._client.session  # noqa: SLF001
    for address in list(session.adapters):
        session.mount(address, HTTPAdapter(pool_maxsize=16))


def _message(message: PushMessage, left: int) -> messaging.Message:
    headers = {
        "apns-priority": "10",
        "apns-expiration": str(message.expires_at),
        "apns-push-type": "alert",
        "apns-collapse-id": message.handle[:64],
    }
    aps = messaging.Aps(alert=_TEXT, mutable_content=True, sound="default")
    made = messaging.Message(
        data={"v": "1", "k": "c", "id": message.handle},
        android=messaging.AndroidConfig(
            priority="high", ttl=timedelta(seconds=left), collapse_key=message.handle
        ),
        apns=messaging.APNSConfig(headers=headers, payload=messaging.APNSPayload(aps=aps)),
    )
    made.token = str(message.address["token"])  # as an argument it warns; the contract has no fid
    return made


def rejected(fault: exceptions.FirebaseError) -> PushRejected:
    """Return what an error of the library means for the address and for the next try."""
    name = type(fault).__name__
    if isinstance(fault, messaging.UnregisteredError):
        return PushRejected(name, gone=True)
    if isinstance(fault, messaging.SenderIdMismatchError):
        return PushRejected(name, gone=True, alert=True)
    if isinstance(fault, messaging.ThirdPartyAuthError | exceptions.PermissionDeniedError):
        return PushRejected(name, final=True, alert=True)
    if isinstance(fault, exceptions.InvalidArgumentError):
        return PushRejected(name, gone=_names_the_token(fault), final=True)
    if isinstance(fault, exceptions.ResourceExhaustedError):
        return PushRejected(name, retry_after=max(_retry_after(fault), _QUOTA_PAUSE))
    return PushRejected(name, retry_after=_retry_after(fault))


def _names_the_token(fault: exceptions.FirebaseError) -> bool:
    """Tell a token that is none from a message that is wrong: only the first is the address's."""
    try:
        details = fault.http_response.json()["error"]["details"]
        kinds = [str(detail["@type"]) for detail in details]
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    return any(kind.endswith(_OF_THE_ADDRESS) for kind in kinds)


def _retry_after(fault: exceptions.FirebaseError) -> int:
    response = fault.http_response
    given = "" if response is None else str(response.headers.get("Retry-After", ""))
    return min(int(given), 3600) if given.isascii() and given.isdigit() else 0
