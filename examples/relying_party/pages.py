"""The shop's pages."""

import json

from flask import Flask, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from examples.common.expiring import Clock
from examples.common.sessions import Session, Sessions
from examples.relying_party.oidc_client import OidcClient, Pending, SignInFailedError
from examples.relying_party.rules import PAY, READ, RECEIPTS, Rule, shortcomings
from examples.relying_party.shop import BOOKS, Order, OrderState
from examples.relying_party.visitor import Visitor

WORDS = {
    "access_denied": "You refused it.",
    "unmet_authentication_requirements": "Your account has no way to confirm this strongly enough,"
    " or the answer was not right.",
    "login_required": "The request expired before you answered.",
    "mixed_up": "The answer did not come from our sign-in server.",
    "bad_token": "The proof of the sign-in could not be verified.",
    "code_refused": "The sign-in could not be completed.",
}


class ShopPages:
    """Reading needs a sign-in, receipts a second proof, paying two factors for this payment."""

    def __init__(self, sessions: Sessions[Visitor], client: OidcClient, now: Clock) -> None:
        self._sessions = sessions
        self._client = client
        self._now = now

    def install(self, app: Flask) -> None:
        """Add the pages to `app`."""
        app.add_url_rule("/", "front", self.front)
        app.add_url_rule("/read/<book_id>", "read", self.read)
        app.add_url_rule("/receipts", "receipts", self.receipts)
        app.add_url_rule("/buy/<book_id>", "buy", self.buy, methods=["POST"])
        app.add_url_rule("/orders/<order_id>", "order", self.order)
        app.add_url_rule("/callback", "callback", self.callback)
        app.add_url_rule("/signout", "sign_out", self.sign_out, methods=["POST"])

    def front(self) -> str:
        """Show what is for sale."""
        return self._page("front.html", books=BOOKS.values())

    def read(self, book_id: str) -> str | Response:
        """Show a sample to whoever is signed in."""
        book = BOOKS.get(book_id) or abort(404)
        return self._for(READ) or self._page("read.html", book=book)

    def receipts(self) -> str | Response:
        """Show what was bought, after a second proof."""
        return self._for(RECEIPTS) or self._page("receipts.html")

    def buy(self, book_id: str) -> Response:
        """Place an order and have exactly it confirmed."""
        book = BOOKS.get(book_id) or abort(404)
        visitor = self._sessions.current().data
        if visitor.identity is None:
            return self._ask(Pending(READ, url_for("front")), None)
        order = Order(visitor.identity["sub"], book)
        visitor.orders[order.id] = order
        next_page = url_for("order", order_id=order.id)
        return self._ask(Pending(PAY, next_page, order.sub, order.id), order)

    def order(self, order_id: str) -> str:
        """Show how an order ended."""
        order = self._sessions.current().data.orders.get(order_id) or abort(404)
        return self._page("order.html", order=order)

    def callback(self) -> str | tuple[str, int] | Response:
        """Take the authorization server's answer, once, and judge it by the rule it was for."""
        visitor = self._sessions.current().data
        pending = visitor.pending.pop(request.args.get("state", ""), None)
        if pending is None:
            abort(400, "This answer does not belong to a sign-in that was started here.")
        try:
            identity = self._client.identity(pending, request.args.to_dict())
        except SignInFailedError as failure:
            return self._refused(visitor, pending, (_words(failure),))
        order = visitor.orders.get(pending.order_id or "")
        tx_hash = order.tx_hash if order else None
        reasons = shortcomings(pending.rule, identity, at=self._now(), tx_hash=tx_hash)
        if pending.sub not in {None, identity["sub"]}:
            reasons += ("Somebody else signed in.",)
        if reasons:
            return self._refused(visitor, pending, reasons)
        if order is not None and order.state is OrderState.OPEN:
            order.state = OrderState.PAID
        self._sessions.renew(visitor.signed_in(identity))
        return redirect(pending.next, 303)

    def sign_out(self) -> Response:
        """End the session here; the authorization server keeps its own."""
        self._sessions.renew(Visitor())
        return redirect(url_for("front"), 303)

    def _for(self, rule: Rule) -> Response | None:
        """Return nothing if the visitor's sign-in does for `rule`, else the way to a better one."""
        identity = self._sessions.current().data.identity
        if identity is not None and not shortcomings(rule, identity, at=self._now()):
            return None
        sub = identity["sub"] if identity else None
        return self._ask(Pending(rule, request.path, sub), None)

    def _ask(self, pending: Pending, order: Order | None) -> Response:
        self._sessions.current().data.expect(pending)
        return redirect(self._client.address(pending, order), 303)

    def _refused(
        self, visitor: Visitor, pending: Pending, reasons: tuple[str, ...]
    ) -> tuple[str, int] | Response:
        order = visitor.orders.get(pending.order_id or "")
        if order is None:
            return self._page("refused.html", rule=pending.rule, reasons=reasons), 403
        if order.state is OrderState.OPEN:
            order.state, order.reasons = OrderState.REFUSED, reasons
        return redirect(url_for("order", order_id=order.id), 303)

    def _page(self, template: str, **values: object) -> str:
        session: Session[Visitor] = self._sessions.current()
        identity = session.data.identity
        return render_template(
            template,
            csrf=session.csrf,
            visitor=session.data,
            claims=json.dumps(identity, indent=2, sort_keys=True) if identity else "",
            **values,
        )


def _words(failure: SignInFailedError) -> str:
    return WORDS.get(failure.error, "The sign-in server could not help at the moment.")
