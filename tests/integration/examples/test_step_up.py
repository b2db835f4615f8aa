"""The step-up of the example authorization server, as a person meets it."""

import json
import logging

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
from tests.integration.examples.conftest import PASSWORDS, World

PAYMENT = {"type": "payment", "amount": "49.90", "payee": "Corner Books"}


def claims_now(world: World) -> dict[str, object]:
    """The id token of the code that the browser has just brought back."""
    return part(redeem(world, callback(world)["code"]).json()["id_token"], 1)


def ask(world: World, **changes: str | None) -> None:
    """Sign alice in with her password, then ask for more."""
    world.sign_in("alice")
    world.browser.open(request_url(**changes))


def test_the_challenge_says_what_the_session_really_verified(world: World) -> None:
    world.double.own("alice", "phone")
    ask(world, claims=essential(AAL2), transaction=json.dumps(PAYMENT))
    asked = world.double.only().asked
    assert asked["sub"] == "alice"
    assert asked["acr_values"] == [AAL2]
    assert asked["essential"] is True
    assert asked["prior"]["amr"] == ["pwd"]
    assert asked["transaction"] == PAYMENT
    assert asked["purpose"] == "login"
    assert asked["context"]["ip"] == "127.0.0.1"


def test_a_recovery_code_does_for_the_lowest_level(world: World) -> None:
    world.double.own("alice", "recovery_codes")
    world.double.codes["code"] = "recovery_code"
    ask(world, claims=essential(AAL1))
    world.browser.submit("recovery_code", code="code")
    claims = claims_now(world)
    assert (claims["acr"], claims["amr"]) == (AAL1, ["otp", "pwd", "recovery"])


@pytest.mark.parametrize("owned", [(), ("recovery_codes",)])
def test_an_essential_level_that_nobody_can_reach_fails_without_a_challenge(
    world: World, owned: tuple[str, ...]
) -> None:
    world.double.own("alice", *owned)
    ask(world, claims=essential(AAL2))
    assert callback(world)["error"] == "unmet_authentication_requirements"
    assert world.double.challenges == {}


def test_a_voluntary_level_that_nobody_can_reach_gives_the_present_one(world: World) -> None:
    voluntary = json.dumps({"id_token": {"acr": {"values": [AAL2]}}})
    ask(world, claims=voluntary)
    claims = claims_now(world)
    assert (claims["acr"], claims["amr"]) == ("0", ["pwd"])


def test_a_transaction_is_never_waived(world: World) -> None:
    voluntary = json.dumps({"id_token": {"acr": {"values": [AAL2]}}})
    ask(world, claims=voluntary, transaction=json.dumps(PAYMENT))
    assert callback(world)["error"] == "unmet_authentication_requirements"


def test_a_transaction_that_cannot_be_shown_is_the_clients_fault(world: World) -> None:
    world.double.own("alice", "phone")
    ask(world, acr_values=AAL2, transaction=json.dumps({"payee": "a\u0007b"}))
    assert callback(world)["error"] == "invalid_request"


def test_a_level_that_is_there_and_fresh_costs_no_new_challenge(world: World) -> None:
    world.double.own("alice", "phone")
    ask(world, acr_values=AAL2)
    world.double.approve()
    world.browser.reload()
    first = claims_now(world)
    world.clock.later = 200
    world.browser.open(request_url(acr_values=AAL1, max_age="300"))
    again = claims_now(world)
    assert (again["acr"], again["auth_time"]) == (AAL1, first["auth_time"])
    assert len(world.double.challenges) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"max_age": "100"},
        {"prompt": "login"},
        {"transaction": json.dumps(PAYMENT)},
    ],
)
def test_age_login_or_a_transaction_cost_a_new_challenge(
    world: World, changes: dict[str, str | None]
) -> None:
    world.double.own("alice", "phone")
    ask(world, acr_values=AAL2)
    world.double.approve()
    world.browser.reload()
    world.clock.later = 200
    world.browser.open(request_url(acr_values=AAL2, **changes))
    if world.browser.page.has("signin"):
        world.browser.submit("signin", username="alice", password=PASSWORDS["alice"])
    assert world.browser.page.has("display-code")
    assert len(world.double.challenges) == 2


def test_an_old_level_is_not_reported_any_more(world: World) -> None:
    world.double.own("alice", "phone")
    ask(world, acr_values=AAL2)
    world.double.approve()
    world.browser.reload()
    world.clock.later = 1000
    id_token = redeem(world, code_for(world)).json()["id_token"]
    assert part(id_token, 1)["acr"] == "0"


def test_a_new_person_gets_nothing_of_what_the_last_one_proved(world: World) -> None:
    world.double.own("alice", "phone")
    ask(world, acr_values=AAL2)
    world.double.approve()
    waiting = world.browser.page.url
    world.sign_in("bob", at="https://as.example/signin")
    assert world.browser.open(waiting).status == 404
    id_token = redeem(world, code_for(world)).json()["id_token"]
    assert (part(id_token, 1)["sub"], part(id_token, 1)["acr"]) == ("bob", "0")


def test_an_expired_service_token_is_replaced(world: World) -> None:
    world.double.own("alice", "phone")
    world.double.token_lives = 1
    ask(world, acr_values=AAL2)
    world.clock.later = 5
    world.double.approve()
    world.browser.reload()
    assert claims_now(world)["acr"] == AAL2


def test_no_secret_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.double.own("alice", "totp")
    world.double.codes["123456"] = "totp"
    ask(world, acr_values=AAL2)
    world.browser.submit("totp", code="123456")
    result = world.double.satisfied(world.double.only())["result_token"]
    for secret in (PASSWORDS["alice"], "123456", result.split(".")[2]):
        assert secret not in caplog.text
