"""OpenID Connect in a person's browser: the authorization endpoint, and the way back."""

from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import Response

from mfa_service.domain.challenge import Challenge
from mfa_service.domain.errors import Forbidden
from mfa_service.domain.oauth import OAuthError, ResponseMode
from mfa_service.domain.origins import origin_of
from mfa_service.services.authorizations import RETURN_PATH, Answer, RequestRefused

from . import account, challenge_pages, frame, guard, headers
from .pages import Page
from .visits import Visit

PATH = "/oauth2/authorize"


def authorize(visit: Visit) -> Response:
    """Open the challenge of an authentic request and show its page to this browser."""
    if visit.request.method == "HEAD":
        return Response()
    if not guard.is_arrival(visit.request):
        raise Forbidden
    params = visit.form if visit.request.method == "POST" else visit.queries()
    named = {name: value for name, value in params.items() if value}
    try:
        return _opened(visit, named)
    except RequestRefused as exc:
        return send(visit, visit.services.protocols.authorizations.refusal(exc.target, exc.error))
    except OAuthError as exc:
        return _shown(visit, exc)


def come_back(visit: Visit) -> Response:
    """Send the browser that opened the page to its client, with the answer."""
    if visit.request.method == "HEAD":
        return Response()
    if not guard.is_navigation(visit.request):
        raise Forbidden
    key, challenge_id = visit.query("state") or "", visit.query("challenge_id") or ""
    return_code = visit.query("return_code") or ""
    return send(
        visit, visit.services.protocols.authorizations.complete(key, challenge_id, return_code)
    )


def send(visit: Visit, answer: Answer) -> Response:
    """Carry an answer to its client (OAuth 2.0 Multiple Response Types, Form Post)."""
    target = answer.target
    if target.response_mode is ResponseMode.QUERY:
        parts = urlsplit(target.redirect_uri)
        query = "&".join(filter(None, (parts.query, urlencode(answer.parameters))))
        return frame.redirect(visit, urlunsplit(parts._replace(query=query)))
    response = frame.render(
        visit, "form_post.html", action=target.redirect_uri, fields=answer.parameters
    )
    headers.allow_form(response, origin_of(target.redirect_uri))
    return response


def _opened(visit: Visit, params: dict[str, str]) -> Response:
    protocols = visit.services.protocols
    client = protocols.front_channel.client_of(params)
    if protocols.entra.serves(client):
        request = protocols.entra.read(client, params)
        cookie = protocols.first_steps.begin(client, request, account.browser_of(visit))
        if cookie is not None:
            return account.begin(visit, cookie)
    else:
        request = protocols.front_channel.read(client, params)
    try:
        challenge = protocols.authorizations.open(client, request)
    except OAuthError as exc:
        if request.target is None:
            raise
        raise RequestRefused(request.target, exc) from exc
    return to_challenge(visit, challenge)


def to_challenge(visit: Visit, challenge: Challenge) -> Response:
    """Let this browser have the page of a challenge that was opened for it just now."""
    secret = visit.services.challenges.page_secret(challenge)
    return challenge_pages.enter(visit, challenge.id, secret)


def _shown(visit: Visit, error: OAuthError) -> Response:
    """Tell the person, since no address is known that may be told."""
    return frame.render(
        visit, "authorize_refused.html", 400, error=error.error, description=error.description
    )


PAGES = (
    Page("GET", PATH, "authorize", authorize),
    Page("POST", PATH, "authorizeByPost", authorize),
    Page("GET", RETURN_PATH, "returnFromChallenge", come_back),
)
