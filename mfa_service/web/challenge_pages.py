"""The hosted page of a challenge: open its link, see what is asked, answer or say no."""

import contextlib

from flask import Response

from mfa_service.domain.challenge import Challenge, Purpose, Status
from mfa_service.domain.errors import (
    AuthenticatorNotActive,
    ChallengeNotOpen,
    Forbidden,
    InvalidRequest,
    NotFound,
    ProofRejected,
    Throttled,
)
from mfa_service.services.pages import KEPT_OPEN, Way

from . import browsers, cookies, frame, guard
from .pages import Page
from .visits import Visit

PATH = "/challenge/<id:challenge_id>"
_TYPED = ("totp", "recovery_code")
_SAID = ("wrong", "sent", "held")
_CODE_LENGTH = 64
_NOT_NOW = 503


def session_of(visit: Visit, challenge_id: str) -> str:
    """Return what this browser holds of the page; empty if it did not open it."""
    return visit.cookie(_cookie(challenge_id)) or ""


def posted(visit: Visit, challenge_id: str) -> Challenge:
    """Return the challenge to which our own page in this browser posts; raise for all others."""
    session = session_of(visit, challenge_id)
    challenge = visit.services.pages.look(challenge_id, session)
    guard.check_post(visit, session)
    return challenge


def open_link(visit: Visit, challenge_id: str, secret: str) -> Response:
    """Spend the link for this browser, and go on to an address without the secret."""
    if visit.request.method == "HEAD":
        return Response()
    if not guard.is_navigation(visit.request):
        return _not_for_a_person(visit)
    if _has_opened(visit, challenge_id):
        return _to_page(visit, challenge_id)
    return enter(visit, challenge_id, secret)


def enter(visit: Visit, challenge_id: str, secret: str) -> Response:
    """Spend the page's secret for this browser and lead it to the page."""
    pages = visit.services.pages
    session = pages.open(challenge_id, secret)
    challenge = pages.look(challenge_id, session)
    seconds = challenge.expires_at - visit.services.foundation.clock.now() + KEPT_OPEN
    response, name = _to_page(visit, challenge_id), _cookie(challenge_id)
    cookies.write(response, visit.issuer, name, session, seconds=max(seconds, KEPT_OPEN))
    return response


def show(visit: Visit, challenge_id: str) -> Response:
    """Show the challenge as it stands now."""
    session = session_of(visit, challenge_id)
    challenge = visit.services.pages.look(challenge_id, session)
    if challenge.status is not Status.PENDING:
        return _ended(visit, challenge)
    return _pending(visit, challenge, guard.csrf_token(session))


def answer(visit: Visit, challenge_id: str) -> Response:
    """Judge a typed code; nothing typed costs nothing."""
    challenge = posted(visit, challenge_id)
    method, code = visit.form.get("method", ""), visit.form.get("code", "")
    if method not in _TYPED or len(code) > _CODE_LENGTH:
        raise InvalidRequest({"code": ["Not a code that is accepted here."]})
    if not code.strip():
        return _to_page(visit, challenge_id, method=method)
    try:
        visit.services.pages.answer(challenge, {"method": method, "code": code})
    except ProofRejected:
        return _to_page(visit, challenge_id, method=method, said="wrong")
    except ChallengeNotOpen:
        pass  # the page says how it ended
    return _to_page(visit, challenge_id)


def push_again(visit: Visit, challenge_id: str) -> Response:
    """Notify the phone once more, as often as that is allowed."""
    challenge = posted(visit, challenge_id)
    try:
        visit.services.pages.push_again(challenge)
    except (Throttled, AuthenticatorNotActive):
        return _to_page(visit, challenge_id, method="push", said="held")
    except ChallengeNotOpen:
        return _to_page(visit, challenge_id)
    return _to_page(visit, challenge_id, method="push", said="sent")


def deny(visit: Visit, challenge_id: str) -> Response:
    """End it: the person did not ask for this, or changed their mind."""
    challenge = posted(visit, challenge_id)
    with contextlib.suppress(ChallengeNotOpen):  # the page says how it ended
        visit.services.pages.deny(challenge)
    return _to_page(visit, challenge_id)


def _pending(visit: Visit, challenge: Challenge, token: str) -> Response:
    pages, asked = visit.services.pages, challenge.asked
    ways = pages.ways(challenge)
    said, agent = visit.query("said"), (asked.context or {}).get("user_agent")
    return frame.render(
        visit,
        "challenge.html",
        asked=asked,
        browser=browsers.told(visit, agent) if agent else None,
        challenge=challenge,
        code=asked.display_code,
        left=challenge.expires_at - visit.services.foundation.clock.now(),
        manage=challenge.purpose is Purpose.MANAGE,
        page=f"/challenge/{challenge.id}",
        revision=pages.revision(challenge),
        said=said if said in _SAID else None,
        token=token,
        way=_chosen(ways, visit.query("method")),
        ways=ways,
    )


def _chosen(ways: tuple[Way, ...], wanted: str | None) -> Way | None:
    """Return the way that the person chose, else the first that suffices alone, else the first."""
    order = sorted(ways, key=lambda way: (way.method != wanted, not way.suffices))
    return order[0] if order else None


def _ended(visit: Visit, challenge: Challenge) -> Response:
    pages = visit.services.pages
    return frame.render(
        visit,
        "challenge_ended.html",
        client=challenge.asked.client_name,
        codes_left=pages.few_codes_left(challenge),
        outcome=challenge.reason or challenge.status,
        onward=pages.return_address(challenge),
        satisfied=challenge.status is Status.SATISFIED,
    )


def _not_for_a_person(visit: Visit) -> Response:
    """Spend nothing: a browser that prefetches asks again when the person really goes there."""
    if guard.is_prefetch(visit.request):
        return Response(status=_NOT_NOW)
    raise Forbidden


def _has_opened(visit: Visit, challenge_id: str) -> bool:
    try:
        visit.services.pages.look(challenge_id, session_of(visit, challenge_id))
    except NotFound:
        return False
    return True


def _to_page(visit: Visit, challenge_id: str, **query: str) -> Response:
    return frame.redirect(visit, f"/challenge/{challenge_id}", **query)


def _cookie(challenge_id: str) -> str:
    return f"stepup-{challenge_id}"


PAGES = (
    Page("GET", f"{PATH}.<id:secret>", "openChallengePage", open_link),
    Page("GET", PATH, "challengePage", show),
    Page("POST", f"{PATH}/answers", "answerChallengePage", answer),
    Page("POST", f"{PATH}/push", "pushAgainFromPage", push_again),
    Page("POST", f"{PATH}/deny", "denyChallengePage", deny),
)
