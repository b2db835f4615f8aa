"""A client that asks people on their phones (CIBA Core 1.0), by secret or by key."""

import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from werkzeug.test import TestResponse

from mfa_service.services.clients import NewClient

from .clients import ASSERTION_TYPE, KeyPair, basic
from .phone import Phone, claims_of
from .world import World

GRANT = "urn:openid:params:grant-type:ciba"
ENDPOINT = "/oauth2/bc-authorize"


@dataclass
class Asker:
    """One client; with a `pair` it proves itself, and signs requests, by that key."""

    world: World
    id: str
    secret: str = field(default="", repr=False)
    pair: KeyPair | None = None

    def post(self, path: str, form: dict[str, str]) -> TestResponse:
        """Post a form as this client; an empty value leaves a parameter out."""
        given = {name: value for name, value in form.items() if value}
        headers = {}
        if self.pair is None:
            headers["Authorization"] = basic(self.id, self.secret)
        else:
            given["client_assertion_type"] = ASSERTION_TYPE
            given["client_assertion"] = self.signed(sub=self.id, exp=self.world.clock.now() + 60)
        data, media = urlencode(given, doseq=True), "application/x-www-form-urlencoded"
        client = self.world.app.test_client()
        return client.post(path, data=data, headers=headers, content_type=media)

    def ask(self, **form: str) -> TestResponse:
        return self.post(ENDPOINT, {"scope": "openid", "login_hint": "alice"} | form)

    def asked(self, **form: str) -> dict[str, Any]:
        """Ask, and return the acknowledgement; fails unless the request was taken."""
        response = self.ask(**form)
        assert response.status_code == 200, response.text
        return dict(response.get_json())

    def poll(self, auth_req_id: str, **form: str) -> TestResponse:
        given = {"grant_type": GRANT, "auth_req_id": auth_req_id} | form
        return self.post("/oauth2/token", given)

    def request(self, /, **changed: Any) -> str:
        """Return a signed request; `None` leaves a claim out."""
        claims: dict[str, Any] = {
            "scope": "openid",
            "login_hint": "alice",
            "nbf": self.world.clock.now(),
        }
        return self.signed(None, **(claims | changed))

    def signed(self, /, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """Return a JWT of this client for us."""
        assert self.pair is not None
        now = self.world.clock.now()
        claims: dict[str, Any] = {
            "iss": self.id,
            "aud": self.world.issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 300,
        } | changed
        given = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": self.pair.alg, "kid": self.pair.kid, **(header or {})}
        return self.pair.sign(head, given)


def asker(world: World, name: str = "till", **members: Any) -> Asker:
    """Return a client that was registered just now; a `pair` among the members is its key."""
    pair = members.pop("pair", None)
    jwks = {"keys": [pair.jwk]} if pair else None
    new = NewClient(name, members.pop("scopes", ("mfa:challenge",)), jwks=jwks, **members)
    made = world.services.clients.add(new)
    return Asker(world, made.client.id, made.secret or "", pair)


def shown(world: World, phone: Phone) -> list[dict[str, Any]]:
    """Return what the phone shows of each open challenge."""
    response = world.device(phone, "GET", "/v1/device/challenges?wait=0")
    return [claims_of(token) for token in response.get_json()["challenges"]]


def approve(world: World, phone: Phone, asked: dict[str, Any]) -> TestResponse:
    """Approve what was asked, with the code that the client shows."""
    (claims,) = shown(world, phone)
    code = asked["display_code"]
    answer = phone.answer(claims, code=code, pin=phone.pin)
    return world.send(phone, claims["challenge_id"], answer)


def deny(world: World, phone: Phone) -> TestResponse:
    """Say no."""
    (claims,) = shown(world, phone)
    return world.send(phone, claims["challenge_id"], phone.answer(claims, "deny"))
