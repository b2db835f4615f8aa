"""Pushed requests (RFC 9126): judged as they come, kept for one client, used once, not for long."""

from typing import Any
from urllib.parse import urlencode

import pytest

from mfa_service.persistence.models import Challenge
from tests.integration.races.rows import column
from tests.support.browsing import Browser
from tests.support.clients import basic, oauth_error
from tests.support.code_flow import CALLBACK, Party, party_of
from tests.support.racing import race
from tests.support.world import World

ESSENTIAL = '{"id_token": {"acr": {"essential": true, "values": ["urn:stepup:acr:aal1"]}}}'


@pytest.fixture
def shared_party(shared_world: World) -> Party:
    return party_of(shared_world)


@pytest.fixture
def party(world: World) -> Party:
    world.totp()
    return party_of(world)


def no_challenge(world: World) -> bool:
    return column(world, Challenge.id) == []


FAULTS: list[tuple[dict[str, str], str]] = [
    ({"response_type": ""}, "unsupported_response_type"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "id_token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"redirect_uri": ""}, "invalid_request"),
    ({"redirect_uri": f"{CALLBACK}/more"}, "invalid_request"),
    ({"code_challenge": ""}, "invalid_request"),
    ({"code_challenge_method": ""}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"scope": ""}, "invalid_scope"),
    ({"scope": "profile"}, "invalid_scope"),
    ({"scope": "openid mfa:admin"}, "invalid_scope"),
    ({"scope": "openid unheard-of"}, "invalid_scope"),
    ({"resource": "https://other.example"}, "invalid_target"),
    ({"login_hint": ""}, "invalid_request"),
    ({"login_hint": "a" * 256}, "invalid_request"),
    ({"id_token_hint": "a.b.c"}, "invalid_request"),
    ({"login_hint": "", "id_token_hint": "a.b.c"}, "invalid_request"),
    ({"prompt": "none"}, "login_required"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "unheard-of"}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "soon"}, "invalid_request"),
    ({"acr_values": "urn:stepup:acr:aal1", "claims": ESSENTIAL}, "invalid_request"),
    ({"claims": "no JSON"}, "invalid_request"),
    ({"claims": "[]"}, "invalid_request"),
    ({"claims": '{"id_token": 1}'}, "invalid_request"),
    ({"claims": '{"id_token": {"acr": 1}}'}, "invalid_request"),
    ({"claims": '{"id_token": {"acr": {"values": "x"}}}'}, "invalid_request"),
    ({"claims": '{"id_token": {"acr": {"essential": 1, "values": ["x"]}}}'}, "invalid_request"),
    ({"prior": "no JSON"}, "invalid_request"),
    ({"prior": '{"amr": ["pwd"]}'}, "invalid_request"),
    ({"prior": '{"amr": ["pwd"], "auth_time": true}'}, "invalid_request"),
    ({"prior": '{"amr": ["pwd"], "auth_time": 9999999999}'}, "invalid_request"),
    ({"prior": '{"amr": ["pwd"], "auth_time": 1, "acr": "x"}'}, "invalid_request"),
    ({"binding_message": "x" * 129}, "invalid_request"),
    ({"binding_message": "pay \u202e001"}, "invalid_request"),
    ({"nonce": "n" * 256}, "invalid_request"),
    ({"state": "s" * 1025}, "invalid_request"),
    ({"registration": "{}"}, "registration_not_supported"),
    ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
    ({"request": "a.b.c"}, "invalid_request_object"),
]


@pytest.mark.parametrize(("changed", "error"), FAULTS, ids=[str(case) for case in FAULTS])
def test_each_fault_has_its_error(shared_party: Party, changed: dict[str, str], error: str) -> None:
    oauth_error(shared_party.push(**changed), 400, error)
    assert no_challenge(shared_party.world)


