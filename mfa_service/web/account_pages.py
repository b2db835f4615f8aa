"""Self-service: the overview, the ways in and out, and the sessions of a person."""

import json

from flask import Response

from mfa_service.domain.authenticator import Authenticator
from mfa_service.domain.errors import Forbidden, NotFound
from mfa_service.domain.ports import LoginRefused
from mfa_service.services.sessions import Person
from mfa_service.services.sign_in import LIFETIME, Answer

from . import account, browsers, cookies, first_steps, frame, guard
from .account_words import KINDS, addable, worth_of
from .pages import Page
from .visits import Visit, new_nonce

_SIGN_IN, _LINK = "stepup-sign-in", "stepup-link"
_SESSIONS = "/account/sessions"


def overview(visit: Visit) -> Response:
    """Show what the person has, or how to sign in."""
    person = visit.services.account.sessions.find(visit.cookie(account.COOKIE))
    if person is None:
        offered = visit.services.account.sign_in.offered
        return frame.render(visit, "account/sign_in.html", offered=offered)
    if person.on_errand:
        return first_steps.home(visit, person)
    found = person.subject.authenticators
    at, limits = visit.services.foundation.clock.now(), visit.services.foundation.limits
    return account.render(
        visit,
        person,
        "overview.html",
        kinds=KINDS,
        addable=addable(visit, person).values(),
        rows=[(one, worth_of(visit, one)) for one in found],
        few_codes=_few_codes(found, limits.recovery_codes_low),
        stuck=person.subject.only_suspended,
        alone=len(person.subject.usable()) == 1,
        paused=person.subject.user.fraud_paused_at(at, limits.fraud_pause),
        signals=_signals(visit, person),
    )


def _signals(visit: Visit, person: Person) -> str | None:
    """Return what the browser is told of this person's passkeys: those removed it may forget."""
    passkeys = visit.services.passkeys
    if not passkeys.offered:
        return None
    accepted = passkeys.accepted(person.subject.user.id)
    return json.dumps({"signalAllAcceptedCredentials": accepted})


def begin_sign_in(visit: Visit) -> Response:
    """Send the browser to the login issuer; what it has to bring back is kept here meanwhile."""
    begun = visit.services.account.sign_in.begin()
    response = frame.redirect(visit, begun.url)
    cookies.write(response, visit.issuer, _SIGN_IN, begun.kept, seconds=LIFETIME)
    return response


def finish_sign_in(visit: Visit) -> Response:
    """Begin a session for whom the login issuer vouches."""
    if not guard.is_navigation(visit.request):
        raise Forbidden
    answer = Answer(
        kept=visit.cookie(_SIGN_IN),
        state=visit.query("state"),
        code=visit.query("code"),
        issuer=visit.query("iss"),
    )
    try:
        cookie = visit.services.account.sign_in.finish(answer, account.browser_of(visit))
    except LoginRefused:
        response = frame.render(visit, "account/not_signed_in.html", 403)
    else:
        response = account.begin(visit, cookie)
    cookies.clear(response, visit.issuer, _SIGN_IN)
    return response


def show_link(visit: Visit, token: str) -> Response:
    """Show whom a link signs in; opening it spends nothing."""
    try:
        sub = visit.services.account.links.sub_of(token)
    except NotFound:
        return _link_is_over(visit)
    secret = visit.cookie(_LINK) or new_nonce(visit.services)
    response = frame.render(
        visit, "account/link.html", sub=sub, link=token, token=guard.csrf_token(secret)
    )
    cookies.write(response, visit.issuer, _LINK, secret, seconds=LIFETIME)
    return response


def spend_link(visit: Visit, token: str) -> Response:
    """Begin the session of a link, once; only the page above can ask for it."""
    secret = visit.cookie(_LINK)
    if not secret:
        raise Forbidden
    guard.check_post(visit, secret)
    try:
        cookie = visit.services.account.links.spend(token, account.browser_of(visit))
    except NotFound:
        return _link_is_over(visit)
    response = account.begin(visit, cookie)
    cookies.clear(response, visit.issuer, _LINK)
    return response


def sign_out(visit: Visit, person: Person) -> Response:
    """End this session, here and on the server."""
    visit.services.account.sessions.end(person, person.session.id)
    response = frame.redirect(visit, account.HOME)
    cookies.clear(response, visit.issuer, account.COOKIE)
    return response


def sessions(visit: Visit, person: Person) -> Response:
    """List where the person is signed in."""
    found = [
        (one, browsers.name_of(visit, one.user_agent))
        for one in visit.services.account.sessions.of(person)
    ]
    return account.render(visit, person, "sessions.html", sessions=found)


def end_session(visit: Visit, person: Person, session_id: str) -> Response:
    """End one session of the person."""
    if session_id == person.session.id:
        return sign_out(visit, person)
    visit.services.account.sessions.end(person, session_id)
    return frame.redirect(visit, _SESSIONS)


def end_other_sessions(visit: Visit, person: Person) -> Response:
    """End every session of the person but this one."""
    visit.services.account.sessions.end_others(person)
    visit.services.account.sessions.say_next(person, {"said": "ended"})
    return frame.redirect(visit, _SESSIONS)


def _link_is_over(visit: Visit) -> Response:
    return frame.render(visit, "account/link_over.html", 404)


def _few_codes(found: tuple[Authenticator, ...], low: int) -> int | None:
    """Return how many recovery codes are left if that is few; `None` if there is no set."""
    left = [one.uses_left or 0 for one in found if one.type == "recovery_codes"]
    return sum(left) if left and sum(left) <= low else None


PAGES = (
    Page("GET", "/account", "account", overview),
    Page("GET", "/account/sign-in", "accountSignIn", begin_sign_in),
    Page("GET", "/account/signed-in", "accountSignedIn", finish_sign_in),
    Page("GET", "/account/link/<id:token>", "accountLink", show_link),
    Page("POST", "/account/link/<id:token>", "accountLinkSpend", spend_link),
    Page("POST", "/account/sign-out", "accountSignOut", account.posted(sign_out)),
    Page("GET", _SESSIONS, "accountSessions", account.shown(sessions)),
    Page(
        "POST",
        f"{_SESSIONS}/end-others",
        "accountEndOtherSessions",
        account.posted(end_other_sessions),
    ),
    Page(
        "POST", f"{_SESSIONS}/<id:session_id>/end", "accountEndSession", account.posted(end_session)
    ),
)
