"""`client_credentials` with a secret: who gets a token, for what, and who does not."""

import base64
from typing import Any

import pytest

from tests.support.clients import basic, oauth_error, token_request
from tests.support.phone import claims_of
from tests.support.problems import problem
from tests.support.world import ISSUER, Api, World

RESOURCE = "https://orders.example/api"


@pytest.fixture
def api(shared_world: World) -> Api:
    return shared_world.client("resources", resources=(RESOURCE,))


def good(api: Api) -> str:
    return basic(api.client_id, api.secret)


def test_a_secret_gets_a_token_for_300_seconds(shared_world: World, api: Api) -> None:
    response = token_request(shared_world, {}, good(api))
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    body = response.get_json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"].lower(), body["expires_in"]) == ("bearer", 300)
    assert set(body["scope"].split()) == {"mfa:challenge", "mfa:enroll", "mfa:admin"}


def test_the_token_is_an_at_jwt_of_rfc_9068(shared_world: World, api: Api) -> None:
    first, second = (
        claims_of(token_request(shared_world, {}, good(api)).get_json()["access_token"])
        for _ in range(2)
    )
    now = shared_world.clock.now()
    assert first.pop("jti") != second.pop("jti")
    assert set(first.pop("scope").split()) == {"mfa:challenge", "mfa:enroll", "mfa:admin"}
    assert first == {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": api.client_id,
        "client_id": api.client_id,
        "iat": now,
        "exp": now + 300,
    }


def test_the_token_opens_the_api(shared_world: World, api: Api) -> None:
    token = token_request(shared_world, {}, good(api)).get_json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    found = shared_world.app.test_client().get("/v1/users?sub=x", headers=headers)
    assert found.get_json() == {"users": []}


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("mfa:enroll", {"mfa:enroll"}),
        ("mfa:enroll mfa:challenge", {"mfa:enroll", "mfa:challenge"}),
        ("", {"mfa:challenge", "mfa:enroll", "mfa:admin"}),
    ],
)
def test_a_scope_that_is_registered_is_granted_as_asked(
    shared_world: World, api: Api, asked: str, granted: set[str]
) -> None:
    body = token_request(shared_world, {"scope": asked}, good(api)).get_json()
    assert set(body["scope"].split()) == granted
    assert set(claims_of(body["access_token"])["scope"].split()) == granted


@pytest.mark.parametrize("scope", ["orders:read", "mfa:enroll orders:read", "MFA:ENROLL", "*"])
def test_more_than_is_registered_is_invalid_scope(
    shared_world: World, api: Api, scope: str
) -> None:
    oauth_error(token_request(shared_world, {"scope": scope}, good(api)), 400, "invalid_scope")


def test_a_token_of_one_scope_does_not_open_what_needs_another(
    shared_world: World, api: Api
) -> None:
    body = token_request(shared_world, {"scope": "mfa:enroll"}, good(api)).get_json()
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    client = shared_world.app.test_client()
    refused = client.post("/v1/challenges", json={"sub": "x"}, headers=headers)
    problem(refused, 403, "forbidden")
    told = refused.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in told
    assert 'scope="mfa:challenge"' in told


def test_a_registered_resource_becomes_the_audience_and_does_not_open_this_api(
    shared_world: World, api: Api
) -> None:
    body = token_request(shared_world, {"resource": RESOURCE}, good(api)).get_json()
    assert claims_of(body["access_token"])["aud"] == RESOURCE
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    response = shared_world.app.test_client().get("/v1/users?sub=x", headers=headers)
    problem(response, 401, "unauthenticated")


def test_a_resource_is_any_absolute_uri_also_a_urn(shared_world: World) -> None:
    urn = "urn:example:orders"
    api = shared_world.client("with a urn", resources=(urn,))
    body = token_request(shared_world, {"resource": urn}, good(api)).get_json()
    assert claims_of(body["access_token"])["aud"] == urn


def test_a_token_for_several_audiences_does_not_open_this_api(
    shared_world: World, api: Api
) -> None:
    form = {"resource": [RESOURCE, ISSUER]}
    response = token_request(shared_world, form, good(api))
    headers = {"Authorization": f"Bearer {response.get_json().get('access_token')}"}
    used = shared_world.app.test_client().get("/v1/users?sub=x", headers=headers)
    problem(used, 401, "unauthenticated")


@pytest.mark.parametrize("resource", ["https://elsewhere.example", f"{RESOURCE}/", "x"])
def test_a_resource_that_is_not_registered_is_invalid_target(
    shared_world: World, api: Api, resource: str
) -> None:
    response = token_request(shared_world, {"resource": resource}, good(api))
    oauth_error(response, 400, "invalid_target")


