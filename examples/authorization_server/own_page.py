"""A page of our own that waits for the second factor, instead of the service's hosted page."""

import logging

from flask import Flask, abort, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from examples.authorization_server.browser import Browser, Wait
from examples.authorization_server.outcomes import Outcomes
from examples.authorization_server.service_calls import ServiceProblem
from examples.authorization_server.stepup import StepUpService
from examples.common.sessions import Session, Sessions

WAIT_SECONDS = 10
TEXTS = {
    "user_denied": "You refused this request on your phone.",
    "fraud_reported": "You reported this request. If it was not you, change your password now.",
    "expired": "The request expired before it was answered.",
    "cancelled": "You cancelled the request.",
    "attempts_exhausted": "There were too many wrong answers.",
    "unmet_authentication_requirements": "What you used is not enough for this request.",
}
log = logging.getLogger(__name__)


class OwnPage:
    """Shows the display code and takes typed codes. Passkeys would need a script of ours, too."""

    def __init__(
        self, sessions: Sessions[Browser], stepup: StepUpService, client_name: str
    ) -> None:
        self._sessions = sessions
        self._stepup = stepup
        self._outcomes = Outcomes(stepup)
        self._client_name = client_name

    def install(self, app: Flask) -> None:
        """Add the pages to `app`."""
        app.add_url_rule("/stepup/<wait_id>", "stepup", self.page)
        app.add_url_rule("/stepup/<wait_id>/state", "stepup_state", self.state)
        app.add_url_rule("/stepup/<wait_id>/answer", "answer", self.answer, methods=["POST"])
        app.add_url_rule("/stepup/<wait_id>/cancel", "cancel", self.cancel, methods=["POST"])

    def page(self, wait_id: str) -> str | Response:
        """Show the challenge; go on when it is satisfied; say in words how else it ended."""
        session, wait = self._wait(wait_id)
        self._look(session, wait, seconds=0)
        if wait.evidence is not None:
            return redirect(wait.next, 303)
        ended = (wait.state.reason or wait.state.status) if wait.over else None
        message, wait.message = wait.message, ""
        return render_template(
            "stepup.html",
            csrf=session.csrf,
            wait=wait,
            ended=TEXTS.get(ended or "", "The answer could not be verified.") if ended else None,
            message=message,
            client_name=self._client_name,
        )

    def state(self, wait_id: str) -> Response:
        """Say, after a while at most, whether the page has to change: what the script asks."""
        session, wait = self._wait(wait_id)
        self._look(session, wait, seconds=WAIT_SECONDS)
        return jsonify(over=wait.over, attempts_left=wait.state.attempts_left)

    def answer(self, wait_id: str) -> Response:
        """Pass a typed code on."""
        session, wait = self._wait(wait_id)
        method, code = request.form.get("method", ""), request.form.get("code", "")
        if method not in {"totp", "recovery_code"}:
            abort(400)
        try:
            state = self._stepup.answer(wait.opened, method, code)
        except ServiceProblem as problem:
            wait.message = _why(problem)
        else:
            wait.message = "That was accepted, but this request needs more than that."
            self._outcomes.settle(session.data, wait, state)
        return redirect(url_for("stepup", wait_id=wait.id), 303)

    def cancel(self, wait_id: str) -> Response:
        """Give the request up."""
        session, wait = self._wait(wait_id)
        try:
            self._stepup.cancel(wait.opened)
        except ServiceProblem as problem:
            wait.message = _why(problem)
        self._look(session, wait, seconds=0)
        return redirect(wait.next if wait.over else url_for("stepup", wait_id=wait.id), 303)

    def _wait(self, wait_id: str) -> tuple[Session[Browser], Wait]:
        session = self._sessions.current()
        wait = session.data.waits.get(wait_id)
        if wait is None:
            abort(
                404, "This request is no longer open. Go back to the application and start again."
            )
        return session, wait

    def _look(self, session: Session[Browser], wait: Wait, *, seconds: int) -> None:
        if wait.over:
            return
        try:
            state = self._stepup.read(wait.opened, wait=seconds)
        except ServiceProblem as problem:
            log.warning("a challenge could not be read: %s", problem)
            wait.message = "The service that checks your answer cannot be reached. Trying again …"
        else:
            self._outcomes.settle(session.data, wait, state)


def _why(problem: ServiceProblem) -> str:
    if problem.slug == "proof-rejected":
        return "That code is not right, or was used before."
    if problem.slug == "invalid-request":
        return "That is not a code."
    if problem.slug == "challenge-not-open":
        return "This request has already ended."
    return "That did not work. Try again in a moment."
