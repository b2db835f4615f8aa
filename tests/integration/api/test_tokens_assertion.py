"""`private_key_jwt`: each algorithm, every claim, and each assertion once (RFC 7523 §3)."""

import json
from typing import Any

import pytest

from tests.support.clients import (
    ASSERTION_TYPE,
    Keyed,
    KeyPair,
    basic,
    oauth_error,
    token_request,
)
from tests.support.phone import b64, claims_of
from tests.support.world import ISSUER, World

ALGORITHMS = ["ES256", "EdDSA", "PS256", "RS256"]


@pytest.fixture(scope="module")
def keyed(shared_world: World) -> Keyed:
    return Keyed(shared_world, KeyPair("ES256"))


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_an_assertion_by_a_registered_key_gets_a_token(shared_world: World, alg: str) -> None:
    keyed = Keyed(shared_world, KeyPair(alg))
    response = keyed.ask()
    assert response.status_code == 200, response.text
    assert claims_of(response.get_json()["access_token"])["client_id"] == keyed.id


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_changed_assertion_is_refused(shared_world: World, alg: str) -> None:
    keyed = Keyed(shared_world, KeyPair(alg))
    head, claims, signature = keyed.assertion().split(".")
    longer = b64(json.dumps({**claims_of(f"{head}.{claims}."), "exp": 2**40}).encode())
    for token in (
        f"{head}.{longer}.{signature}",
        f"{head}.{claims}.{signature[:-8]}AAAAAAAA",
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f"{head}.{claims}.{signature}.x",
        f"{head}.{claims}.{signature}=",
    ):
        oauth_error(keyed.ask(token), 401, "invalid_client")
    assert keyed.ask(f"{head}.{claims}.{signature}").status_code == 200


@pytest.mark.parametrize("alg", ["RS512", "PS512"])
def test_an_algorithm_that_is_not_ours_is_refused(shared_world: World, alg: str) -> None:
    keyed = Keyed(shared_world, KeyPair("RS256"))
    strange = KeyPair(alg, key=keyed.pair.key)
    keyed.pair = strange
    oauth_error(keyed.ask(), 401, "invalid_client")


def test_an_assertion_works_once(keyed: Keyed) -> None:
    assertion = keyed.assertion()
    assert keyed.ask(assertion).status_code == 200
    oauth_error(keyed.ask(assertion), 401, "invalid_client")


def test_a_jti_works_once_also_in_another_assertion(keyed: Keyed) -> None:
    assert keyed.ask(keyed.assertion(jti="same")).status_code == 200
    again = keyed.assertion(jti="same", exp=keyed.world.clock.now() + 90)
    oauth_error(keyed.ask(again), 401, "invalid_client")


def test_a_jti_of_one_client_does_not_use_up_anothers(shared_world: World, keyed: Keyed) -> None:
    other = Keyed(shared_world, KeyPair("ES256"))
    assert keyed.ask(keyed.assertion(jti="shared")).status_code == 200
    assert other.ask(other.assertion(jti="shared")).status_code == 200


def test_a_jti_of_a_refused_assertion_is_not_used_up(keyed: Keyed) -> None:
    forged = KeyPair("ES256")
    mine, keyed.pair = keyed.pair, forged
    oauth_error(keyed.ask(keyed.assertion(jti="kept")), 401, "invalid_client")
    keyed.pair = mine
    assert keyed.ask(keyed.assertion(jti="kept")).status_code == 200


TIMES = {
    "300 s": ({"iat": 0, "exp": 300}, True),
    "no iat": ({"iat": None, "exp": 300}, True),
    "nbf now": ({"nbf": 0}, True),
    "301 s with iat": ({"iat": 0, "exp": 301}, False),
    "an hour": ({"iat": 0, "exp": 3600}, False),
    "an hour without iat": ({"iat": None, "exp": 3600}, False),
    "expired": ({"iat": -400, "exp": -100}, False),
    "no exp": ({"exp": None}, False),
    "exp a text": ({"exp": "soon"}, False),
    "exp a fraction": ({"exp": 60.5}, False),
    "iat a text": ({"iat": "now"}, False),
    "iat far ahead": ({"iat": 120, "exp": 180}, False),
    "nbf far ahead": ({"nbf": 120, "exp": 180}, False),
}


@pytest.mark.parametrize(("times", "accepted"), TIMES.values(), ids=TIMES.keys())
def test_an_assertion_lives_at_most_300_seconds(
    keyed: Keyed, times: dict[str, Any], *, accepted: bool
) -> None:
    now = keyed.world.clock.now()
    changed: dict[str, Any] = {
        name: now + value if isinstance(value, int | float) else value
        for name, value in times.items()
    }
    assert (keyed.ask(keyed.assertion(**changed)).status_code == 200) is accepted


CLAIMS: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "https://elsewhere.example"},
    "the token endpoint as audience": {"aud": f"{ISSUER}/v1"},
    "no audience": {"aud": None},
    "the issuer with a slash": {"aud": f"{ISSUER}/"},
    "several audiences": {"aud": [ISSUER, "https://elsewhere.example"]},
    "another subject": {"sub": "cli_other"},
    "no subject": {"sub": None},
    "another issuer": {"iss": "cli_other"},
    "no issuer": {"iss": None},
    "no jti": {"jti": None},
    "an empty jti": {"jti": ""},
    "a jti that is a number": {"jti": 7},
    "a control character": {"jti": "a\x00b"},
}


