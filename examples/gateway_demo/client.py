"""What calls the API: a program by itself, and an application that acts for a person.

The application knows nothing of levels. It reads what a challenge asks for and asks its
authorization server for just that (RFC 9470 §4).
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from examples.demo.stage import port_of
from examples.demo.story import expect
from examples.gateway_demo.challenges import challenge_of
from examples.gateway_demo.stage import AUDIENCE, SCOPES, GatewayStage

CLIENT_ID = "corner-books"


@dataclass(frozen=True, slots=True)
class Program:
    """A client without a person: client credentials, and a token for one API (RFC 8707)."""

    http: httpx.Client
    stage: GatewayStage
    credentials: dict[str, str] = field(repr=False)

    def token(self) -> str:
        """Get an access token for the API."""
        form = {"grant_type": "client_credentials", "resource": AUDIENCE}
        auth = (self.credentials["client_id"], self.credentials["client_secret"])
        answer = self.http.post(f"{self.stage.service}/oauth2/token", data=form, auth=auth)
        return str(answer.raise_for_status().json()["access_token"])


@dataclass(slots=True)
class Application:
    """A client that acts for a person: code flow with PKCE, its callback on loopback."""

    http: httpx.Client
    stage: GatewayStage
    answers: list[dict[str, str]] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict, repr=False)

    def authorization_url(self, challenge: str | None = None) -> str:
        """Return where the person has to go; a challenge of the API says with which wishes."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        self.asked = {"verifier": verifier, "state": state}
        request = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": self._callback,
            "scope": " ".join(("openid", *SCOPES)),
            "state": state,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        wishes = challenge_of(challenge or "")
        request |= {name: wishes[name] for name in ("acr_values", "max_age") if name in wishes}
        return f"{self.stage.server}/authorize?{urlencode(request)}"

    def tokens(self) -> dict[str, Any]:
        """Return what the authorization server gives for the code that came back."""
        answer = self.answers.pop()
        expect("iss of the answer", answer.get("iss"), self.stage.server)
        expect("state of the answer", answer.get("state"), self.asked["state"])
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": self._callback,
            "code_verifier": self.asked["verifier"],
        }
        auth = (quote(CLIENT_ID, safe=""), quote(self.stage.shop_secret, safe=""))
        given = self.http.post(f"{self.stage.server}/token", data=form, auth=auth)
        return dict(given.raise_for_status().json())

    @property
    def _callback(self) -> str:
        return f"{self.stage.shop}/callback"


@contextmanager
def application_of(stage: GatewayStage) -> Iterator[Application]:
    """Give the application, which listens at its callback until the block ends."""
    with httpx.Client(trust_env=False, timeout=10) as http:
        application = Application(http, stage)
        with _listening(application):
            yield application


@contextmanager
def _listening(application: Application) -> Iterator[None]:
    class Callback(BaseHTTPRequestHandler):
        """Keeps the query of each request."""

        def do_GET(self) -> None:
            """Answer with a page that can be closed."""
            application.answers.append(dict(parse_qsl(urlsplit(self.path).query)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<title>You can close this window</title>")

        def log_message(self, *_: object) -> None:
            """Say nothing: the query holds a code."""

    address = ("127.0.0.1", int(port_of(application.stage.shop)))
    server = ThreadingHTTPServer(address, Callback)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
