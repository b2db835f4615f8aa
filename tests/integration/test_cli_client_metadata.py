"""`mfa client add` and `show`: what a client registers beside its name, in standard words."""

import json

import pytest

from tests.support.command_line import command_line
from tests.support.programs import Ran
from tests.support.remote import environment

DEFAULTS = {
    "dialect": "contract",
    "id_token_signed_response_alg": "RS256",
    "request_object_signing_alg": None,
    "require_pushed_authorization_requests": False,
    "backchannel_token_delivery_mode": "poll",
    "backchannel_client_notification_endpoint": None,
    "backchannel_authentication_request_signing_alg": None,
    "backchannel_user_code_parameter": False,
}


@pytest.fixture
def env(sqlite_url: str) -> dict[str, str]:
    return environment(sqlite_url)


def add(env: dict[str, str], *options: str) -> Ran:
    return command_line(env, "client", "add", "shop", "--scope", "a", *options, "--json")


ALL = (
    *("--dialect", "okta", "--id-token-alg", "ES256", "--request-object-alg", "EdDSA"),
    *("--require-par", "--ciba-ping", "https://shop.example/ping", "--ciba-user-code"),
)
ALL_KEPT = {
    "dialect": "okta",
    "id_token_signed_response_alg": "ES256",
    "request_object_signing_alg": "EdDSA",
    "require_pushed_authorization_requests": True,
    "backchannel_token_delivery_mode": "ping",
    "backchannel_client_notification_endpoint": "https://shop.example/ping",
    "backchannel_user_code_parameter": True,
}


@pytest.mark.parametrize(("options", "kept"), [((), {}), (ALL, ALL_KEPT)], ids=["none", "all"])
def test_an_option_is_kept_by_its_registered_name(
    env: dict[str, str], options: tuple[str, ...], kept: dict[str, object]
) -> None:
    client_id = add(env, *options).object["client_id"]
    (row,) = json.loads(command_line(env, "client", "list", "--json").out)
    assert row["metadata"] == DEFAULTS | kept
    shown = command_line(env, "client", "show", client_id, "--json").object
    assert shown["metadata"] == DEFAULTS | kept


def test_an_endpoint_that_is_no_address_is_refused(env: dict[str, str]) -> None:
    ran = add(env, "--ciba-ping", "http://shop.example/ping")
    assert (ran.status, ran.out) == (1, "")
    assert "  - backchannel_client_notification_endpoint: An https address" in ran.err


@pytest.mark.parametrize("option", ["--dialect", "--id-token-alg", "--request-object-alg"])
def test_a_choice_that_does_not_exist_is_wrong_usage(env: dict[str, str], option: str) -> None:
    assert add(env, option, "none").status == 2


def test_show_tells_people_all_but_the_secret(env: dict[str, str]) -> None:
    made = add(env, "--redirect-uri", "https://a.example/", "--resource", "https://b.example/")
    secret, client_id = made.object["client_secret"], made.object["client_id"]
    ran = command_line(env, "client", "show", client_id)
    lines = dict(line.split(": ", 1) for line in ran.out.splitlines())
    assert lines["client_id"] == client_id
    assert lines["redirect_uris"] == "https://a.example/"
    assert lines["resources"] == "https://b.example/"
    assert lines["authentication"] == "client_secret_basic"
    assert (lines["disabled"], lines["dialect"], lines["jwks"]) == ("false", "contract", "")
    assert secret not in ran.out + ran.err
    command_line(env, "client", "disable", client_id)
    assert command_line(env, "client", "show", client_id, "--json").object["disabled"] is True


def test_who_is_unknown_is_said_to_be(env: dict[str, str]) -> None:
    ran = command_line(env, "client", "show", "cli_nobody")
    assert ran == Ran(1, "", "Error: There is no such client.\n")
