"""The waiting page that the example authorization server can show instead of the hosted one."""

import json
from urllib.parse import urljoin

import pytest

from tests.integration.examples.asking import AAL2, callback, essential
from tests.integration.examples.conftest import World
from tests.integration.examples.test_step_up import PAYMENT, ask, claims_now


@pytest.fixture
def world(own_world: World) -> World:
    """Every test here is about the own page."""
    return own_world


def test_the_service_is_told_what_this_page_can_do_and_nothing_of_a_return(world: World) -> None:
    world.double.own("alice", "phone", "webauthn")
    ask(world, acr_values=AAL2)
    asked = world.double.only().asked
    assert asked["methods"] == ["push", "totp", "recovery_code"]
    assert not {"return_uri", "state"} & set(asked)


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


def test_another_browser_cannot_follow_or_answer_a_challenge(world: World) -> None:
    world.double.own("alice", "phone")
    ask(world, acr_values=AAL2)
    stranger = world.another_browser()
    assert stranger.open(world.browser.page.url).status == 404
    assert stranger.open(world.browser.page.url + "/state").status == 404
