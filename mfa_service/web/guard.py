"""Who may make a browser do what: fetch metadata, `Origin` and the CSRF token."""

import hashlib
import hmac

from flask import Request

from mfa_service.domain.errors import Forbidden
from mfa_service.domain.origins import origin_of
from mfa_service.jose import b64url

from .visits import Visit

FIELD, HEADER = "csrf", "X-CSRF-Token"


def csrf_token(secret: str) -> str:
    """Return the token that the pages of a session carry; only its holder can compute it."""
    return b64url(hmac.digest(secret.encode(), b"csrf", hashlib.sha256))


def check_fetch(request: Request) -> None:
    """Raise `Forbidden` for what no page of ours and no person asks: frames, foreign subrequests.

    Browsers that send no fetch metadata are held by `SameSite`, `Origin` and the CSRF token.
    """
    site, mode, destination = _metadata(request)
    if destination in {"iframe", "frame", "embed", "object", "fencedframe"}:
        raise Forbidden("This page does not open inside another one.")
    if mode not in {None, "navigate"} and site not in {None, "same-origin"}:
        raise Forbidden("This page may not be loaded by another site.")


def is_navigation(request: Request) -> bool:
    """Tell whether a person opens this address: no prefetch, no preview of headers, no script."""
    return request.method == "GET" and is_arrival(request)


def is_arrival(request: Request) -> bool:
    """Tell whether a person arrives, also by another site's form (OpenID Connect Core §3.1.2)."""
    _, mode, destination = _metadata(request)
    opens = mode in {None, "navigate"} and destination in {None, "document"}
    return opens and not is_prefetch(request)


def is_prefetch(request: Request) -> bool:
    """Tell whether a browser fetches ahead what nobody may ever open."""
    purpose = request.headers.get("Sec-Purpose", request.headers.get("Purpose", ""))
    return "prefetch" in purpose.lower()


def check_post(visit: Visit, secret: str) -> None:
    """Raise `Forbidden` unless a page that we gave to the holder of `secret` sent this.

    With `Referrer-Policy: no-referrer` browsers send `Origin: null` for forms: then their fetch
    metadata has to say `same-origin`.
    """
    site, _, _ = _metadata(visit.request)
    origin = visit.request.headers.get("Origin")
    ours = origin == origin_of(visit.issuer)
    if site not in {None, "same-origin"} or not (ours or (origin == "null" and site is not None)):
        raise Forbidden("This form was not sent from our own page.")
    given = visit.form.get(FIELD) or visit.request.headers.get(HEADER, "")
    if not hmac.compare_digest(given.encode(), csrf_token(secret).encode()):
        raise Forbidden("This form is no longer valid.")


def _metadata(request: Request) -> tuple[str | None, str | None, str | None]:
    headers = request.headers
    return (
        headers.get("Sec-Fetch-Site"),
        headers.get("Sec-Fetch-Mode"),
        headers.get("Sec-Fetch-Dest"),
    )