def test_what_is_pushed_is_kept_for_ninety_seconds(party: Party) -> None:
    response = party.push()
    assert response.status_code == 201
    body = response.get_json()
    assert set(body) == {"request_uri", "expires_in"}
    assert body["expires_in"] == 90
    assert body["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert len(body["request_uri"].rpartition(":")[2]) == 43
    assert response.headers["Cache-Control"] == "no-store"
    assert no_challenge(party.world)


@pytest.mark.parametrize("name", ["scope", "login_hint", "redirect_uri", "state"])
def test_a_parameter_twice_is_refused(party: Party, name: str) -> None:
    given = party.parameters()
    form = urlencode([*given.items(), (name, given[name])])
    response = party.world.app.test_client().post(
        "/oauth2/par",
        data=form,
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": basic(party.api.client_id, party.api.secret)},
    )
    oauth_error(response, 400, "invalid_request")


def test_only_a_client_that_proves_itself_pushes(party: Party) -> None:
    client = party.world.app.test_client()
    oauth_error(client.post("/oauth2/par", data=party.parameters()), 401, "invalid_client")
    headers = {"Authorization": basic(party.api.client_id, "wrong")}
    response = client.post("/oauth2/par", data=party.parameters(), headers=headers)
    oauth_error(response, 401, "invalid_client")


def test_a_client_pushes_for_itself_only(party: Party) -> None:
    other = party_of(party.world, "other")
    oauth_error(party.push(client_id=other.api.client_id), 401, "invalid_client")


def test_a_client_without_the_scope_pushes_nothing(party: Party) -> None:
    other = party_of(party.world, "other", scopes=("orders",))
    oauth_error(other.push(), 400, "unauthorized_client")


def refused(browser: Browser, address: str) -> str:
    """Open an address that leads nowhere, and return the error that the person sees."""
    page = browser.get(address)
    assert page.status == 400
    assert page.forms == []
    return next(word for word in page.response.text.split("<code>")[1:]).split("</code>")[0]


def test_a_request_is_used_once(party: Party) -> None:
    address = party.pushed()
    browser = Browser(party.world.app)
    assert browser.get(address).path.startswith("/challenge/")
    assert refused(Browser(party.world.app), address) == "invalid_request_uri"
    assert len(column(party.world, Challenge.id)) == 1


def test_many_uses_at_once_open_one_challenge(any_world: World) -> None:
    any_world.totp()
    party = party_of(any_world)
    address = party.pushed()
    pages = race([lambda: Browser(any_world.app).get(address).status] * 8)
    assert sorted(pages) == [200] + [400] * 7
    assert len(column(any_world, Challenge.id)) == 1


def test_a_request_is_over_after_ninety_seconds(party: Party) -> None:
    address = party.pushed()
    party.world.clock.advance(90)
    assert refused(Browser(party.world.app), address) == "invalid_request_uri"
    assert no_challenge(party.world)


def test_another_client_cannot_use_a_request_and_does_not_spoil_it(party: Party) -> None:
    address = party.pushed()
    other = party_of(party.world, "other")
    stolen = address.replace(party.api.client_id, other.api.client_id)
    assert refused(Browser(party.world.app), stolen) == "invalid_request_uri"
    assert Browser(party.world.app).get(address).path.startswith("/challenge/")


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"request_uri": "https://client.example/request"}, "request_uri_not_supported"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request_uri"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x", "request": "x"}, "invalid_request"),
    ],
)
def test_only_what_was_pushed_is_found(party: Party, query: dict[str, str], error: str) -> None:
    assert refused(Browser(party.world.app), party.address(**query)) == error


def test_what_stands_beside_a_pushed_request_does_not_count(party: Party) -> None:
    """The browser cannot change what its client pushed (RFC 9126 section 4)."""
    changed: dict[str, Any] = {"redirect_uri": "https://evil.example/", "state": "evil"}
    address = f"{party.pushed()}&{urlencode(changed)}"
    browser = Browser(party.world.app)
    browser.get(address)
    assert browser.page.path.startswith("/challenge/")
    assert "evil" not in browser.page.response.text


def test_a_client_that_has_to_push_gets_nothing_by_another_way(party: Party) -> None:
    metadata = {"require_pushed_authorization_requests": True}
    strict = party_of(party.world, "strict", metadata=metadata)
    browser = Browser(party.world.app)
    browser.get(f"/oauth2/authorize?{urlencode(strict.parameters())}")
    location = browser.page.response.headers["Location"]
    assert location.startswith(f"{CALLBACK}?error=invalid_request&")
    assert strict.push().status_code == 201


def test_the_link_of_a_pushed_request_holds_nothing_about_the_person(party: Party) -> None:
    address = party.pushed(prior='{"amr": ["pwd"], "auth_time": 1}', binding_message="Table 4")
    assert all(word not in address for word in ("alice", "pwd", "Table", "callback"))
