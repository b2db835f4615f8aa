"""Send the browser to the service's hosted page, and take it back when the challenge has ended."""

from flask import Flask, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from examples.authorization_server.browser import Browser, Wait
from examples.authorization_server.outcomes import Outcomes
from examples.authorization_server.service_calls import ServiceProblem
from examples.authorization_server.stepup import StepUpService
from examples.common.sessions import Session, Sessions

RETURN_PATH = "/stepup/return"


class HostedPage:
    """Everything an integrator needs: go there with `return_uri` and `state`, and come back.

    Whoever comes back is believed in three things only: that this very browser session opened a
    challenge under `state`, which challenge that was by what we kept (never by the address), and
    that it was this browser that saw its end, because it brings the `return_code`. What was proven
    is in the signed result alone.
    """

    def __init__(self, sessions: Sessions[Browser], stepup: StepUpService) -> None:
        self._sessions = sessions
        self._stepup = stepup
        self._outcomes = Outcomes(stepup)

    def install(self, app: Flask) -> None:
        """Add the pages to `app`."""
        app.add_url_rule(RETURN_PATH, "stepup_return", self.come_back)
        app.add_url_rule("/stepup/<wait_id>", "stepup", self.leave)

    def leave(self, wait_id: str) -> str | Response:
        """Lead to the hosted page, by a page and not by a redirect.

        A browser counts redirects to the form that began them, and the relying party's
        `form-action` knows nothing of the step-up service.
        """
        _, wait = self._wait(wait_id)
        if wait.over:
            return redirect(wait.next, 303)
        return render_template("leaving.html", page=wait.opened.page)

    def come_back(self) -> Response:
        """Read the result with the return code, judge it, and go on with what it was for."""
        session, wait = self._wait(request.args.get("state", ""))
        if request.args.get("challenge_id") != wait.opened.id:
            abort(400, "This answer belongs to another request.")
        if not wait.over:
            code = request.args.get("return_code", "")
            try:
                state = self._stepup.read(wait.opened, return_code=code)
            except ServiceProblem:
                abort(503, "Your answer cannot be checked at the moment. Reload to try again.")
            self._outcomes.settle(session.data, wait, state)
        return redirect(wait.next if wait.over else url_for("stepup", wait_id=wait.id), 303)

    def _wait(self, state: str) -> tuple[Session[Browser], Wait]:
        session = self._sessions.current()
        wait = session.data.waits.get(state)
        if wait is None:
            abort(404, "This request was not started here, or is no longer open. Start again.")
        return session, wait
