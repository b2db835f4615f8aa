"""Pages of a session of self-service: who is there, and what surrounds each page."""

from collections.abc import Callable
from typing import Concatenate

from flask import Response

from mfa_service.domain.errors import Unauthenticated
from mfa_service.domain.text import has_control, misleads
from mfa_service.services.sessions import Browser, Person

from . import browsers, cookies, frame, guard
from .account_words import notice_of
from .pages import View
from .visits import Visit

COOKIE = "stepup-account"
HOME = "/account"
_LONGEST = 256

PersonView = Callable[Concatenate[Visit, Person, ...], Response]


def shown(view: PersonView, *, errand: bool = False) -> View:
    """Return a page for who is signed in; everybody else is led to the sign-in.

    An errand, which began by a hint, sees only pages with `errand`: it adds a first authenticator.
    """

    def checked(visit: Visit, **path: str) -> Response:
        person = _person(visit, errand=errand)
        return frame.redirect(visit, HOME) if person is None else view(visit, person, **path)

    return checked


def posted(view: PersonView, *, errand: bool = False) -> View:
    """Return what a form of our own page in this session does; nothing else gets through."""

    def checked(visit: Visit, **path: str) -> Response:
        person = _person(visit, errand=errand)
        if person is None:
            return frame.redirect(visit, HOME)
        guard.check_post(visit, visit.cookie(COOKIE) or "")
        return view(visit, person, **path)

    return checked


def called(view: PersonView) -> View:
    """Return what a script of ours asks in the background; it does not prolong the session."""

    def checked(visit: Visit, **path: str) -> Response:
        person = visit.services.account.sessions.find(visit.cookie(COOKIE), in_use=False)
        if person is None:
            raise Unauthenticated
        return view(visit, person, **path)

    return checked


def _person(visit: Visit, *, errand: bool) -> Person | None:
    person = visit.services.account.sessions.find(visit.cookie(COOKIE))
    return None if person is None or (person.on_errand and not errand) else person


def render(
    visit: Visit, person: Person, template: str, status: int = 200, **context: object
) -> Response:
    """Return a page of the session: with what the last page left to say, and its form token.

    It is said to the person who goes there, and not used up by a page that refreshes itself
    while they leave it.
    """
    sessions = visit.services.account.sessions
    said = sessions.notice(person) if guard.is_navigation(visit.request) else {}
    elsewhere = bool(said) and len(sessions.of(person)) > 1
    return frame.render(
        visit,
        f"account/{template}",
        status,
        here=visit.request.path,
        notice=notice_of(visit, said, elsewhere=elsewhere),
        person=person,
        token=guard.csrf_token(visit.cookie(COOKIE) or ""),
        **context,
    )


def begin(visit: Visit, cookie: str, path: str = HOME) -> Response:
    """Give the browser its session and lead it to a page."""
    response = frame.redirect(visit, path)
    cookies.write(response, visit.issuer, COOKIE, cookie, seconds=None)
    return response


def browser_of(visit: Visit) -> Browser:
    """Return what the browser says it is, and the session that it brought."""
    return Browser(_clean(visit.request.headers.get("User-Agent", "")), visit.cookie(COOKIE))


def context_of(visit: Visit) -> dict[str, str]:
    """Return where a change is asked from, for the person who confirms it."""
    told = {
        "ip": visit.request.remote_addr or "",
        "user_agent": browsers.name_of(visit, browser_of(visit).user_agent),
    }
    return {name: value for name, value in told.items() if value}


def _clean(text: str) -> str:
    return "" if has_control(text) or misleads(text) else text[:_LONGEST]
