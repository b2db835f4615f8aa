"""The password page."""

from collections.abc import Callable

from flask import Flask, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from examples.authorization_server.accounts import Accounts, TooManyTriesError
from examples.authorization_server.browser import Browser, Flow, signed_in
from examples.authorization_server.decision import Standing
from examples.common.expiring import Clock
from examples.common.sessions import Sessions


class SignInPages:
    """Checks a password, starts a new session, and goes on with what was asked."""

    def __init__(
        self,
        sessions: Sessions[Browser],
        accounts: Accounts,
        name_of: Callable[[str], str],
        now: Clock,
    ) -> None:
        self._sessions = sessions
        self._accounts = accounts
        self._name_of = name_of
        self._now = now

    def install(self, app: Flask) -> None:
        """Add the pages to `app`."""
        app.add_url_rule("/signin", "signin", self.form)
        app.add_url_rule("/signin", "sign_in", self.sign_in, methods=["POST"])
        app.add_url_rule("/signout", "sign_out", self.sign_out, methods=["POST"])

    def form(self) -> str:
        """Show the form; for a request of a client, say which."""
        return self._form(self._flow(request.args), "")

    def sign_in(self) -> tuple[str, int] | Response:
        """Check the password."""
        flow = self._flow(request.form)
        try:
            account = self._accounts.sign_in(
                request.form.get("username", ""), request.form.get("password", "")
            )
        except TooManyTriesError:
            return self._form(flow, "Too many tries. Wait ten minutes and try again."), 429
        if account is None:
            return self._form(flow, "The name or the password is not right."), 403
        standing = Standing(sub=account.sub, name=account.name, password_at=self._now())
        self._sessions.renew(signed_in(standing, flow))
        if flow is None:
            return redirect(url_for("authenticators"), 303)
        return redirect(url_for("proceed", flow_id=flow.id), 303)

    def sign_out(self) -> Response:
        """End the session."""
        self._sessions.renew(Browser(notice="You are signed out."))
        return redirect(url_for("signin"), 303)

    def _flow(self, values: "dict[str, str]") -> Flow | None:
        return self._sessions.current().data.flows.get(values.get("flow", ""))

    def _form(self, flow: Flow | None, fault: str) -> str:
        session = self._sessions.current()
        return render_template(
            "signin.html",
            csrf=session.csrf,
            flow=flow,
            client_name=self._name_of(flow.parameters["client_id"]) if flow else "",
            fault=fault,
            notice=session.data.take_notice(),
            hint=flow.parameters.get("login_hint", "") if flow else "",
        )
