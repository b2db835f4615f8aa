"""The code flow at the login issuer (OpenID Connect Core §3.1, RFC 7636, RFC 9700 §2.1)."""

from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mfa_service.adapters.login_issuer import LoginIssuerProvider
from mfa_service.domain.errors import Unavailable
from mfa_service.domain.ports import LoginRefused
from tests.integration.login.conftest import provider_for
from tests.support.login_issuer import CLIENT_ID, METADATA, TOKEN, Answer, LoginDouble
from tests.support.phone import b64
from tests.support.ports import FrozenClock

BACK = "http://localhost:8000/account/signed-in"
VERIFIER = "v" * 43


def redeem(provider: LoginIssuerProvider, code: str, **changed: str) -> str:
    members = {"redirect_uri": BACK, "verifier": VERIFIER, "nonce": "n"} | changed
    return provider.redeem(code=code, **members)


def test_the_browser_is_sent_with_pkce_state_and_nonce(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    url = provider.authorization_url(redirect_uri=BACK, state="s", nonce="n", verifier=VERIFIER)
    query = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert url.startswith(f"{double.issuer}/authorize?tenant=1&")
    assert query == {
        "tenant": ["1"],
        "response_type": ["code"],
        "client_id": [CLIENT_ID],
        "redirect_uri": [BACK],
        "scope": ["openid"],
        "state": ["s"],
        "nonce": ["n"],
        "code_challenge": [b64(sha256(VERIFIER.encode()).digest())],
        "code_challenge_method": ["S256"],
    }


def test_a_code_is_worth_the_person_who_signed_in(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    code = double.grant("n", VERIFIER)
    assert redeem(provider, code) == "alice"
    sent = next(request for request in double.received if request.path == TOKEN)
    assert sent.form == {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }


def test_a_code_is_worth_nothing_twice_or_without_its_verifier(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    code = double.grant("n", VERIFIER)
    redeem(provider, code)
    with pytest.raises(LoginRefused):
        redeem(provider, code)
    with pytest.raises(LoginRefused):
        redeem(provider, double.grant("n", VERIFIER), verifier="x" * 43)


def test_a_client_without_secret_names_itself(double: LoginDouble, clock: FrozenClock) -> None:
    public = provider_for(double, clock, client_secret=None)
    with pytest.raises(Unavailable):  # the double knows only clients with a secret
        redeem(public, double.grant("n", VERIFIER))
    sent = next(request for request in double.received if request.path == TOKEN)
    assert (sent.form["client_id"], sent.authorization) == (CLIENT_ID, None)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"aud": "another client"},
        {"aud": [CLIENT_ID, "another client"]},
        {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
        {"azp": "another client"},
        {"aud": None},
        {"nonce": "another sign-in"},
        {"nonce": None},
        {"sub": None},
        {"exp": 1},
        {"iat": 1},
    ],
    ids=str,
)
def test_an_id_token_with_a_wrong_claim_signs_nobody_in(
    double: LoginDouble, provider: LoginIssuerProvider, claims: dict[str, Any]
) -> None:
    with pytest.raises(LoginRefused):
        redeem(provider, double.grant("n", VERIFIER, **claims))


def test_an_id_token_for_several_is_believed_when_we_asked_for_it(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    code = double.grant("n", VERIFIER, aud=["another client", CLIENT_ID], azp=CLIENT_ID)
    assert redeem(provider, code) == "alice"


def test_an_id_token_of_long_ago_signs_nobody_in(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    now = double.clock.now()
    code = double.grant("n", VERIFIER, iat=now - 601, exp=now + 60)
    with pytest.raises(LoginRefused):
        redeem(provider, code)
    assert redeem(provider, double.grant("n", VERIFIER, iat=now - 600, exp=now + 60)) == "alice"


def test_an_access_token_is_no_id_token(double: LoginDouble, provider: LoginIssuerProvider) -> None:
    code = double.grant("n", VERIFIER)
    double.grants[code]["id_token"] = double.access_token(aud=CLIENT_ID, nonce="n")
    with pytest.raises(LoginRefused):
        redeem(provider, code)


@pytest.mark.parametrize(
    "broken",
    [
        Answer(500, {}),
        Answer(401, {"error": "invalid_client"}),
        Answer(302, {}, {"Location": "/elsewhere"}),
        Answer(200, {}),
        Answer(200, {"id_token": None}),
        Answer(200, b"<html>"),
    ],
    ids=lambda answer: f"{answer.status} {answer.body}",
)
def test_a_token_endpoint_that_does_not_serve_us_is_unavailable(
    double: LoginDouble, provider: LoginIssuerProvider, broken: Answer
) -> None:
    double.answers[TOKEN] = broken
    with pytest.raises(Unavailable):
        redeem(provider, double.grant("n", VERIFIER))
    assert double.asked("/elsewhere") == 0


def test_no_sign_in_begins_while_the_issuer_is_down(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    double.answers[METADATA] = Answer(500, {})
    with pytest.raises(Unavailable):
        provider.authorization_url(redirect_uri=BACK, state="s", nonce="n", verifier=VERIFIER)
