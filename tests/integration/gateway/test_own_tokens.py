"""Tokens of this service at the gateway: verified here, as long as their client is good."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mfa_service.domain.ids import new_authorization_id
from mfa_service.domain.oauth import Kind
from mfa_service.persistence import authorizations
from tests.support.clients import basic, token_request
from tests.support.code_flow import party_of
from tests.support.forging import FORGERIES, Forgery
from tests.support.gateway import API, INVALID, SCOPES, Gate, denied, gate
from tests.support.world import AAL1, AAL2

OURS = {name: forgery for name, forgery in FORGERIES.items() if "typ" not in name}


@pytest.fixture
def alone(sqlite_url: str, tmp_path: Path) -> Iterator[Gate]:
    """Return a gateway with one route that a level and freshness are asked for."""
    text = f"[[route]]\naudience = '{API}'\nacr_values = ['{AAL2}', 'phr']\nmax_age = 300\n"
    with gate(sqlite_url, tmp_path, routes=text) as made:
        yield made


def authorized(gate: Gate, client_id: str) -> str:
    """Return the id of an authorization, as a finished step-up leaves one."""
    foundation, at = gate.world.services.foundation, gate.world.clock.now()
    key = new_authorization_id(foundation.randomness)
    new = authorizations.NewAuthorization(key, client_id, Kind.CODE, b"", at, at + 300)
    with foundation.work.transaction() as tx:
        authorizations.write(tx, new)
    return key


def persons(gate: Gate, typ: str = "at+jwt", **changed: Any) -> str:
    """Return a token about a person; members of `changed` replace claims, `None` removes them."""
    api = gate.world.client("caller", scopes=SCOPES, resources=(API,))
    at = gate.world.clock.now()
    key = authorized(gate, api.client_id)
    claims = {
        "iss": gate.world.issuer,
        "aud": API,
        "sub": "alice",
        "client_id": api.client_id,
        "scope": "payments",
        "iat": at,
        "exp": at + 300,
        "jti": key,
        "acr": AAL2,
        "amr": ["mfa", "otp", "pwd"],
        "auth_time": at,
    } | changed
    given = {name: value for name, value in claims.items() if value is not None}
    return gate.world.services.foundation.keys.signer.sign(given, typ=typ)


def test_a_token_of_a_revoked_authorization_is_refused_at_once(alone: Gate) -> None:
    """A code that came twice takes back what it yielded (RFC 6749 section 4.1.2)."""
    key = authorized(alone, alone.world.client("caller", scopes=SCOPES, resources=(API,)).client_id)
    token = persons(alone, jti=key)
    assert alone.ask(token=token).status_code == 200
    with alone.world.services.foundation.work.transaction() as tx:
        authorizations.revoke(tx, key, at=alone.world.clock.now())
    denied(alone.ask(token=token), 401, INVALID)


def test_a_token_about_a_person_without_an_authorization_is_refused(alone: Gate) -> None:
    denied(alone.ask(token=persons(alone, jti="azn_unknown")), 401, INVALID)


def test_a_client_gets_a_token_for_the_api_and_is_let_in(nginx: Gate) -> None:
    """The whole way: token endpoint with `resource`, then the gateway."""
    api = nginx.world.client("caller", scopes=SCOPES, resources=(API,))
    form = {"scope": "orders:read", "resource": API}
    issued = token_request(nginx.world, form, basic(api.client_id, api.secret)).get_json()
    assert nginx.ask(token=issued["access_token"]).headers["X-Auth-Scope"] == "orders:read"


def test_a_disabled_client_is_refused_at_once(nginx: Gate) -> None:
    token = nginx.token()
    assert nginx.ask(token=token).status_code == 200
    nginx.world.services.clients.disable(nginx.world.client("caller").client_id)
    denied(nginx.ask(token=token), 401, INVALID)


def test_a_token_lives_for_300_seconds(nginx: Gate) -> None:
    token = nginx.token()
    nginx.world.clock.advance(299)
    assert nginx.ask(token=token).status_code == 200
    nginx.world.clock.advance(1)
    denied(nginx.ask(token=token), 401, INVALID)


def test_nothing_is_fetched_for_our_own_tokens(nginx: Gate) -> None:
    """The issuer is an address where nobody listens: its keys are known without asking."""
    assert nginx.world.issuer == "http://localhost:8000"
    assert nginx.ask(token=nginx.token()).status_code == 200


def test_what_a_persons_token_says_is_passed_on(alone: Gate) -> None:
    found = alone.ask(token=persons(alone)).headers
    assert [found["X-Auth-Sub"], found["X-Auth-Acr"], found["X-Auth-Amr"]] == [
        "alice",
        AAL2,
        "mfa otp pwd",
    ]


@pytest.mark.parametrize("acr", [AAL2, "phr", "phrh", "urn:stepup:acr:aal3"])
def test_a_higher_level_satisfies_a_lower_one(alone: Gate, acr: str) -> None:
    assert alone.ask(token=persons(alone, acr=acr)).status_code == 200


@pytest.mark.parametrize("acr", [None, "", "0", AAL1, "PHR", f"{AAL2} phr", "2", "silver"])
def test_a_lower_or_unknown_level_gets_the_challenge(alone: Gate, acr: str | None) -> None:
    response = alone.ask(token=persons(alone, acr=acr))
    assert response.status_code == 401
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer error="insufficient_user_authentication", ')
    assert challenge.endswith(f', acr_values="{AAL2} phr", max_age="300"')


@pytest.mark.parametrize(
    ("age", "status"), [(0, 200), (300, 200), (301, 401), (-60, 200), (-61, 401)]
)
def test_max_age_counts_from_the_authentication(alone: Gate, age: int, status: int) -> None:
    at = alone.world.clock.now()
    assert alone.ask(token=persons(alone, auth_time=at - age)).status_code == status


def test_a_token_without_auth_time_is_never_fresh(alone: Gate) -> None:
    assert alone.ask(token=persons(alone, auth_time=None)).status_code == 401


def test_a_new_token_of_an_old_authentication_is_not_fresh(alone: Gate) -> None:
    """Refreshing changes `iat`, never `auth_time` (RFC 9470 §6.1)."""
    at = alone.world.clock.now()
    alone.world.clock.advance(301)
    response = alone.ask(token=persons(alone, auth_time=at))
    assert 'error="insufficient_user_authentication"' in response.headers["WWW-Authenticate"]


def test_names_that_our_table_lacks_are_compared_as_they_are(
    sqlite_url: str, tmp_path: Path
) -> None:
    text = f"[[route]]\naudience = '{API}'\nacr_values = ['silver', 'gold']\n"
    with gate(sqlite_url, tmp_path, routes=text) as made:
        assert made.ask(token=persons(made, acr="gold")).status_code == 200
        challenge = made.ask(token=persons(made, acr="Gold")).headers["WWW-Authenticate"]
        assert challenge.endswith(', acr_values="silver gold"')
        assert made.ask(token=persons(made, acr="urn:stepup:acr:aal3")).status_code == 401


def test_max_age_alone_asks_for_freshness_alone(sqlite_url: str, tmp_path: Path) -> None:
    text = f"[[route]]\naudience = '{API}'\nmax_age = 0\n"
    with gate(sqlite_url, tmp_path, routes=text) as made:
        challenge = made.ask(token=persons(made)).headers["WWW-Authenticate"]
        assert challenge.endswith('is needed.", max_age="0"')


@pytest.mark.parametrize(
    "typ", ["JWT", "at+JWT", "stepup-result+jwt", "stepup-challenge+jwt", "application/at+jwt"]
)
def test_another_kind_of_token_of_ours_is_invalid(alone: Gate, typ: str) -> None:
    """An id token or a result token is no access token, whatever it says (RFC 8725 §3.12)."""
    denied(alone.ask(token=persons(alone, typ)), 401, INVALID)


def test_a_result_token_is_no_access_token(sqlite_url: str, tmp_path: Path) -> None:
    with gate(sqlite_url, tmp_path, routes="[[route]]\naudience = 'any'\n") as made:
        totp = made.world.totp()
        api = made.world.client()
        answer = {"method": "totp", "code": totp.next()}
        challenge = api.challenge(answer=answer)
        denied(made.ask(token=challenge["result_token"]), 401, INVALID)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": None},
        {"aud": f"{API}/"},
        {"aud": []},
        {"aud": [1]},
        {"aud": {API: 1}},
        {"iss": "https://other.example"},
        {"iss": None},
        {"iss": 5},
        {"client_id": "cli_unknown"},
        {"client_id": None},
        {"scope": None},
        {"scope": ["payments"]},
        {"sub": 5},
        {"acr": 2},
        {"amr": "mfa"},
        {"amr": [1]},
        {"auth_time": "now"},
        {"auth_time": True},
        {"exp": None},
        {"iat": None},
        {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
    ],
    ids=str,
)
def test_a_claim_that_does_not_fit_makes_it_invalid(alone: Gate, claims: dict[str, Any]) -> None:
    denied(alone.ask(token=persons(alone, **claims)), 401, INVALID)


def test_a_token_for_several_apis_is_good_at_each(alone: Gate) -> None:
    token = persons(alone, aud=["https://other.example", API])
    assert alone.ask(token=token).status_code == 200


def test_scopes_that_the_client_lost_or_never_had_are_not_passed_on(nginx: Gate) -> None:
    response = nginx.ask("/public/x", persons(nginx, scope="payments admin orders:read payments"))
    assert response.headers["X-Auth-Scope"] == "payments orders:read"


@pytest.mark.parametrize("forgery", OURS.values(), ids=OURS.keys())
def test_a_forged_token_is_invalid(alone: Gate, forgery: Forgery) -> None:
    signer = alone.world.services.foundation.keys.signer
    token = forgery.of(persons(alone), signer._key)  # type: ignore[arg-type]
    denied(alone.ask(token=token), 401, INVALID)


def test_a_level_is_compared_whatever_the_clients_dialect_calls_it(nginx: Gate) -> None:
    """Routes speak the level table's names; `2` is what Keycloak calls aal2."""
    party = party_of(
        nginx.world,
        scopes=("mfa:challenge", "payments"),
        resources=(API,),
        metadata={"dialect": "keycloak"},
    )
    alone = party.tokens(nginx.world.totp(), scope="openid payments", resource=API)
    refused = nginx.ask("/payments/1", alone["access_token"])
    assert "insufficient_user_authentication" in refused.headers["WWW-Authenticate"]
    password = json.dumps({"amr": ["pwd"], "auth_time": nginx.world.clock.now()})
    both = party.tokens(
        nginx.world.totp("bob"),
        login_hint="bob",
        scope="openid payments",
        resource=API,
        prior=password,
    )
    assert nginx.ask("/payments/1", both["access_token"]).headers["X-Auth-Acr"] == AAL2
