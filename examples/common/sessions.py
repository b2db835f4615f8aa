"""A browser's session: a random cookie, server-side data, and the CSRF token of its forms."""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from flask import Flask, Response, abort, g, request

from examples.common.expiring import Clock, Expiring

Data = TypeVar("Data")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class Session(Generic[Data]):
    """One browser. `id` is the cookie's value and never shown; `csrf` goes into every form."""

    data: Data
    id: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


class Sessions(Generic[Data]):
    """Sessions in memory, found by a cookie that scripts cannot read and other sites cannot send.

    Over https the cookie has the `__Host-` prefix. Ports do not separate cookies, so give every
    application on a host its own `name`.
    """

    def __init__(
        self, name: str, new: Callable[[], Data], *, origin: str, seconds: int, now: Clock
    ) -> None:
        self._secure = origin.startswith("https://")
        self._cookie = f"__Host-{name}" if self._secure else name
        self._origin = origin
        self._new = new
        self._sessions: Expiring[Session[Data]] = Expiring(seconds, now)

    def install(self, app: Flask, *, without_csrf: frozenset[str]) -> None:
        """Refuse forms without the CSRF token, save at these endpoints, and set the cookie."""
        self._without_csrf = without_csrf
        app.before_request(self._refuse_forged_forms)
        app.after_request(self._set_cookie)

    def current(self) -> Session[Data]:
        """Return this browser's session; a new one if it has none."""
        found = self._found()
        if found is None:
            found = Session(self._new())
            self._begin(found)
        return found

    def renew(self, data: Data) -> Session[Data]:
        """Start a session with a new id for this browser and end the old one (ASVS 7.2.4)."""
        self._sessions.take(request.cookies.get(self._cookie, ""))
        session = Session(data)
        self._begin(session)
        return session

    def _begin(self, session: Session[Data]) -> None:
        self._sessions.put(session.id, session)
        g.new_session = session

    def _found(self) -> Session[Data] | None:
        new: Session[Data] | None = g.get("new_session")
        return new or self._sessions.get(request.cookies.get(self._cookie, ""))

    def _refuse_forged_forms(self) -> None:
        if request.method in SAFE_METHODS or request.endpoint in self._without_csrf:
            return
        session = self._found()
        sent = request.form.get("csrf", "").encode()
        if session is None or not hmac.compare_digest(sent, session.csrf.encode()):
            abort(403, "This form is no longer valid. Go back, reload the page and try again.")
        if request.headers.get("Origin", self._origin) != self._origin:
            abort(403, "This form was sent from another site.")

    def _set_cookie(self, response: Response) -> Response:
        session: Session[Data] | None = g.get("new_session")
        if session is not None:
            response.set_cookie(
                self._cookie,
                session.id,
                httponly=True,
                secure=self._secure,
                samesite="Lax",
                path="/",
            )
        return response
