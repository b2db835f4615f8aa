"""Self-service: what a person changes, through a step-up on the hosted page where one is needed."""

from flask import Response

from mfa_service.domain.authenticator import Authenticator, State
from mfa_service.domain.errors import Forbidden, NotFound
from mfa_service.domain.text import misleads
from mfa_service.services.intents import Action, ChangeRefused, Intent
from mfa_service.services.self_service import Outcome, StepUp
from mfa_service.services.sessions import Person

from . import account, frame, guard
from .account_words import HINDRANCES, KINDS, addable, message_of, worth_of
from .pages import Page
from .visits import Visit

_ONE = "/account/authenticators/<id:authenticator_id>"
_LONGEST_LABEL = 64
_MISNAMED = 422


def adding(
    visit: Visit, person: Person, kind: str, status: int = 200, *, misnamed: bool = False
) -> Response:
    """Show what adding one of this type means; `misnamed` after a name that misleads."""
    found = addable(visit, person).get(kind)
    if found is None:
        raise NotFound
    replaces = kind == "recovery_codes" and any(
        one.type == kind for one in person.subject.authenticators
    )
    return account.render(
        visit,
        person,
        "add.html",
        status,
        kind=found,
        first=person.subject.is_new,
        misnamed=misnamed,
        replaces=replaces,
    )


def add(visit: Visit, person: Person, kind: str) -> Response:
    """Add one of this type."""
    label = _label(visit)
    if kind not in addable(visit, person) or _misleads(label):
        return adding(visit, person, kind, _MISNAMED, misnamed=True)
    return ask(visit, person, Intent(Action.ADD, kind, label), "")


def one(
    visit: Visit,
    person: Person,
    authenticator_id: str,
    status: int = 200,
    *,
    misnamed: bool = False,
) -> Response:
    """Show one authenticator and what can be done with it."""
    found = person.authenticator(authenticator_id)
    return account.render(
        visit,
        person,
        "authenticator.html",
        status,
        found=found,
        kind=KINDS[found.type],
        misnamed=misnamed,
        worth=worth_of(visit, found),
        suspended=found.state is State.SUSPENDED,
    )


def rename(visit: Visit, person: Person, authenticator_id: str) -> Response:
    """Give it another name."""
    label = _label(visit)
    if label is None:
        return frame.redirect(visit, f"/account/authenticators/{authenticator_id}")
    if _misleads(label):
        return one(visit, person, authenticator_id, _MISNAMED, misnamed=True)
    return _change(visit, person, authenticator_id, Action.RENAME, label)


def suspend(visit: Visit, person: Person, authenticator_id: str) -> Response:
    """Put it out of work: lost, or in other hands."""
    return _change(visit, person, authenticator_id, Action.SUSPEND)


def reactivate(visit: Visit, person: Person, authenticator_id: str) -> Response:
    """Put it to work again."""
    return _change(visit, person, authenticator_id, Action.REACTIVATE)


def remove(visit: Visit, person: Person, authenticator_id: str) -> Response:
    """Revoke it for good."""
    return _change(visit, person, authenticator_id, Action.REMOVE)


def come_back(visit: Visit, person: Person) -> Response:
    """Make the change whose step-up is done."""
    if not guard.is_navigation(visit.request):
        raise Forbidden
    try:
        outcome = visit.services.account.changes.come_back(
            person,
            challenge_id=visit.query("challenge_id") or "",
            state=visit.query("state") or "",
            return_code=visit.query("return_code") or "",
        )
    except ChangeRefused as refused:
        return _refused(visit, person, refused)
    return _lead_on(visit, person, outcome)


def ask(visit: Visit, person: Person, intent: Intent, label: str) -> Response:
    """Make a change or lead to its step-up; say why if neither is possible."""
    message, context = message_of(visit, intent, label), account.context_of(visit)
    changes = visit.services.account.changes
    try:
        outcome = changes.ask(person, intent, message=message, context=context)
    except ChangeRefused as refused:
        return _refused(visit, person, refused)
    return _lead_on(visit, person, outcome)


def _change(
    visit: Visit, person: Person, authenticator_id: str, action: Action, label: str | None = None
) -> Response:
    found = person.authenticator(authenticator_id)
    return ask(visit, person, Intent(action, found.id, label), found.label)


def _lead_on(visit: Visit, person: Person, outcome: Outcome) -> Response:
    if isinstance(outcome, StepUp):
        return frame.redirect(visit, outcome.path)
    if outcome.enrollment_id is not None:
        return frame.redirect(visit, f"/account/enrollments/{outcome.enrollment_id}")
    if outcome.again:
        return frame.redirect(visit, account.HOME)
    intent = outcome.intent
    named = intent.label or _label_of(person.subject.authenticators, intent.concerns)
    said: dict[str, object] = {"said": intent.action, "label": named}
    visit.services.account.sessions.say_next(person, said)
    return frame.redirect(visit, account.HOME)


def _refused(visit: Visit, person: Person, refused: ChangeRefused) -> Response:
    words = HINDRANCES[refused.hindrance]
    return account.render(visit, person, "refused.html", refused.status, words=words)


def _label(visit: Visit) -> str | None:
    return " ".join(visit.form.get("label", "").split()) or None


def _misleads(label: str | None) -> bool:
    return label is not None and (len(label) > _LONGEST_LABEL or misleads(label))


def _label_of(listed: tuple[Authenticator, ...], authenticator_id: str) -> str:
    return next((found.label for found in listed if found.id == authenticator_id), "")


PAGES = (
    Page("GET", "/account/add/<id:kind>", "accountAdding", account.shown(adding, errand=True)),
    Page("POST", "/account/add/<id:kind>", "accountAdd", account.posted(add, errand=True)),
    Page("GET", _ONE, "accountAuthenticator", account.shown(one)),
    Page("POST", f"{_ONE}/rename", "accountRename", account.posted(rename)),
    Page("POST", f"{_ONE}/suspend", "accountSuspend", account.posted(suspend)),
    Page("POST", f"{_ONE}/reactivate", "accountReactivate", account.posted(reactivate)),
    Page("POST", f"{_ONE}/remove", "accountRemove", account.posted(remove)),
    Page("GET", "/account/return", "accountReturn", account.shown(come_back)),
)
