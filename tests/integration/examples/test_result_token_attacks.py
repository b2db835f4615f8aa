"""Result tokens that the example authorization server must not believe."""

import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from examples.authorization_server.result_tokens import Expected, ResultTokens
from examples.common.remote_keys import BadTokenError, RemoteKeys
from tests.integration.examples.asking import AAL2, callback, request_url
from tests.integration.examples.conftest import World
from tests.integration.examples.service_double import CLIENT_ID, ISSUER, Claims

PAYMENT = {"type": "payment", "amount": "49.90"}


def approved(world: World) -> dict[str, str]:
    """Ask for a payment, approve it, and see what the client is told."""
    world.double.own("alice", "phone")
    world.sign_in("alice")
    world.browser.open(request_url(acr_values=AAL2, transaction=json.dumps(PAYMENT)))
    world.double.approve()
    world.browser.reload()
    if world.browser.page.has("ended"):
        world.browser.follow("continue")
    return callback(world)


def test_the_genuine_token_is_believed(world: World) -> None:
    assert "code" in approved(world)


@pytest.mark.parametrize(
    "change",
    [
        {"sub": "mallory"},
        {"aud": "cli_another"},
        {"aud": [CLIENT_ID, "cli_another"]},
        {"iss": "https://evil.example"},
        {"txn": "chl_another"},
        {"nonce": "another"},
        {"nonce": None},
        {"tx_hash": "A" * 43},
        {"tx_hash": None},
        {"acr": "urn:stepup:acr:aal1"},
        {"acr": None},
        {"acr_satisfied": "urn:stepup:acr:aal2"},
        {"amr": "mfa"},
        {"exp": 1},
        {"exp": None},
        {"exp": True},
        {"iat": 99999999999},
        {"auth_time": 1},
        {"auth_time": 99999999999},
        {"auth_time": "now"},
        {"jti": None},
    ],
    ids=str,
)
def test_a_signed_token_about_something_else_raises_nobody(world: World, change: Claims) -> None:
    def tamper(header: Claims, claims: Claims) -> tuple[Claims, Claims]:
        kept = {name: value for name, value in (claims | change).items() if value is not None}
        return header, kept

    world.double.tamper = tamper
    assert approved(world)["error"] == "server_error"


@pytest.mark.parametrize(
    "change",
    [
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"kid": "unknown"},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
    ],
    ids=str,
)
def test_a_token_with_another_header_raises_nobody(world: World, change: Claims) -> None:
    world.double.tamper = lambda header, claims: (header | change, claims)
    assert approved(world)["error"] == "server_error"


def test_a_token_by_another_key_raises_nobody(world: World) -> None:
    world.double.signer = ECKey.generate_key("P-256")
    assert approved(world)["error"] == "server_error"


class Tokens:
    """Mints tokens like the service does, for the verifier alone."""

    def __init__(self, world: World) -> None:
        self.key = world.double.key
        now = world.clock()
        self.claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "sub": "alice",
            "jti": "once",
            "txn": "chl_1",
            "acr": AAL2,
            "acr_satisfied": ["0", AAL2],
            "amr": ["mfa"],
            "auth_time": now,
            "nonce": "n",
            "iat": now,
            "exp": now + 300,
        }
        keys = RemoteKeys(world.client(), f"{ISSUER}/.well-known/jwks.json", world.clock)
        self.verifier = ResultTokens(keys, issuer=ISSUER, client_id=CLIENT_ID, now=world.clock)
        self.expected = Expected("chl_1", "alice", (AAL2,), "n", None)

    def mint(self, **header: str) -> str:
        head = {"alg": "ES256", "typ": "stepup-result+jwt", "kid": str(self.key.kid)} | header
        return jwt.encode(head, self.claims, self.key, algorithms=[head["alg"]])


def test_a_token_is_believed_once(world: World) -> None:
    tokens = Tokens(world)
    token = tokens.mint()
    assert tokens.verifier.verify(token, tokens.expected).acr == AAL2
    with pytest.raises(BadTokenError, match="used before"):
        tokens.verifier.verify(token, tokens.expected)


def test_an_unsigned_token_is_not_believed(world: World) -> None:
    tokens = Tokens(world)
    _, claims, _ = tokens.mint().split(".")
    for header in ("eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiJ9"):
        with pytest.raises(BadTokenError):
            tokens.verifier.verify(f"{header}.{claims}.", tokens.expected)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "\u00e9.\u00e9.\u00e9", "x" * 100_000])
def test_rubbish_is_not_believed(world: World, token: str) -> None:
    tokens = Tokens(world)
    with pytest.raises(BadTokenError):
        tokens.verifier.verify(token, tokens.expected)


def test_a_changed_byte_of_the_claims_is_noticed(world: World) -> None:
    tokens = Tokens(world)
    header, claims, signature = tokens.mint().split(".")
    swapped = claims[:-2] + ("AA" if claims[-2:] != "AA" else "BB")
    with pytest.raises(BadTokenError):
        tokens.verifier.verify(f"{header}.{swapped}.{signature}", tokens.expected)


def test_an_expired_token_is_not_believed(world: World) -> None:
    tokens = Tokens(world)
    token = tokens.mint()
    world.clock.later = 301
    with pytest.raises(BadTokenError):
        tokens.verifier.verify(token, tokens.expected)


def test_unknown_keys_do_not_make_us_ask_the_service_again_and_again(world: World) -> None:
    tokens = Tokens(world)
    for number in range(5):
        with pytest.raises(BadTokenError, match="unknown kid"):
            tokens.verifier.verify(tokens.mint(kid=f"unknown-{number}"), tokens.expected)
    fetches = [path for _, path, _ in world.double.requests if path == "/.well-known/jwks.json"]
    assert len(fetches) == 1


def test_a_new_key_of_the_service_is_found(world: World) -> None:
    tokens = Tokens(world)
    tokens.verifier.verify(tokens.mint(), tokens.expected)
    world.double.key = tokens.key = ECKey.generate_key("P-256", auto_kid=True)
    tokens.claims["jti"] = "another"
    world.clock.later = 11
    assert tokens.verifier.verify(tokens.mint(), tokens.expected).acr == AAL2
