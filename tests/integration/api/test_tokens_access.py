"""Access tokens at the API: whatever is not exactly what we issued, for us and now, is 401."""

import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from jwt.algorithms import HMACAlgorithm

from tests.support.clients import Keyed, KeyPair
from tests.support.phone import b64, claims_of, jws, public_jwk
from tests.support.problems import problem
from tests.support.world import ISSUER, Api, World

PATH = "/v1/users?sub=nobody"


@pytest.fixture
def api(shared_world: World) -> Api:
    return shared_world.client()


def ask(api: Api, token: str) -> int:
    """Return the status of a call with `token`; a refusal has to be the one of RFC 6750."""
    api.token = token
    response = api.get(PATH)
    if response.status_code != 200:
        problem(response, 401, "unauthenticated")
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    return response.status_code


def signed_by_us(world: World, claims: dict[str, Any], typ: str = "at+jwt") -> str:
    return world.services.foundation.keys.signer.sign(claims, typ=typ)


def test_a_token_is_good_for_300_seconds_and_no_longer(world: World) -> None:
    api = world.client()
    token = api.token
    world.clock.advance(299)
    assert ask(api, token) == 200
    world.clock.advance(1)
    assert ask(api, token) == 401


def test_a_token_that_was_changed_anywhere_is_refused(api: Api) -> None:
    token = api.token
    head, claims, signature = token.split(".")
    admin = b64(json.dumps({**claims_of(token), "scope": "mfa:admin"}).encode())
    middle = len(signature) // 2
    flipped = "A" if signature[middle] != "A" else "B"
    for changed in (
        f"{head}.{admin}.{signature}",
        f"{head}.{claims}.{signature[:middle]}{flipped}{signature[middle + 1 :]}",
        f"{head}.{claims}.",
        f"{head}.{claims}.{'A' * 86}",
        f"{head}.{claims}.{b64(bytes(64))}",
        f"{head}.{claims}",
        f"{token}.",
        f"{token}=",
        f"{head} .{claims}.{signature}",
    ):
        api.token = changed
        problem(api.get(PATH), 401, "unauthenticated")


Changed = Callable[[dict[str, Any]], dict[str, Any]]
CLAIMS: dict[str, Changed] = {
    "another audience": lambda claims: claims | {"aud": "https://elsewhere.example"},
    "no audience": lambda claims: {n: claims[n] for n in claims if n != "aud"},
    "a list of audiences": lambda claims: claims | {"aud": [ISSUER, "https://elsewhere.example"]},
    "another issuer": lambda claims: claims | {"iss": "https://elsewhere.example"},
    "no expiry": lambda claims: {n: claims[n] for n in claims if n != "exp"},
    "expired": lambda claims: claims | {"iat": claims["iat"] - 301, "exp": claims["iat"] - 1},
    "an expiry that is a text": lambda claims: claims | {"exp": str(claims["exp"])},
    "a client that does not exist": lambda claims: claims | {"client_id": "cli_nobody"},
    "no client": lambda claims: {n: claims[n] for n in claims if n != "client_id"},
    "a client that is a list": lambda claims: claims | {"client_id": [claims["client_id"]]},
    "a scope that is a list": lambda claims: claims | {"scope": ["mfa:enroll"]},
}


@pytest.mark.parametrize("changed", CLAIMS.values(), ids=CLAIMS.keys())
def test_a_token_with_a_wrong_claim_is_refused_though_we_signed_it(
    shared_world: World, api: Api, changed: Changed
) -> None:
    claims = claims_of(api.token)
    assert ask(api, signed_by_us(shared_world, claims)) == 200
    assert ask(api, signed_by_us(shared_world, changed(claims))) == 401


@pytest.mark.parametrize("typ", ["JWT", "stepup-result+jwt", "stepup-challenge+jwt", "AT+JWT", ""])
def test_what_we_signed_for_another_purpose_is_no_access_token(
    shared_world: World, api: Api, typ: str
) -> None:
    assert ask(api, signed_by_us(shared_world, claims_of(api.token), typ)) == 401


def test_a_result_token_is_no_access_token(shared_world: World, api: Api) -> None:
    totp = shared_world.totp("result")
    opened = api.challenge("result")
    done = api.answer(opened["id"], "totp", totp.next()).get_json()
    assert ask(api, done["result_token"]) == 401