WRONG: dict[str, Any] = {
    "a wrong secret": lambda api: basic(api.client_id, "wrong"),
    "an empty secret": lambda api: basic(api.client_id, ""),
    "a secret with a space": lambda api: basic(api.client_id, api.secret + " "),
    "a secret cut short": lambda api: basic(api.client_id, api.secret[:-1]),
    "the secret in another case": lambda api: basic(api.client_id, api.secret.swapcase()),
    "an unknown client": lambda api: basic("cli_unknown", api.secret),
    "an empty client": lambda api: basic("", api.secret),
    "the id as secret": lambda api: basic(api.client_id, api.client_id),
    "no colon": lambda _: "Basic YWJj",
    "no base64": lambda _: "Basic ???",
    "no credentials": lambda _: "Basic",
    "invalid UTF-8": lambda _: "Basic /zov",
    "NUL": lambda api: basic(api.client_id, "\x00"),
    "another scheme": lambda api: "Bearer " + api.secret,
    "an empty header": lambda _: "",
}


@pytest.mark.parametrize("header", WRONG.values(), ids=WRONG.keys())
def test_wrong_credentials_are_invalid_client(shared_world: World, api: Api, header: Any) -> None:
    response = token_request(shared_world, {}, header(api))
    oauth_error(response, 401, "invalid_client")
    assert response.headers["WWW-Authenticate"].startswith("Basic")


def test_every_wrong_secret_gets_the_same_body(shared_world: World, api: Api) -> None:
    bodies = {token_request(shared_world, {}, header(api)).text for header in WRONG.values()}
    assert len(bodies) == 1


def test_no_credentials_at_all_are_invalid_client(shared_world: World, api: Api) -> None:
    oauth_error(token_request(shared_world, {"client_id": api.client_id}), 401, "invalid_client")


def test_a_secret_in_the_form_is_no_proof(shared_world: World, api: Api) -> None:
    form = {"client_id": api.client_id, "client_secret": api.secret}
    assert token_request(shared_world, form).status_code in {400, 401}


def test_id_and_secret_are_form_url_decoded_before_they_are_compared(
    shared_world: World, api: Api
) -> None:
    escaped = "".join(f"%{ord(character):02x}" for character in api.client_id)
    pair = base64.b64encode(f"{escaped}:{api.secret}".encode()).decode()
    for header in (f"Basic {pair}", basic(api.client_id, api.secret, plus=True)):
        assert token_request(shared_world, {}, header).status_code == 200


def test_the_scheme_is_not_case_sensitive(shared_world: World, api: Api) -> None:
    assert token_request(shared_world, {}, good(api).replace("Basic", "bASIC")).status_code == 200


FORMS = {
    "no grant": ("", "unsupported_grant_type", "invalid_request"),
    "a password grant": ("grant_type=password", "unsupported_grant_type", ""),
    "an empty grant": ("grant_type=", "unsupported_grant_type", "invalid_request"),
    "a grant twice": (
        "grant_type=client_credentials&grant_type=client_credentials",
        "invalid_request",
        "",
    ),
    "a scope twice": (
        "grant_type=client_credentials&scope=mfa:enroll&scope=mfa:enroll",
        "invalid_request",
        "",
    ),
    "a control character": ("grant_type=client_credentials&scope=%00", "invalid_request", ""),
    "invalid UTF-8": ("grant_type=client_credentials&scope=%ff", "invalid_request", ""),
}


@pytest.mark.parametrize("case", FORMS.values(), ids=FORMS.keys())
def test_a_faulty_form_is_400(shared_world: World, api: Api, case: tuple[str, str, str]) -> None:
    form, error, other = case
    response = token_request(shared_world, form, good(api))
    oauth_error(response, 400, response.get_json()["error"])
    assert response.get_json()["error"] in {error, other}


def test_a_json_body_is_no_token_request(shared_world: World, api: Api) -> None:
    response = shared_world.app.test_client().post(
        "/oauth2/token",
        json={"grant_type": "client_credentials"},
        headers={"Authorization": good(api)},
    )
    assert response.status_code in {400, 415}


def test_parameters_that_nobody_knows_are_ignored(shared_world: World, api: Api) -> None:
    assert token_request(shared_world, {"foo": "bar"}, good(api)).status_code == 200


def test_a_client_added_while_the_service_runs_works_at_once(shared_world: World) -> None:
    api = shared_world.client("added later", ("mfa:enroll",))
    assert token_request(shared_world, {}, good(api)).status_code == 200


def test_a_disabled_client_is_refused_at_once_live_tokens_included(shared_world: World) -> None:
    api = shared_world.client("to be disabled")
    assert api.get("/v1/users?sub=x").status_code == 200
    shared_world.services.clients.disable(api.client_id)
    problem(api.get("/v1/users?sub=x"), 401, "unauthenticated")
    oauth_error(token_request(shared_world, {}, good(api)), 401, "invalid_client")


def test_a_rotated_secret_replaces_the_old_one_at_once(shared_world: World) -> None:
    api = shared_world.client("to be rotated")
    old = good(api)
    new = shared_world.services.clients.rotate_secret(api.client_id).secret or ""
    oauth_error(token_request(shared_world, {}, old), 401, "invalid_client")
    assert token_request(shared_world, {}, basic(api.client_id, new)).status_code == 200
