"""Signed authentication requests (CIBA Core §7.1.1): everything in one JWT, once."""

from typing import Any

import pytest

from tests.support.ciba import ENDPOINT, Asker, asker
from tests.support.clients import KeyPair, oauth_error
from tests.support.world import World

KEY = KeyPair("ES256")
SIGNS = {"backchannel_authentication_request_signing_alg": "ES256"}


@pytest.fixture
def keyed(world: World) -> Asker:
    world.phone()
    return asker(world, pair=KEY, metadata=SIGNS)


def test_a_signed_request_asks_the_person(keyed: Asker) -> None:
    response = keyed.post(ENDPOINT, {"request": keyed.request(requested_expiry=60)})
    assert response.status_code == 200, response.text
    assert response.get_json()["expires_in"] == 60


def test_a_client_that_signs_is_not_believed_without_a_signature(keyed: Asker) -> None:
    oauth_error(keyed.ask(), 400, "invalid_request")


@pytest.mark.parametrize("name", ["login_hint", "scope", "binding_message", "prior"])
def test_nothing_counts_beside_a_signed_request(keyed: Asker, name: str) -> None:
    form = {"request": keyed.request(), name: "openid"}
    oauth_error(keyed.post(ENDPOINT, form), 400, "invalid_request")


def test_a_request_asks_once(keyed: Asker) -> None:
    request = keyed.request()
    assert keyed.post(ENDPOINT, {"request": request}).status_code == 200
    oauth_error(keyed.post(ENDPOINT, {"request": request}), 400, "invalid_request")


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat", "nbf", "jti"])
def test_every_claim_of_the_envelope_is_needed(keyed: Asker, name: str) -> None:
    request = keyed.request(**{name: None})
    oauth_error(keyed.post(ENDPOINT, {"request": request}), 400, "invalid_request")


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://other.example"},
        {"iss": "somebody"},
        {"exp": 1},
        {"nbf": 9_999_999_999},
        {"client_id": "somebody"},
        {"request": "a.b.c"},
        {"request_uri": "https://client.example/r"},
        {"login_hint": None},
        {"id_token_hint": "a.b.c"},
    ],
)
def test_what_is_wrong_in_a_request_is_refused(keyed: Asker, changed: dict[str, Any]) -> None:
    request = keyed.request(**changed)
    oauth_error(keyed.post(ENDPOINT, {"request": request}), 400, "invalid_request")


def test_the_registered_algorithm_only(world: World) -> None:
    other = asker(world, "ed", pair=KeyPair("EdDSA"), metadata=SIGNS)
    oauth_error(other.post(ENDPOINT, {"request": other.request()}), 400, "invalid_request")


def test_a_signature_of_another_key_does_not_count(world: World, keyed: Asker) -> None:
    forger = Asker(world, keyed.id, pair=KeyPair("ES256"))
    form = {"request": forger.request()}
    oauth_error(keyed.post(ENDPOINT, form), 400, "invalid_request")


def test_a_proof_of_the_client_is_no_request(keyed: Asker) -> None:
    """RFC 8725 §3.11: one kind of JWT is not taken for another."""
    assertion = keyed.signed(sub=keyed.id)
    oauth_error(keyed.post(ENDPOINT, {"request": assertion}), 400, "invalid_request")
