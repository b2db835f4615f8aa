"""A double of the service's hosted page, written from the contract: sections 3 and 10."""

from typing import Any
from urllib.parse import urlencode

from flask import Flask, abort, make_response, redirect, render_template_string, request

from tests.integration.examples.service_double import Challenge, Double

PAGE = """{% if c.status == "satisfied" %}<noscript>
<meta http-equiv="refresh" content="0;url={{ onward }}"></noscript>{% endif %}
<main class="card">
{% if c.status == "pending" %}
<p>{{ c.asked.transaction }}</p>
{% if "push" in c.methods %}<output id="display-code">493021</output>{% endif %}
<p id="attempts">{{ c.attempts_left }}</p>
{% for method in ("totp", "recovery_code") if method in c.methods %}
<form id="{{ method }}" method="post" action="/challenge/{{ c.id }}/answers">
<input name="method" value="{{ method }}"><input name="code"></form>
{% endfor %}
<form id="deny" method="post" action="/challenge/{{ c.id }}/deny"></form>
{% else %}
<p id="ended">{{ c.reason or c.status }}</p><a id="onward" href="{{ onward }}">Back</a>
{% endif %}</main>"""


class DoublePages:
    """Opens a link once, for one browser, and sends it back with the return code."""

    def __init__(self, double: Double) -> None:
        self.double = double

    def install(self, app: Flask) -> None:
        app.add_url_rule("/challenge/<name>.<secret>", "open_page", self.open)
        app.add_url_rule("/challenge/<name>", "page", self.show)
        app.add_url_rule("/challenge/<name>/answers", "page_answer", self.answer, methods=["POST"])
        app.add_url_rule("/challenge/<name>/deny", "page_deny", self.deny, methods=["POST"])

    def open(self, name: str, secret: str) -> Any:
        challenge = self.double.challenges[name]
        if secret != challenge.page_secret:
            abort(404)
        if challenge.opened and not self._mine(challenge):
            abort(410)
        challenge.opened = True
        answer = redirect(f"/challenge/{name}", 303)
        answer.set_cookie(f"page-{name}", challenge.page_cookie)
        return answer

    def show(self, name: str) -> Any:
        challenge = self._opened(name)
        onward = {
            "challenge_id": challenge.id,
            "state": challenge.asked["state"],
            "return_code": challenge.return_code,
        }
        address = f"{challenge.asked['return_uri']}?{urlencode(onward)}"
        return render_template_string(PAGE, c=challenge, onward=address)

    def answer(self, name: str) -> Any:
        challenge = self._opened(name)
        self.double.answer(challenge, request.form["method"], request.form["code"])
        return redirect(f"/challenge/{name}", 303)

    def deny(self, name: str) -> Any:
        challenge = self._opened(name)
        challenge.status, challenge.reason = "denied", "user_denied"
        return redirect(f"/challenge/{name}", 303)

    def _opened(self, name: str) -> Challenge:
        challenge = self.double.challenges[name]
        if not self._mine(challenge):
            abort(make_response("This page was opened in another browser.", 410))
        return challenge

    def _mine(self, challenge: Challenge) -> bool:
        cookie = request.cookies.get(f"page-{challenge.id}")
        return challenge.opened and cookie == challenge.page_cookie
