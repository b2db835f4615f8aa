"""A relying party that sends people through our front channel, and redeems what comes back."""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from werkzeug.test import TestResponse

from .browsing import Browser
from .clients import basic
from .people import confirm
from .phone import Phone, b64
from .world import Api, Totp, World

CALLBACK = "https://shop.example/callback"


@dataclass
class Party:
    """One client with one redirect URI, and the secrets of its latest request."""

    world: World
    api: Api
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    state: str = "s1"
    nonce: str = "n1"

    def parameters(self, **changed: str) -> dict[str, str]:
        """Return a complete request; an empty value leaves a parameter out."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        given = {
            "response_type": "code",
            "client_id": self.api.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "login_hint": "alice",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": b64(digest),
            "code_challenge_method": "S256",
        } | changed
        return {name: value for name, value in given.items() if value}

    def post(self, path: str, form: dict[str, str]) -> TestResponse:
        """Post a form as this client."""
        headers = {"Authorization": basic(self.api.client_id, self.api.secret)}
        return self.world.app.test_client().post(path, data=form, headers=headers)

    def push(self, **changed: str) -> TestResponse:
        return self.post("/oauth2/par", self.parameters(**changed))

    def pushed(self, **changed: str) -> str:
        """Push a request and return where the browser goes next."""
        response = self.push(**changed)
        assert response.status_code == 201, response.text
        return self.address(request_uri=response.get_json()["request_uri"])

    def address(self, **query: str) -> str:
        """Return the address of the authorization endpoint with a query."""
        return f"/oauth2/authorize?{urlencode({'client_id': self.api.client_id, **query})}"

    def redeem(self, code: str, **changed: str) -> TestResponse:
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
        } | changed
        return self.post("/oauth2/token", {name: value for name, value in given.items() if value})

    def tokens(self, by: Totp | Phone, **changed: str) -> dict[str, Any]:
        """Go the whole way, answer by `by`, and return what the token endpoint gives."""
        browser = Browser(self.world.app)
        browser.get(self.pushed(**changed))
        confirm(browser, by, self.world)
        response = self.redeem(answer_of(browser)["code"])
        assert response.status_code == 200, response.text
        return dict(response.get_json())


def answer_of(browser: Browser) -> dict[str, str]:
    """Return what the browser was sent to the client with."""
    target = urlsplit(browser.page.response.headers["Location"])
    return dict(parse_qsl(target.query, keep_blank_values=True))


def party_of(world: World, name: str = "shop", **members: Any) -> Party:
    """Return a relying party, registered under this name."""
    registration = {"scopes": ("mfa:challenge",), "redirect_uris": (CALLBACK,), **members}
    return Party(world, world.client(name, **registration))
