"""Plays a client of the authorization server by hand: requests, callbacks, token calls."""

import base64
import json
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from tests.integration.examples.conftest import AS, SECRET, SHOP, World

AAL1 = "urn:stepup:acr:aal1"
AAL2 = "urn:stepup:acr:aal2"
CLIENT = "corner-books"
VERIFIER = secrets.token_urlsafe(48)


def essential(*values: str) -> str:
    """The `claims` parameter that insists on one of these levels."""
    return json.dumps({"id_token": {"acr": {"essential": True, "values": list(values)}}})


def request_url(**changes: str | None) -> str:
    """An authorization request; `None` leaves a parameter out."""
    parameters: dict[str, str | None] = {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": f"{SHOP}/callback",
        "scope": "openid profile books",
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": create_s256_code_challenge(VERIFIER),
        "code_challenge_method": "S256",
    }
    kept = {name: value for name, value in (parameters | changes).items() if value is not None}
    return f"{AS}/authorize?{urlencode(kept)}"


def callback(world: World) -> dict[str, str]:
    """What the browser was last sent back to the client with."""
    address = urlsplit(world.browser.trail[-1])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{SHOP}/callback"
    return dict(parse_qsl(address.query))


def code_for(world: World, **changes: str | None) -> str:
    """Sign alice in if need be and return a code."""
    world.browser.open(request_url(**changes))
    if world.browser.page.has("signin"):
        world.browser.submit("signin", username="alice", password="a password of alice")
    return callback(world)["code"]


def post_token(world: World, secret: str = SECRET, **form: str) -> httpx.Response:
    """Call the token endpoint."""
    return world.client().post(f"{AS}/token", data=form, auth=(CLIENT, secret))


def redeem(world: World, code: str, **changes: str) -> httpx.Response:
    """Exchange a code."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": f"{SHOP}/callback",
        "code_verifier": VERIFIER,
    }
    return post_token(world, **(form | changes))


def refresh(world: World, token: str, **changes: str) -> httpx.Response:
    """Use a refresh token."""
    return post_token(world, grant_type="refresh_token", refresh_token=token, **changes)


def part(token: str, place: int) -> dict[str, Any]:
    """Decode the header (0) or the claims (1) of a token without looking at its signature."""
    text = token.split(".")[place]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return decoded
