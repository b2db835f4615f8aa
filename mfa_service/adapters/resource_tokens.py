"""Access tokens of another issuer: by its keys (RFC 9068), or by asking it (RFC 7662).

Imported only when the gateway trusts somebody else, so that otherwise nothing waits for httpx.
"""

import hashlib
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass

from mfa_service import jose
from mfa_service.domain import strict_json
from mfa_service.domain.access_token import AccessToken, TokenRefused
from mfa_service.domain.errors import Unavailable
from mfa_service.domain.ports import Clock, JsonObject
from mfa_service.domain.route_table import Introspection, TrustedIssuer

from .remote_documents import Answer, DocumentInvalid, Fetcher, basic_authorization, max_age
from .remote_issuer import RemoteIssuer

TYPES = ("at+jwt", "application/at+jwt")
KEPT_SECONDS = 30
REFUSED_SECONDS = 5
PAUSE_SECONDS = 2
MOST_KEPT = 10_000
MOST_AT_ONCE = 16
_OK = 200
logger = logging.getLogger(__name__)


class RemoteTokens:
    """`TokenSource` over one trusted issuer."""

    def __init__(
        self, trusted: TrustedIssuer, secret: str | None, fetcher: Fetcher, clock: Clock
    ) -> None:
        self._name = trusted.issuer
        self._issuer = RemoteIssuer(trusted.issuer, fetcher, clock, discovery=trusted.metadata)
        how = trusted.introspection
        self._asking = _Introspector(trusted.issuer, how, secret or "", fetcher) if how else None
        self._clock = clock
        self._known = _Cache()

    @property
    def introspects(self) -> bool:
        """Whether there is somewhere to ask."""
        return self._asking is not None

    def signed(self, token: str) -> AccessToken:
        """Verify header, signature, `iss` and times, by keys that are kept as the issuer allows.

        Raises `TokenRefused`, or `Unavailable` when the issuer's keys cannot be known.
        """
        try:
            jws = self._issuer.verified(token, TYPES)
            jws.text("sub")
        except jose.JoseError as exc:
            raise TokenRefused(str(exc)) from exc
        return AccessToken.of(self._name, jws.claims)

    def opaque(self, token: str) -> AccessToken:
        """Return what the issuer says, or said at most 30 s ago and never beyond `exp`.

        Raises `TokenRefused` for one that is not active (kept for 5 s), or `Unavailable`: when the
        issuer does not answer, nothing that is not kept passes.
        """
        if self._asking is None:
            raise TokenRefused("opaque")
        key, at = hashlib.sha256(token.encode()).digest(), self._clock.now()
        known = self._known.get(key, at)
        if known is None:
            known = self._asking.ask(token, at)
            self._known.put(key, known)
        if known.token is None:
            raise TokenRefused(known.reason)
        return known.token


@dataclass(frozen=True, slots=True)
class _Known:
    """What was said of a token: what it holds, or why it is refused; good before `until`."""

    token: AccessToken | None
    until: int
    reason: str = ""


class _Cache:
    """At most 10 000 answers by the hash of their token; the oldest makes room."""

    def __init__(self) -> None:
        self._entries: OrderedDict[bytes, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes, at: int) -> _Known | None:
        """Return what is good now."""
        with self._lock:
            found = self._entries.get(key)
        return found if found is not None and at < found.until else None

    def put(self, key: bytes, known: _Known) -> None:
        """Keep an answer."""
        with self._lock:
            self._entries.pop(key, None)
            self._entries[key] = known
            if len(self._entries) > MOST_KEPT:
                self._entries.popitem(last=False)


class _Introspector:
    """Asks one endpoint, at most 16 at a time, and after a failure not for 2 s."""

    def __init__(self, issuer: str, how: Introspection, secret: str, fetcher: Fetcher) -> None:
        self._issuer = issuer
        self._endpoint = how.endpoint
        self._authorization = basic_authorization(how.client_id, secret)
        self._fetcher = fetcher
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._paused_until = 0

    def ask(self, token: str, at: int) -> _Known:
        """Return the issuer's answer; raise `Unavailable` without one."""
        answer = self._answer(token, at)
        kept = _kept(answer.cache_control)
        try:
            found, until = self._judged(answer.body, at)
        except TokenRefused as exc:
            return _Known(None, at + min(kept, REFUSED_SECONDS), str(exc))
        return _Known(found, min(at + kept, until))

    def _judged(self, body: JsonObject, at: int) -> tuple[AccessToken, int]:
        """Return the token and until when it lives; raise `TokenRefused`."""
        if body["active"] is not True:
            raise TokenRefused("inactive")
        if next(strict_json.faults(body), None) is not None:
            raise TokenRefused("claims")
        if body.get("iss", self._issuer) != self._issuer:
            raise TokenRefused("iss")
        if str(body.get("token_type", "Bearer")).lower() != "bearer":
            raise TokenRefused("token_type")
        try:
            until = jose.integer(body, "exp") if "exp" in body else at + KEPT_SECONDS
            begins = jose.integer(body, "nbf") if "nbf" in body else at
        except jose.JoseError as exc:
            raise TokenRefused(str(exc)) from exc
        if not begins <= at + jose.SKEW or not at < until:
            raise TokenRefused("times")
        return AccessToken.of(self._issuer, body), until

    def _answer(self, token: str, at: int) -> Answer:
        if at < self._paused_until or not self._places.acquire(blocking=False):
            raise _unavailable()
        try:
            form = {"token": token, "token_type_hint": "access_token"}
            answer = self._fetcher.post(self._endpoint, form, authorization=self._authorization)
            if answer.status != _OK:
                raise DocumentInvalid(f"status {answer.status}")
            if not isinstance(answer.body.get("active"), bool):
                raise DocumentInvalid("it does not say whether the token is active")
        except DocumentInvalid as exc:
            self._paused_until = at + PAUSE_SECONDS
            said = {"event": f"introspection at {self._issuer}", "reason": str(exc)}
            logger.warning("an issuer does not say whether a token is active", extra=said)
            raise _unavailable() from exc
        finally:
            self._places.release()
        return answer


def _kept(cache_control: str) -> int:
    """Return for how long an answer is kept: 30 s, or less if the issuer says so."""
    said = cache_control.lower()
    if "no-store" in said or "no-cache" in said:
        return 0
    given = max_age(cache_control)
    return KEPT_SECONDS if given is None else min(given, KEPT_SECONDS)


def _unavailable() -> Unavailable:
    return Unavailable("The issuer of the token does not answer.", retry_after=PAUSE_SECONDS)
