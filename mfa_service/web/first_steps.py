"""An errand in the browser: add a first authenticator, then go on to what was asked."""

from flask import Response

from mfa_service.domain.errors import Forbidden
from mfa_service.services.authorizations import RequestRefused
from mfa_service.services.sessions import Person

from . import account, authorize_pages, cookies, guard
from .account_words import addable
from .pages import Page
from .visits import Visit

_GIVE_UP = "/account/give-up"


def home(visit: Visit, person: Person) -> Response:
    """Show what can be added; once something is, open the challenge that waits for it."""
    protocols = visit.services.protocols
    if person.subject.is_new:
        kinds, name = addable(visit, person).values(), protocols.first_steps.name_of(person)
        return account.render(visit, person, "first_steps.html", addable=kinds, name=name)
    if not guard.is_navigation(visit.request):
        raise Forbidden
    try:
        challenge = protocols.first_steps.go_on(person)
    except RequestRefused as exc:
        answer = protocols.authorizations.refusal(exc.target, exc.error)
        return _left(visit, authorize_pages.send(visit, answer))
    return _left(visit, authorize_pages.to_challenge(visit, challenge))


def give_up(visit: Visit, person: Person) -> Response:
    """Tell the caller that the person added nothing."""
    answer = visit.services.protocols.first_steps.give_up(person)
    return _left(visit, authorize_pages.send(visit, answer))


def _left(visit: Visit, response: Response) -> Response:
    cookies.clear(response, visit.issuer, account.COOKIE)
    return response


PAGES = (Page("POST", _GIVE_UP, "accountGiveUp", account.posted(give_up, errand=True)),)
