"""Self-service: tying a new authenticator to the person, step by step and live."""

import base64
import json

from flask import Response

from mfa_service.adapters import qr
from mfa_service.domain import crockford, strict_json
from mfa_service.domain.errors import (
    BindingRequiresStepUp,
    EnrollmentNotOpen,
    InvalidRequest,
    ProofRejected,
)
from mfa_service.domain.ports import JsonObject
from mfa_service.services.enrollment_rows import Enrollment, claim_uri
from mfa_service.services.sessions import Person

from . import account, frame, guard
from .account_words import KINDS
from .pages import Page
from .visits import Visit

_ONE = "/account/enrollments/<id:enrollment_id>"
_LONGEST_WAIT = 25
_LONGEST_CODE = 64
_TYPED = {"phone": "check_code", "totp": "code"}


def show(visit: Visit, person: Person, enrollment_id: str) -> Response:
    """Show how to go on, or what became of it."""
    found = visit.services.enrollment.read(person.caller, enrollment_id)
    if found.type == "recovery_codes":
        return _codes(visit, person, found)
    if found.state == "active":
        return frame.redirect(visit, account.HOME)
    return _step(visit, person, found)


def state(visit: Visit, person: Person, enrollment_id: str) -> Response:
    """Answer once the page has something new to show; holds no worker that others need."""
    known, wait = visit.query("known"), visit.seconds("wait", longest=_LONGEST_WAIT)
    found = visit.services.enrollment.read(person.caller, enrollment_id, known=known, wait=wait)
    return frame.data({"revision": found.revision, "ended": found.is_over})


def confirm(visit: Visit, person: Person, enrollment_id: str) -> Response:
    """Finish it with what only the holder of the new authenticator knows."""
    enrollment, changes = visit.services.enrollment, visit.services.account.changes
    before = enrollment.read(person.caller, enrollment_id)
    try:
        done = changes.confirm(person, enrollment_id, _proof(visit, before))
    except ProofRejected:
        return frame.redirect(visit, f"/account/enrollments/{enrollment_id}", said="wrong")
    except (BindingRequiresStepUp, EnrollmentNotOpen) as exc:
        return _over(visit, person, before, exc.status)
    label = done.authenticator.label if done.authenticator else ""
    visit.services.account.sessions.say_next(person, {"said": "add", "label": label})
    return frame.redirect(visit, account.HOME)


def cancel(visit: Visit, person: Person, enrollment_id: str) -> Response:
    """Give it up, or turn away a phone that is not the person's."""
    found = visit.services.enrollment.read(person.caller, enrollment_id)
    visit.services.enrollment.cancel(person.caller, enrollment_id)
    said = "cancelled" if found.claimant is None else "rejected"
    visit.services.account.sessions.say_next(person, {"said": said})
    return frame.redirect(visit, account.HOME)


def _codes(visit: Visit, person: Person, found: Enrollment) -> Response:
    """Show new recovery codes, once: to the person who looks, not to a browser that prefetches."""
    looked = guard.is_navigation(visit.request)
    sessions = visit.services.account.sessions
    shown = sessions.shown(person, found.id, once=True) if looked else {}
    return account.render(
        visit, person, "recovery_codes.html", codes=shown.get("codes", []), languages=[]
    )


def _step(visit: Visit, person: Person, found: Enrollment) -> Response:
    if found.is_over:
        return _over(visit, person, found, 200)
    shown = visit.services.account.sessions.shown(person, found.id, once=False)
    return account.render(
        visit,
        person,
        f"enroll_{found.type}.html",
        found=found,
        kind=KINDS[found.type],
        shown=_as_shown(visit, shown),
        left=found.expires_at - visit.services.foundation.clock.now(),
        wrong=visit.query("said") == "wrong",
    )


def _over(visit: Visit, person: Person, found: Enrollment, status: int) -> Response:
    return account.render(visit, person, "enroll_over.html", status, kind=KINDS[found.type])


def _as_shown(visit: Visit, shown: JsonObject) -> dict[str, str]:
    """Return what a page shows of it: addresses, pictures and codes as people type them."""
    if "code" in shown:
        code = str(shown["code"])
        uri = claim_uri(visit.issuer, code)
        return {"uri": uri, "picture": _picture(uri), "code": crockford.grouped(code)}
    if "otpauth_uri" in shown:
        uri, secret = str(shown["otpauth_uri"]), str(shown["secret"])
        return {"uri": uri, "picture": _picture(uri), "code": crockford.grouped(secret)}
    return {"options": json.dumps(shown["publicKey"])} if "publicKey" in shown else {}


def _picture(text: str) -> str:
    svg = base64.b64encode(qr.svg(text).encode()).decode()
    return f"data:image/svg+xml;base64,{svg}"


def _proof(visit: Visit, found: Enrollment) -> dict[str, object]:
    if found.type in _TYPED:
        code = "".join(visit.form.get("code", "").split())
        if len(code) > _LONGEST_CODE:
            raise InvalidRequest({"code": ["Not a code that is accepted here."]})
        return {_TYPED[found.type]: code}
    try:
        credential = strict_json.loads(visit.form.get("credential", "").encode())
    except strict_json.NotStrictJson as exc:
        raise ProofRejected from exc
    if not isinstance(credential, dict):
        raise InvalidRequest({"credential": ["Not an object."]})
    return {"credential": credential}


PAGES = (
    Page("GET", _ONE, "accountEnrollment", account.shown(show, errand=True)),
    Page("GET", f"{_ONE}/state", "accountEnrollmentState", account.called(state)),
    Page(
        "POST", f"{_ONE}/confirm", "accountEnrollmentConfirm", account.posted(confirm, errand=True)
    ),
    Page("POST", f"{_ONE}/cancel", "accountEnrollmentCancel", account.posted(cancel, errand=True)),
)