@pytest.mark.parametrize("changed", CLAIMS.values(), ids=CLAIMS.keys())
def test_a_wrong_claim_is_invalid_client(keyed: Keyed, changed: dict[str, Any]) -> None:
    oauth_error(keyed.ask(keyed.assertion(**changed)), 401, "invalid_client")


HEADERS: dict[str, dict[str, Any]] = {
    "none": {"alg": "none"},
    "HS256": {"alg": "HS256"},
    "another algorithm": {"alg": "RS256"},
    "ES384": {"alg": "ES384"},
    "no alg": {"alg": None},
    "alg a list": {"alg": ["ES256"]},
    "an unknown kid": {"kid": "k9"},
    "kid a list": {"kid": []},
    "kid an object": {"kid": {"a": 1}},
    "another typ": {"typ": "at+jwt"},
    "jwk": {"jwk": KeyPair("ES256").jwk},
    "jku": {"jku": "https://keys.example"},
    "x5c": {"x5c": ["AA"]},
    "crit": {"crit": ["exp"]},
    "b64": {"b64": False},
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_a_header_that_is_not_ours_is_invalid_client(keyed: Keyed, header: dict[str, Any]) -> None:
    oauth_error(keyed.ask(keyed.assertion(header)), 401, "invalid_client")


def test_an_unsigned_assertion_is_invalid_client(keyed: Keyed) -> None:
    head = b64(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    claims = keyed.assertion().split(".")[1]
    for token in (f"{head}.{claims}.", f"{head}.{claims}", "", "x", "..", "a.b.c"):
        response = keyed.ask(token)
        assert response.status_code in {400, 401}


def test_the_public_key_is_no_shared_secret(keyed: Keyed) -> None:
    jwk = json.dumps(keyed.pair.jwk)
    header = {"alg": "HS256", "typ": "JWT", "kid": "k1"}
    forged = keyed.pair.sign(header | {"k": jwk}, {"iss": keyed.id})
    oauth_error(keyed.ask(forged), 401, "invalid_client")


def test_of_two_registered_keys_kid_tells_which(shared_world: World) -> None:
    first, second = KeyPair("ES256", "k1"), KeyPair("ES256", "k2")
    keyed = Keyed(shared_world, first, extra_keys=[second.jwk])
    assert keyed.ask().status_code == 200
    keyed.pair = second
    assert keyed.ask().status_code == 200
    oauth_error(keyed.ask(keyed.assertion({"kid": "k1"})), 401, "invalid_client")


def test_of_two_keys_of_different_kinds_the_algorithm_may_tell_which(shared_world: World) -> None:
    first, second = KeyPair("ES256", "k1"), KeyPair("EdDSA", "k2")
    keyed = Keyed(shared_world, first, extra_keys=[second.jwk])
    for pair in (first, second):
        keyed.pair = pair
        assert keyed.ask(keyed.assertion({"kid": None})).status_code == 200


def test_another_clients_key_is_refused(shared_world: World, keyed: Keyed) -> None:
    other = Keyed(shared_world, KeyPair("ES256"))
    stolen = other.assertion(iss=keyed.id, sub=keyed.id)
    oauth_error(keyed.ask(stolen), 401, "invalid_client")


def test_two_methods_at_once_are_400(shared_world: World, keyed: Keyed) -> None:
    api = shared_world.client()
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": keyed.assertion()}
    both = token_request(shared_world, form, basic(api.client_id, api.secret))
    oauth_error(both, 400, "invalid_request")
    secret = token_request(shared_world, {**form, "client_secret": "x"})
    oauth_error(secret, 400, "invalid_request")
    posted = {"client_id": api.client_id, "client_secret": api.secret}
    twice = token_request(shared_world, posted, basic(api.client_id, api.secret))
    oauth_error(twice, 400, "invalid_request")


@pytest.mark.parametrize("kind", ["", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"])
def test_an_assertion_of_another_type_is_refused(
    shared_world: World, keyed: Keyed, kind: str
) -> None:
    form = {"client_assertion_type": kind, "client_assertion": keyed.assertion()}
    response = token_request(shared_world, form)
    assert response.status_code in {400, 401}


def test_a_client_id_beside_the_assertion_has_to_be_the_same(keyed: Keyed) -> None:
    assert keyed.ask(client_id=keyed.id).status_code == 200
    oauth_error(keyed.ask(client_id="cli_other"), 401, "invalid_client")


def test_a_client_with_a_key_has_no_secret(shared_world: World, keyed: Keyed) -> None:
    for secret in ("", "None", "null"):
        response = token_request(shared_world, {}, basic(keyed.id, secret))
        oauth_error(response, 401, "invalid_client")


def test_a_client_with_a_secret_has_no_key(shared_world: World, keyed: Keyed) -> None:
    api = shared_world.client()
    forged = keyed.assertion(iss=api.client_id, sub=api.client_id)
    oauth_error(keyed.ask(forged), 401, "invalid_client")


def test_a_disabled_client_is_refused_at_once(shared_world: World) -> None:
    keyed = Keyed(shared_world, KeyPair("EdDSA"))
    shared_world.services.clients.disable(keyed.id)
    oauth_error(keyed.ask(), 401, "invalid_client")
