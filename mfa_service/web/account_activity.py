"""Self-service: what the person was asked, how it ended, and “this was not me”."""

from flask import Response

from mfa_service.services.intents import Action, Intent
from mfa_service.services.sessions import Person

from . import account, browsers
from .account_changes import ask
from .account_words import CONTEXT, METHODS, outcome_of
from .pages import Page
from .visits import Visit

_ONE = "/account/activity/<id:challenge_id>"


def activity(visit: Visit, person: Person) -> Response:
    """List the requests of the last 30 days, newest first."""
    page = visit.services.account.timeline.page(person, before=visit.query("before"))
    rows = [(entry, outcome_of(entry.challenge)) for entry in page.entries]
    return account.render(visit, person, "activity.html", rows=rows, older=page.older)


def request(visit: Visit, person: Person, challenge_id: str) -> Response:
    """Show one of them in full: what was shown, what was signed, what it was worth."""
    entry = visit.services.account.timeline.entry(person, challenge_id)
    asked = entry.challenge.asked
    context = dict(asked.context or {})
    if agent := context.get("user_agent"):
        context["user_agent"] = browsers.told(visit, agent)
    return account.render(
        visit,
        person,
        "request.html",
        asked=asked,
        entry=entry,
        outcome=outcome_of(entry.challenge),
        context=[(name, context[key]) for key, name in CONTEXT.items() if context.get(key)],
        methods=[METHODS[proof.method] for proof in entry.challenge.proofs],
    )


def disputing(visit: Visit, person: Person, challenge_id: str) -> Response:
    """Ask once more before anything is suspended."""
    entry = visit.services.account.timeline.approval(person, challenge_id)
    return account.render(visit, person, "dispute.html", entry=entry)


def dispute(visit: Visit, person: Person, challenge_id: str) -> Response:
    """Suspend what answered."""
    return ask(visit, person, Intent(Action.DISPUTE, challenge_id), "")


PAGES = (
    Page("GET", "/account/activity", "accountActivity", account.shown(activity)),
    Page("GET", _ONE, "accountRequest", account.shown(request)),
    Page("GET", f"{_ONE}/not-me", "accountDisputing", account.shown(disputing)),
    Page("POST", f"{_ONE}/not-me", "accountDispute", account.posted(dispute)),
)
