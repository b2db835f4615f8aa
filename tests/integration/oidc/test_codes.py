"""Codes at the token endpoint: once, soon, by the same client with the same address and key."""

import hashlib
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest

from mfa_service.persistence.models import AuditEvent
from tests.integration.races.rows import column
from tests.support.browsing import Browser
from tests.support.clients import oauth_error, token_request
from tests.support.code_flow import CALLBACK, Party, answer_of, party_of
from tests.support.database import everything_in
from tests.support.people import answer, confirm, return_link
from tests.support.phone import claims_of
from tests.support.racing import race, statuses
from tests.support.world import AAL1, Totp, World


@pytest.fixture
def party(world: World) -> Party:
    return party_of(world, resources=("https://api.example",))


@pytest.fixture
def totp(world: World) -> Totp:
    return world.totp()


def code_for(party: Party, totp: Totp, **changed: str) -> str:
    browser = Browser(party.world.app)
    browser.get(party.pushed(**changed))
    confirm(browser, totp, party.world)
    return answer_of(browser)["code"]


def verified(world: World, token: str, audience: str) -> dict[str, Any]:
    """Return the claims of an id token, as a client verifies it with our published keys."""
    keys = world.app.test_client().get("/.well-known/jwks.json").get_json()
    header = jwt.get_unverified_header(token)
    key = jwt.PyJWKSet.from_dict(keys)[header["kid"]]
    options: Any = {"verify_exp": False, "verify_iat": False}
    return dict(
        jwt.decode(
            token,
            key,
            algorithms=[header["alg"]],
            audience=audience,
            issuer=world.issuer,
            options=options,
        )
    )


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_the_id_token_says_who_when_how_and_for_whom(world: World, totp: Totp, alg: str) -> None:
    party = party_of(world, metadata={"id_token_signed_response_alg": alg})
    body = party.tokens(totp, nonce="n-42")
    assert jwt.get_unverified_header(body["id_token"])["alg"] == alg
    told = verified(world, body["id_token"], party.api.client_id)
    at = world.clock.now()
    digest = hashlib.sha256(body["access_token"].encode()).digest()[:16]
    assert told == {
        "iss": world.issuer,
        "sub": "alice",
        "aud": party.api.client_id,
        "iat": at,
        "exp": at + 300,
        "auth_time": at,
        "nonce": "n-42",
        "acr": AAL1,
        "amr": ["otp"],
        "at_hash": urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "txn": told["txn"],
    }
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 300, "openid")


def test_without_a_nonce_there_is_none(party: Party, totp: Totp) -> None:
    assert "nonce" not in claims_of(party.tokens(totp, nonce="")["id_token"])


def test_an_access_token_is_for_the_asked_resource(party: Party, totp: Totp) -> None:
    token = party.tokens(totp, resource="https://api.example")["access_token"]
    assert claims_of(token)["aud"] == "https://api.example"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code": "x" * 43}, "invalid_grant"),
        ({"code": ""}, "invalid_request"),
        ({"redirect_uri": ""}, "invalid_grant"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_grant"),
        ({"redirect_uri": f"{CALLBACK}?"}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"code_verifier": "v" * 43}, "invalid_grant"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({"resource": "https://other.example"}, "invalid_target"),
    ],
)
def test_each_fault_has_its_error_and_spoils_nothing(
    party: Party, totp: Totp, changed: dict[str, str], error: str
) -> None:
    code = code_for(party, totp)
    given = {"code": code} | changed
    oauth_error(party.redeem(given.pop("code"), **given), 400, error)
    assert party.redeem(code).status_code == 200


def test_the_challenge_itself_is_no_verifier(party: Party, totp: Totp) -> None:
    """RFC 7636 section 7.2: who saw the request cannot redeem its code."""
    challenge = party.parameters()["code_challenge"]
    oauth_error(party.redeem(code_for(party, totp), code_verifier=challenge), 400, "invalid_grant")


def test_another_client_cannot_redeem_a_code_and_does_not_spoil_it(
    party: Party, totp: Totp
) -> None:
    """The heart of a mix-up: a code that reached the wrong party is worth nothing to it."""
    code, other = code_for(party, totp), party_of(party.world, "other")
    other.verifier = party.verifier
    oauth_error(other.redeem(code), 400, "invalid_grant")
    assert party.redeem(code).status_code == 200


def test_who_cannot_prove_to_be_the_client_gets_nothing(party: Party, totp: Totp) -> None:
    code = code_for(party, totp)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": party.verifier,
        "client_id": party.api.client_id,
    }
    oauth_error(token_request(party.world, form), 401, "invalid_client")
    assert party.redeem(code).status_code == 200


def test_a_code_is_over_after_a_minute(party: Party, totp: Totp) -> None:
    code = code_for(party, totp)
    party.world.clock.advance(60)
    oauth_error(party.redeem(code), 400, "invalid_grant")


def test_a_code_of_a_disabled_client_is_worth_nothing(party: Party, totp: Totp) -> None:
    code = code_for(party, totp)
    party.world.services.clients.disable(party.api.client_id)
    oauth_error(party.redeem(code), 401, "invalid_client")


def test_a_code_that_comes_twice_takes_back_what_it_yielded(party: Party, totp: Totp) -> None:
    """RFC 6749 section 4.1.2."""
    code = code_for(party, totp)
    token = party.redeem(code).get_json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    client = party.world.app.test_client()
    assert client.get("/oauth2/userinfo", headers=headers).status_code == 200
    oauth_error(party.redeem(code), 400, "invalid_grant")
    assert client.get("/oauth2/userinfo", headers=headers).status_code == 401
    assert party.post("/oauth2/introspect", {"token": token}).get_json() == {"active": False}
    events = column(party.world, AuditEvent.event)
    assert events.count("authorization.redeem") == events.count("authorization.replay") == 1


def test_of_many_redemptions_at_once_one_yields_and_is_taken_back(any_world: World) -> None:
    party, totp = party_of(any_world), any_world.totp()
    code = code_for(party, totp)
    answers = race([lambda: party.redeem(code)] * 8)
    assert statuses(answers) == {200: 1, 400: 7}
    (token,) = [a.get_json()["access_token"] for a in answers if a.status_code == 200]
    told = party.post("/oauth2/introspect", {"token": token}).get_json()
    assert told == {"active": False}


def test_many_returns_at_once_bring_one_code(any_world: World) -> None:
    party, totp = party_of(any_world), any_world.totp()
    browser = Browser(any_world.app)
    browser.get(party.pushed())
    answer(browser, totp, any_world)
    link = return_link(browser)

    def come_back() -> str:
        another = Browser(any_world.app)
        another.get(link)
        return answer_of(another)["code"]

    codes = race([come_back] * 8)
    assert len(set(codes)) == 1
    assert party.redeem(codes[0]).status_code == 200


def test_a_code_is_nowhere_in_the_database(party: Party, totp: Totp) -> None:
    code = code_for(party, totp)
    database = party.world.app.config["SQLALCHEMY_DATABASE_URI"]
    assert code.encode() not in everything_in(database)


def test_okta_is_told_the_username_too(world: World, totp: Totp) -> None:
    party = party_of(world, metadata={"dialect": "okta"})
    told = claims_of(party.tokens(totp)["id_token"])
    assert (told["preferred_username"], told["acr"]) == ("alice", "urn:okta:loa:1fa:any")
