"""What the example authorization server takes as a request, and how it says no."""

import json

import pytest

from tests.integration.examples.asking import (
    AAL1,
    AAL2,
    callback,
    code_for,
    essential,
    part,
    redeem,
    request_url,
)
from tests.integration.examples.conftest import AS, PASSWORDS, SHOP, World


def test_a_password_sign_in_ends_in_a_code_with_state_and_issuer(world: World) -> None:
    world.browser.open(request_url())
    world.browser.submit("signin", username="alice", password=PASSWORDS["alice"])
    answer = callback(world)
    assert set(answer) == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("the-state", AS)


@pytest.mark.parametrize(
    "uri",
    [
        f"{SHOP}/callback/",
        f"{SHOP}/callback?x=1",
        f"{SHOP}/Callback",
        f"{SHOP}/callback#x",
        "https://evil.example/callback",
        f'{SHOP}/callback"',
        "",
        None,
    ],
)
def test_a_redirect_uri_that_is_not_exact_is_never_redirected_to(
    world: World, uri: str | None
) -> None:
    page = world.browser.open(request_url(redirect_uri=uri))
    assert page.status == 400
    assert world.browser.trail == [page.url]


def test_an_unknown_client_is_told_to_the_person_only(world: World) -> None:
    assert world.browser.open(request_url(client_id="somebody")).status == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": 'co"de'}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/r"}, "request_uri_not_supported"),
        ({"acr_values": AAL1, "claims": essential(AAL2)}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": '{"id_token": 3}'}, "invalid_request"),
        ({"claims": '{"id_token": {"acr": "x"}}'}, "invalid_request"),
        ({"claims": '{"id_token": {"acr": {"values": "x"}}}'}, "invalid_request"),
        ({"claims": '{"id_token": {"acr": {"values": []}}}'}, "invalid_request"),
        ({"claims": '{"id_token": {"acr": {"value": "a", "values": ["a"]}}}'}, "invalid_request"),
        ({"claims": '{"id_token": {"acr": {"values": ["a"], "essential": 1}}}'}, "invalid_request"),
        ({"claims": '{"id_token": {}, "id_token": {}}'}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "\u0661"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "dance"}, "invalid_request"),
        ({"transaction": "[]"}, "invalid_request"),
        ({"transaction": "{}"}, "invalid_request"),
        ({"transaction": '{"amount": 4.5}'}, "invalid_request"),
        ({"transaction": '{"amount": NaN}'}, "invalid_request"),
        ({"transaction": '{"amount": "1", "amount": "2"}'}, "invalid_request"),
        ({"transaction": '{"amount": 9007199254740993}'}, "invalid_request"),
        ({"transaction": '{"a": "\\ud800"}'}, "invalid_request"),
        ({"transaction": '{"a":' * 900 + "1" + "}" * 900}, "invalid_request"),
        ({"transaction": json.dumps({"a": "x" * 5000})}, "invalid_request"),
        ({"state": "x" * 17_000}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_request_that_cannot_be_met_goes_back_as_an_error(
    world: World, changes: dict[str, str | None], error: str
) -> None:
    world.browser.open(request_url(**changes))
    answer = callback(world)
    assert (answer["error"], answer["iss"]) == (error, AS)
    assert answer["state"] == changes.get("state", "the-state")
    assert world.double.challenges == {}


def test_a_repeated_parameter_is_refused(world: World) -> None:
    world.browser.open(request_url() + "&acr_values=a&acr_values=b")
    assert callback(world)["error"] == "invalid_request"


def test_prompt_none_with_a_session_answers_at_once(world: World) -> None:
    world.sign_in("alice")
    world.browser.open(request_url(prompt="none"))
    assert "code" in callback(world)


def test_prompt_none_never_steps_up(world: World) -> None:
    world.double.own("alice", "phone")
    world.sign_in("alice")
    world.browser.open(request_url(prompt="none", acr_values=AAL2))
    assert callback(world)["error"] == "interaction_required"
    assert world.double.challenges == {}


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "0"}])
def test_a_session_does_not_spare_the_password_when_it_is_asked_for(
    world: World, changes: dict[str, str | None]
) -> None:
    world.sign_in("alice")
    world.browser.open(request_url(**changes))
    assert world.browser.page.has("signin")
    world.browser.submit("signin", username="alice", password=PASSWORDS["alice"])
    assert "code" in callback(world)


def test_max_age_is_kept_to_the_second(world: World) -> None:
    world.sign_in("alice")
    world.clock.later = 60
    world.browser.open(request_url(max_age="70"))
    assert "code" in callback(world)
    world.browser.open(request_url(max_age="50"))
    assert world.browser.page.has("signin")


def test_the_sub_that_a_client_insists_on_is_not_replaced_by_another(world: World) -> None:
    world.sign_in("bob")
    world.browser.open(request_url(claims='{"id_token": {"sub": {"value": "alice"}}}'))
    assert callback(world)["error"] == "login_required"


def test_unknown_levels_fail_when_essential_and_are_ignored_when_not(world: World) -> None:
    world.sign_in("alice")
    world.browser.open(request_url(acr_values="urn:example:gold"))
    assert callback(world)["error"] == "unmet_authentication_requirements"
    voluntary = json.dumps({"id_token": {"acr": {"values": ["urn:example:gold"]}}})
    id_token = redeem(world, code_for(world, claims=voluntary)).json()["id_token"]
    assert part(id_token, 1)["acr"] == "0"
    assert world.double.challenges == {}


def test_discovery_says_what_is_honoured(world: World) -> None:
    metadata = world.client().get(f"{AS}/.well-known/openid-configuration").json()
    assert metadata["issuer"] == AS
    assert AAL2 in metadata["acr_values_supported"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["request_uri_parameter_supported"] is False


def test_the_published_keys_are_public(world: World) -> None:
    (key,) = world.client().get(f"{AS}/jwks.json").json()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
