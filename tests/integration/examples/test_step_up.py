"""The step-up of the example authorization server, as a person meets it."""

import json
import logging
from urllib.parse import urljoin

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
    assert set(asked["methods"]) == {"push", "totp", "recovery_code"}


def test_the_page_shows_code_transaction_and_attempts(world: World) -> None:
    world.double.own("alice", "phone", "totp")
    ask(world, claims=essential(AAL2), transaction=json.dumps(PAYMENT))
    page = world.browser.page
    assert page.text("display-code") == "493021"
    assert page.text("attempts") == "5"
    assert "49.90" in page.html
    assert page.has("totp")
    assert not page.has("recovery_code")
    assert 'http-equiv="refresh"' in page.html


def test_an_answer_on_the_phone_lets_the_waiting_page_go_on(world: World) -> None:
    world.double.own("alice", "phone")
    ask(world, acr_values=AAL2)
    page = world.browser.page.url
    script = urljoin(page, world.browser.page.attribute("wait", "data-state"))
    assert json.loads(world.browser.open(script).html) == {"over": False, "attempts_left": 5}
    world.double.approve()
    assert json.loads(world.browser.open(script).html) == {"over": True, "attempts_left": 5}
    world.browser.open(page)
    assert claims_now(world)["acr"] == AAL2


def test_a_typed_code_does_as_well_and_a_wrong_one_costs_an_attempt(world: World) -> None:
    world.double.own("alice", "phone", "totp")
    world.double.codes["123456"] = "totp"
    ask(world, acr_values=AAL2)
    world.browser.submit("totp", code="000000")
    assert world.browser.page.text("attempts") == "4"
    assert "not right" in world.browser.page.text("message")
    world.browser.submit("totp", code="123456")
    claims = claims_now(world)
    assert (claims["acr"], claims["amr"]) == (AAL2, ["mfa", "otp", "pwd"])


def test_a_recovery_code_does_for_the_lowest_level(world: World) -> None:
    world.double.own("alice", "recovery_codes")
    world.double.codes["code"] = "recovery_code"
    ask(world, claims=essential(AAL1))
    world.browser.submit("recovery_code", code="code")
    claims = claims_now(world)
    assert (claims["acr"], claims["amr"]) == (AAL1, ["otp", "pwd", "recovery"])


def test_an_accepted_code_that_is_not_enough_leaves_the_request_open(world: World) -> None:
    world.double.own("alice", "recovery_codes", "totp")
    world.double.codes["code"] = "recovery_code"
    ask(world, claims=essential(AAL2))
    world.browser.submit("recovery_code", code="code")
    assert "needs more" in world.browser.page.text("message")
    world.browser.submit("cancel")
    assert callback(world)["error"] == "access_denied"
    assert world.double.only().status == "cancelled"


@pytest.mark.parametrize(
    ("status", "reason", "words", "error"),
    [
        ("denied", "user_denied", "refused", "access_denied"),
        ("denied", "fraud_reported", "change your password", "access_denied"),
        ("expired", None, "expired", "login_required"),
        ("cancelled", None, "cancelled", "access_denied"),
        ("failed", "attempts_exhausted", "wrong", "unmet_authentication_requirements"),
        (
            "failed",
            "unmet_authentication_requirements",
            "not enough",
            "unmet_authentication_requirements",
        ),
    ],
)
def test_another_end_is_told_in_words_and_then_to_the_client(
    world: World, status: str, reason: str | None, words: str, error: str
) -> None:
    world.double.own("alice", "phone")
    ask(world, acr_values=AAL2)
    world.double.end(status, reason)
    world.browser.reload()
    assert words in world.browser.page.text("ended")
    world.browser.follow("continue")
    assert callback(world)["error"] == error


def test_five_wrong_codes_end_the_request(world: World) -> None:
    world.double.own("alice", "totp")
    ask(world, acr_values=AAL2)
    for _ in range(5):
        world.browser.submit("totp", code="000000")
    assert "too many" in world.browser.page.text("ended")
    world.browser.follow("continue")
    assert callback(world)["error"] == "unmet_authentication_requirements"


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


def test_another_browser_cannot_follow_or_answer_a_challenge(world: World) -> None:
    world.double.own("alice", "phone")
    ask(world, acr_values=AAL2)
    stranger = world.another_browser()
    assert stranger.open(world.browser.page.url).status == 404
    assert stranger.open(world.browser.page.url + "/state").status == 404


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