HEADERS: dict[str, dict[str, Any]] = {
    "none": {"alg": "none"},
    "None": {"alg": "None"},
    "HS256": {"alg": "HS256"},
    "RS256": {"alg": "RS256"},
    "EdDSA": {"alg": "EdDSA"},
    "an unknown kid": {"kid": "unknown"},
    "kid a list": {"kid": []},
    "kid an object": {"kid": {}},
    "kid a number": {"kid": 1},
    "kid null": {"kid": None},
    "alg a list": {"alg": ["ES256"]},
    "a jwk": {"jwk": {"kty": "EC"}},
    "a jku": {"jku": "https://keys.example"},
    "crit": {"crit": ["exp"]},
    "b64": {"b64": False},
}


@pytest.mark.parametrize("changed", HEADERS.values(), ids=HEADERS.keys())
def test_a_header_that_is_not_ours_is_refused(api: Api, changed: dict[str, Any]) -> None:
    header = jwt.get_unverified_header(api.token) | changed
    _, claims, signature = api.token.split(".")
    head = b64(json.dumps(header).encode())
    assert ask(api, f"{head}.{claims}.{signature}") == 401
    assert (
        ask(api, jws(header, claims_of(f".{claims}."), ec.generate_private_key(ec.SECP256R1())))
        == 401
    )


def test_our_public_key_is_no_shared_secret(shared_world: World, api: Api) -> None:
    kid = jwt.get_unverified_header(api.token)["kid"]
    jwks = shared_world.services.foundation.keys.jwks()
    head = b64(json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": kid}).encode())
    signing_input = f"{head}.{api.token.split('.')[1]}"
    for secret in (b"", json.dumps(jwks).encode(), json.dumps(jwks["keys"]).encode(), kid.encode()):
        mac = HMACAlgorithm(HMACAlgorithm.SHA256).sign(signing_input.encode(), secret)
        assert ask(api, f"{signing_input}.{b64(mac)}") == 401


def test_a_key_that_comes_with_the_token_is_not_believed(api: Api) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    claims = claims_of(api.token)
    kid = jwt.get_unverified_header(api.token)["kid"]
    header = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    assert ask(api, jws(header, claims, key)) == 401
    assert ask(api, jws(header | {"jwk": public_jwk(key)}, claims, key)) == 401


def test_a_clients_own_key_signs_no_access_token(shared_world: World, api: Api) -> None:
    pair = Keyed(shared_world, KeyPair("ES256")).pair
    header = {"alg": "ES256", "typ": "at+jwt", "kid": pair.kid}
    assert ask(api, pair.sign(header, claims_of(api.token))) == 401


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_scheme_is_not_case_sensitive(api: Api, scheme: str) -> None:
    response = api.get(PATH, headers={"Authorization": f"{scheme} {api.token}"})
    assert response.status_code == 200


def test_a_token_in_the_query_or_the_body_is_not_looked_at(api: Api) -> None:
    token, api.token = api.token, ""
    problem(api.get(f"{PATH}&access_token={token}"), 401, "unauthenticated")
    problem(api.post("/v1/challenges", {"access_token": token}), 401, "unauthenticated")


def test_a_scope_that_was_taken_from_the_client_no_longer_counts(
    shared_world: World, api: Api
) -> None:
    narrow = shared_world.client("narrow", ("mfa:challenge",))
    claims = claims_of(api.token) | {"client_id": narrow.client_id, "sub": narrow.client_id}
    narrow.token = signed_by_us(shared_world, claims | {"scope": "mfa:challenge mfa:enroll"})
    problem(narrow.get(PATH), 403, "forbidden")


def test_the_published_keys_have_no_private_part(shared_world: World) -> None:
    app: Flask = shared_world.app
    keys = app.test_client().get("/.well-known/jwks.json").get_json()["keys"]
    assert keys
    assert all(not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key) for key in keys)
    assert all(key["kid"] and key["use"] == "sig" for key in keys)


def test_discovery_names_what_the_token_endpoint_does(shared_world: World) -> None:
    path = "/.well-known/openid-configuration"
    found = shared_world.app.test_client().get(path).get_json()
    assert found["issuer"] == ISSUER
    assert found["token_endpoint"] == f"{ISSUER}/oauth2/token"
    assert found["jwks_uri"] == f"{ISSUER}/.well-known/jwks.json"
    methods = set(found["token_endpoint_auth_methods_supported"])
    assert methods >= {"client_secret_basic", "private_key_jwt"}
    algorithms = set(found["token_endpoint_auth_signing_alg_values_supported"])
    assert algorithms == {"ES256", "EdDSA", "PS256", "RS256"}
    assert "client_credentials" in found["grant_types_supported"]
