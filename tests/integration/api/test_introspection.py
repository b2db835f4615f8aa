"""RFC 7662 introspection of our own tokens, UserInfo, and what a revoked authorization stops."""

import pytest

from mfa_service.http import discovery
from tests.support.browsing import Browser
from tests.support.clients import basic, token_request
from tests.support.code_flow import Party, answer_of, party_of
from tests.support.people import confirm
from tests.support.phone import claims_of
from tests.support.world import AAL1, Totp, World

API = "https://api.example"
INVALID = 'Bearer error="invalid_token"'


@pytest.fixture
def party(world: World) -> Party:
    return party_of(world, resources=(API,))


@pytest.fixture
def totp(world: World) -> Totp:
    return world.totp()


def introspected(party: Party, token: str) -> dict[str, object]:
    response = party.post("/oauth2/introspect", {"token": token})
    assert response.status_code == 200, response.text
    assert response.headers["Cache-Control"] == "no-store"
    return dict(response.get_json())


def test_a_clients_own_token_is_told_to_it(party: Party) -> None:
    at = party.world.clock.now()
    assert introspected(party, party.api.token) == {
        "active": True,
        "token_type": "Bearer",
        **{name: claims_of(party.api.token)[name] for name in ("jti",)},
        "iss": party.world.issuer,
        "sub": party.api.client_id,
        "client_id": party.api.client_id,
        "aud": party.world.issuer,
        "scope": "mfa:challenge",
        "iat": at,
        "exp": at + 300,
    }


def test_a_persons_token_says_how_they_were_authenticated(party: Party, totp: Totp) -> None:
    """RFC 9470 section 6.2."""
    told = introspected(party, party.tokens(totp, resource=API)["access_token"])
    assert told["active"] is True
    assert [told["sub"], told["aud"], told["acr"], told["amr"]] == ["alice", API, AAL1, ["otp"]]
    assert told["auth_time"] == party.world.clock.now()


def test_the_api_of_the_audience_is_told_too(party: Party, totp: Totp) -> None:
    token = party.tokens(totp, resource=API)["access_token"]
    api = party_of(party.world, "api", scopes=("orders",), resources=(API,))
    assert introspected(api, token)["sub"] == "alice"


def test_nobody_else_learns_anything(party: Party, totp: Totp) -> None:
    token = party.tokens(totp, resource=API)["access_token"]
    other = party_of(party.world, "other", resources=("https://other.example",))
    assert introspected(other, token) == {"active": False}


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_of_ours_is_not_active(party: Party, token: str) -> None:
    assert introspected(party, token) == {"active": False}


def test_an_id_token_is_no_access_token(party: Party, totp: Totp) -> None:
    assert introspected(party, party.tokens(totp)["id_token"]) == {"active": False}


def test_a_token_is_not_active_when_it_is_over(party: Party) -> None:
    party.world.clock.advance(300)
    assert introspected(party, party.api.token) == {"active": False}


def test_a_disabled_clients_token_is_not_active(party: Party) -> None:
    other = party_of(party.world, "api", resources=(API,))
    form = {"resource": API}
    token = token_request(party.world, form, basic(other.api.client_id, other.api.secret))
    party.world.services.clients.disable(other.api.client_id)
    assert introspected(party, token.get_json()["access_token"]) == {"active": False}


def test_a_client_has_to_prove_itself(party: Party) -> None:
    response = party.world.app.test_client().post("/oauth2/introspect", data={"token": "x"})
    assert (response.status_code, response.get_json()["error"]) == (401, "invalid_client")


def test_a_token_is_needed(party: Party) -> None:
    response = party.post("/oauth2/introspect", {})
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_userinfo_tells_the_subject(party: Party, totp: Totp, method: str) -> None:
    token = party.tokens(totp)["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    response = party.world.app.test_client().open(
        "/oauth2/userinfo", method=method, headers=headers
    )
    assert (response.status_code, response.get_json()) == (200, {"sub": "alice"})
    assert response.headers["Cache-Control"] == "no-store"


def test_userinfo_takes_no_token_for_another_api(party: Party, totp: Totp) -> None:
    for token in (party.api.token, party.tokens(totp, resource=API)["access_token"]):
        headers = {"Authorization": f"Bearer {token}"}
        response = party.world.app.test_client().get("/oauth2/userinfo", headers=headers)
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, INVALID)


def test_userinfo_needs_a_token(party: Party) -> None:
    response = party.world.app.test_client().get("/oauth2/userinfo")
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_persons_token_never_opens_our_own_api(party: Party, totp: Totp) -> None:
    """Not even when our issuer is registered as a resource of the client."""
    ours = party_of(party.world, "ours", resources=(party.world.issuer,))
    token = ours.tokens(totp, resource=party.world.issuer)["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    response = party.world.app.test_client().get("/v1/challenges/chl_x", headers=headers)
    assert response.status_code == 401


def test_a_code_that_comes_twice_stops_the_tokens_that_it_yielded(party: Party, totp: Totp) -> None:
    browser = Browser(party.world.app)
    browser.get(party.pushed())
    confirm(browser, totp, party.world)
    code = answer_of(browser)["code"]
    token = party.redeem(code).get_json()["access_token"]
    assert introspected(party, token)["active"] is True
    assert party.redeem(code).get_json()["error"] == "invalid_grant"
    assert introspected(party, token) == {"active": False}


def test_the_metadata_name_endpoints_that_exist(party: Party) -> None:
    """Each address leads somewhere: an unknown path would be 404."""
    found = discovery.metadata(party.world.services)
    client = party.world.app.test_client()
    for name, address in found.items():
        if name.endswith(("_endpoint", "_uri", "_documentation")):
            path = str(address).removeprefix(party.world.issuer)
            statuses = {client.open(path, method=m).status_code for m in ("GET", "POST")}
            assert 404 not in statuses, name


def test_both_metadata_addresses_say_the_same(party: Party) -> None:
    client = party.world.app.test_client()
    names = ("openid-configuration", "oauth-authorization-server")
    ours, theirs = (client.get(f"/.well-known/{name}") for name in names)
    assert ours.get_json() == theirs.get_json()
    assert ours.get_json()["issuer"] == party.world.issuer
