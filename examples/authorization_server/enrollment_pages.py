"""The pages where a signed-in person adds a phone, a passkey, an app or recovery codes."""

import base64
import json
from typing import Any

from flask import Flask, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from examples.authorization_server.browser import Browser, Shown, Wait
from examples.authorization_server.decision import Standing
from examples.authorization_server.enrollment import LEVEL_OF, Enroller, Person
from examples.authorization_server.service_calls import ServiceProblem
from examples.authorization_server.stepup import Ask, StepUpService
from examples.common.expiring import Clock
from examples.common.sessions import Session, Sessions

PASSWORD_SECONDS = 900
NAMES = {
    "phone": "phone",
    "webauthn": "passkey",
    "totp": "authenticator app",
    "recovery_codes": "recovery codes",
}
CONFIRM_FIELD = {"phone": "check_code", "totp": "code", "webauthn": "credential"}


class EnrollmentPages:
    """Adds authenticators; once there is one, only after a step-up of purpose `manage`.

    Such a step-up is asked without `prior`, because the service computes its level without the
    password: whoever has only the password must not be able to add a phone (contract section 5).
    """

    def __init__(
        self, sessions: Sessions[Browser], enroller: Enroller, stepup: StepUpService, now: Clock
    ) -> None:
        self._sessions = sessions
        self._enroller = enroller
        self._stepup = stepup
        self._now = now

    def install(self, app: Flask) -> None:
        """Add the pages to `app`."""
        at = "/authenticators"
        app.add_url_rule("/", "front", lambda: redirect(url_for("authenticators"), 303))
        app.add_url_rule(at, "authenticators", self.overview)
        app.add_url_rule(at, "add", self.add, methods=["POST"])
        app.add_url_rule(f"{at}/self-service", "self_service", self.self_service, methods=["POST"])
        app.add_url_rule(f"{at}/authorised/<wait_id>", "authorised", self.authorised)
        app.add_url_rule(f"{at}/new/<shown_id>", "enrollment", self.show)
        app.add_url_rule(f"{at}/new/<shown_id>", "confirm", self.confirm, methods=["POST"])

    def overview(self) -> str | Response:
        """List what the person has."""
        session, standing = self._signed_in()
        if standing is None:
            return redirect(url_for("signin"), 303)
        try:
            person = self._enroller.person(standing.sub)
        except ServiceProblem:
            abort(503, "Your authenticators cannot be read at the moment.")
        return render_template(
            "authenticators.html",
            csrf=session.csrf,
            standing=standing,
            person=person,
            names=NAMES,
            notice=session.data.take_notice(),
        )

    def add(self) -> Response:
        """Begin to add one; somebody who has one already proves it first."""
        session, standing = self._signed_in()
        kind = request.form.get("type", "")
        if kind not in LEVEL_OF:
            abort(400)
        if standing is None:
            return redirect(url_for("signin"), 303)
        try:
            person = self._enroller.person(standing.sub)
            if person.authenticators:
                return self._step_up(session, standing, person, kind)
            return self._begin(session, standing, kind, None)
        except ServiceProblem as problem:
            return self._failed(session, problem)

    def self_service(self) -> Response:
        """Go to the service's own pages, which can do more than these."""
        session, standing = self._signed_in()
        if standing is None:
            return redirect(url_for("signin"), 303)
        try:
            return redirect(self._enroller.self_service(standing.sub), 303)
        except ServiceProblem as problem:
            return self._failed(session, problem)

    def authorised(self, wait_id: str) -> Response:
        """Begin the enrollment that a finished step-up of this session was asked for, once."""
        session, standing = self._signed_in()
        wait = session.data.waits.pop(wait_id, None)
        if wait is None or standing is None:
            return redirect(url_for("authenticators"), 303)
        kind = request.args.get("type", "")
        if wait.evidence is None or wait.purpose != f"manage {kind}":
            session.data.notice = "Nothing was changed."
            return redirect(url_for("authenticators"), 303)
        try:
            return self._begin(session, standing, kind, wait.opened.id)
        except ServiceProblem as problem:
            return self._failed(session, problem)

    def show(self, shown_id: str) -> str:
        """Show what the new authenticator needs; recovery codes only once."""
        session, shown = self._shown(shown_id)
        if shown.type not in CONFIRM_FIELD:
            session.data.shown.pop(shown.id, None)
        message, shown.message = shown.message, ""
        picture = shown.enrollment.get("qr_svg", "").encode()
        return render_template(
            "enrollment.html",
            csrf=session.csrf,
            shown=shown,
            message=message,
            name=NAMES[shown.type],
            picture=base64.b64encode(picture).decode(),
        )

    def confirm(self, shown_id: str) -> Response:
        """Confirm with the code that the new authenticator shows."""
        session, shown = self._shown(shown_id)
        if shown.type not in CONFIRM_FIELD:
            abort(400)
        try:
            self._enroller.confirm(shown.enrollment["id"], _proof(shown.type))
        except ServiceProblem as problem:
            if problem.slug not in {"proof-rejected", "invalid-request"}:
                return self._failed(session, problem)
            shown.message = "That is not right. Try again."
            return redirect(url_for("enrollment", shown_id=shown.id), 303)
        session.data.shown.pop(shown.id, None)
        session.data.notice = f"Your {NAMES[shown.type]} was added."
        return redirect(url_for("authenticators"), 303)

    def _signed_in(self) -> tuple[Session[Browser], Standing | None]:
        """Return the session and who it is, if the password is at most a quarter of an hour old."""
        session = self._sessions.current()
        standing = session.data.standing
        if standing is not None and self._now() - standing.password_at > PASSWORD_SECONDS:
            standing = None
        return session, standing

    def _shown(self, shown_id: str) -> tuple[Session[Browser], Shown]:
        session = self._sessions.current()
        shown = session.data.shown.get(shown_id)
        if shown is None:
            abort(404, "This was shown once and is gone. Begin again if you still need it.")
        return session, shown

    def _step_up(
        self, session: Session[Browser], standing: Standing, person: Person, kind: str
    ) -> Response:
        ask = Ask(
            sub=standing.sub,
            levels=(person.level_to_add(kind),),
            essential=True,
            purpose="manage",
            application="your account",
            binding_message=f"Add: {NAMES[kind]}",
            ip=request.remote_addr or "",
            user_agent=request.user_agent.string,
        )
        opened, state = self._stepup.open(ask)
        wait = Wait(opened, state, f"manage {kind}", "")
        wait.next = url_for("authorised", wait_id=wait.id, type=kind)
        session.data.keep(wait)
        return redirect(url_for("stepup", wait_id=wait.id), 303)

    def _begin(
        self, session: Session[Browser], standing: Standing, kind: str, challenge_id: str | None
    ) -> Response:
        shown = Shown(kind, self._enroller.begin(standing.sub, kind, challenge_id))
        session.data.keep(shown)
        return redirect(url_for("enrollment", shown_id=shown.id), 303)

    def _failed(self, session: Session[Browser], problem: ServiceProblem) -> Response:
        texts = {
            "acr-unattainable": "What you have cannot authorise this. Ask the help desk.",
            "binding-requires-step-up": "This change was not allowed. After a report nothing can be"
            " changed for half an hour.",
            "enrollment-not-open": "That took too long, or was tried too often. Begin again.",
        }
        session.data.notice = texts.get(problem.slug, "That did not work. Try again in a moment.")
        return redirect(url_for("authenticators"), 303)


def _proof(kind: str) -> dict[str, Any]:
    """Return what the form brought, as the service takes it."""
    given = request.form.get("code", "")
    if kind != "webauthn":
        return {CONFIRM_FIELD[kind]: given.replace(" ", "")}
    try:
        return {"credential": json.loads(given)}
    except (ValueError, RecursionError):
        abort(400)
