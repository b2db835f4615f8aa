"""The example relying party's rules, and its API that names the level it needs (RFC 9470)."""

from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from examples.relying_party.rules import PAY, shortcomings
from tests.integration.examples.asking import (
    AAL1,
    AAL2,
    callback,
    code_for,
    redeem,
    request_url,
)
from tests.integration.examples.conftest import AS, SHOP, World

PAID = {"acr": AAL2, "amr": ["mfa", "otp", "pwd"], "auth_time": 1000, "tx_hash": "h"}


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ({}, 0),
        ({"acr": "phr"}, 0),
        ({"acr": AAL1}, 1),
        ({"acr": None}, 1),
        ({"acr": "URN:STEPUP:ACR:AAL2"}, 1),
        ({"amr": ["otp", "pwd"]}, 1),
        ({"amr": "mfa"}, 1),
        ({"amr": None}, 1),
        ({"auth_time": 669}, 1),
        ({"auth_time": 670}, 0),
        ({"auth_time": 1031}, 1),
        ({"auth_time": "1000"}, 1),
        ({"auth_time": True}, 1),
        ({"tx_hash": "H"}, 1),
        ({"tx_hash": None}, 1),
        ({"acr": "0", "amr": [], "auth_time": 0, "tx_hash": ""}, 4),
    ],
    ids=str,
)
def test_each_shortcoming_is_named(change: dict[str, Any], count: int) -> None:
    assert len(shortcomings(PAY, PAID | change, at=1000, tx_hash="h")) == count


def api(world: World, path: str, token: str | None) -> httpx.Response:
    """Call the shop's API."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return world.client().get(f"{SHOP}/api/{path}", headers=headers)


def test_the_api_names_the_level_that_a_token_lacks(world: World) -> None:
    token = redeem(world, code_for(world)).json()["access_token"]
    assert api(world, "books", token).status_code == 200
    refused = api(world, "receipts", token)
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer error="insufficient_user_authentication"')
    assert challenge.endswith(f'acr_values="{AAL1}", max_age="300"')


def test_a_client_that_repeats_the_challenge_gets_in(world: World) -> None:
    world.double.own("alice", "phone")
    world.sign_in("alice")
    world.browser.open(request_url(acr_values=AAL1, max_age="300"))
    world.double.approve(pin=False)
    world.browser.reload()
    tokens = redeem(world, callback(world)["code"]).json()
    assert api(world, "receipts", tokens["access_token"]).json()["sub"] == "alice"
    assert api(world, "books", tokens["id_token"]).status_code == 401


def test_the_api_wants_a_token_with_the_scope(world: World) -> None:
    assert api(world, "books", None).headers["WWW-Authenticate"] == "Bearer"
    token = redeem(world, code_for(world, scope="openid")).json()["access_token"]
    refused = api(world, "books", token)
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "change",
    [{"aud": "https://other.example/api"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": 1}],
    ids=str,
)
def test_the_api_refuses_tokens_that_are_not_for_it(
    world: World, keys: KeySet, change: dict[str, Any]
) -> None:
    now = world.clock()
    claims = {
        "iss": AS,
        "aud": f"{SHOP}/api",
        "sub": "alice",
        "scope": "books",
        "iat": now,
        "exp": now + 300,
    }
    good = jwt.encode({"alg": "RS256", "typ": "at+jwt"}, claims, keys)
    assert api(world, "books", good).status_code == 200
    bad = jwt.encode({"alg": "RS256", "typ": "at+jwt"}, claims | change, keys)
    assert api(world, "books", bad).status_code == 401
    forged = jwt.encode(
        {"alg": "RS256", "typ": "at+jwt", "kid": str(next(iter(keys)).kid)},
        claims,
        RSAKey.generate_key(2048),
    )
    assert api(world, "books", forged).status_code == 401
