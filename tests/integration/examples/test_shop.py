"""The example relying party: what it asks, what it refuses, and attacks on it."""

import json
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.integration.examples.asking import (
    AAL1,
    AAL2,
)
from tests.integration.examples.conftest import AS, PASSWORDS, SHOP, World


def sign_in(world: World) -> None:
    """Sign alice in at the shop by reading a page."""
    world.browser.open(f"{SHOP}/read/tides")
    world.browser.submit("signin", username="alice", password=PASSWORDS["alice"])


def buy(world: World) -> None:
    """Press the button; ends at the authorization server's waiting page."""
    world.browser.open(f"{SHOP}/")
    world.browser.submit("buy-tides")


def edited(change: Callable[[dict[str, str]], None]) -> Callable[[str], str]:
    """A person who edits the shop's authorization request in the address bar."""

    def edit(url: str) -> str:
        address, _, query = url.partition("?")
        if address != f"{AS}/authorize":
            return url
        parameters = dict(parse_qsl(query))
        change(parameters)
        return f"{address}?{urlencode(parameters)}"

    return edit


def without(*names: str) -> Callable[[dict[str, str]], None]:
    """The edit that leaves parameters out."""

    def strip(parameters: dict[str, str]) -> None:
        for name in names:
            parameters.pop(name, None)

    return strip


def outcome(world: World) -> tuple[str, str]:
    """State and reasons on the order's page."""
    page = world.browser.page
    reasons = page.text("reasons") if page.has("reasons") else ""
    return page.attribute("order-state", "data-state"), reasons


def test_reading_needs_a_password_and_no_more(world: World) -> None:
    sign_in(world)
    assert "harbour" in world.browser.page.text("sample")
    claims = json.loads(world.browser.page.text("claims"))
    assert (claims["acr"], claims["amr"]) == ("0", ["pwd"])
    assert world.double.challenges == {}


def test_paying_asks_for_aal2_and_shows_amount_and_payee_on_the_phone(world: World) -> None:
    world.double.own("alice", "phone")
    sign_in(world)
    buy(world)
    asked = world.double.only().asked
    assert (asked["acr_values"], asked["essential"]) == ([AAL2], True)
    shown = asked["transaction"]
    assert (shown["type"], shown["amount"], shown["currency"]) == ("payment", "49.90", "EUR")
    assert shown["payee"] == "Corner Books"
    world.double.approve()
    world.browser.reload()
    assert outcome(world) == ("paid", "")
    claims = json.loads(world.browser.page.text("claims"))
    assert claims["tx_hash"] == world.double.only().tx_hash


def test_two_orders_for_the_same_book_are_two_transactions(world: World) -> None:
    world.double.own("alice", "phone")
    sign_in(world)
    buy(world)
    first = world.double.only().tx_hash
    buy(world)
    assert world.double.only().tx_hash != first


@pytest.mark.parametrize(
    ("reason", "words"),
    [("user_denied", "You refused it."), ("fraud_reported", "You refused it.")],
)
def test_a_denied_payment_is_not_paid(world: World, reason: str, words: str) -> None:
    world.double.own("alice", "phone")
    sign_in(world)
    buy(world)
    world.double.end("denied", reason)
    world.browser.reload()
    world.browser.follow("onward")
    assert outcome(world) == ("refused", words)


def test_an_amount_changed_in_the_browser_is_not_paid(world: World) -> None:
    def cheaper(parameters: dict[str, str]) -> None:
        if "transaction" in parameters:
            transaction = json.loads(parameters["transaction"]) | {"amount": "0.01"}
            parameters["transaction"] = json.dumps(transaction)

    world.double.own("alice", "phone")
    sign_in(world)
    world.browser.edit = edited(cheaper)
    buy(world)
    assert world.double.only().asked["transaction"]["amount"] == "0.01"
    world.double.approve()
    world.browser.reload()
    assert outcome(world) == ("refused", "What was confirmed on the phone is not this payment.")


def test_a_transaction_left_out_in_the_browser_is_not_paid(world: World) -> None:
    world.double.own("alice", "phone")
    sign_in(world)
    world.browser.edit = edited(without("transaction"))
    buy(world)
    world.double.approve()
    world.browser.reload()
    assert outcome(world) == ("refused", "What was confirmed on the phone is not this payment.")


def test_a_level_lowered_in_the_browser_is_not_enough_to_pay(world: World) -> None:
    def lower(parameters: dict[str, str]) -> None:
        parameters["claims"] = parameters.get("claims", "").replace(AAL2, AAL1)

    world.double.own("alice", "recovery_codes")
    world.double.codes["code"] = "recovery_code"
    sign_in(world)
    world.browser.edit = edited(lower)
    buy(world)
    world.browser.submit("recovery_code", code="code")
    state, reasons = outcome(world)
    assert state == "refused"
    assert "The sign-in was not strong enough." in reasons
    assert "Only one kind of proof was given" in reasons


def test_a_level_left_out_in_the_browser_is_not_enough_to_pay(world: World) -> None:
    sign_in(world)
    world.browser.edit = edited(without("claims", "transaction", "max_age"))
    buy(world)
    state, reasons = outcome(world)
    assert state == "refused"
    assert "The sign-in was not strong enough." in reasons
    assert world.double.challenges == {}


def test_paying_without_any_authenticator_is_refused_in_plain_words(world: World) -> None:
    sign_in(world)
    buy(world)
    state, reasons = outcome(world)
    assert state == "refused"
    assert "no way to confirm this strongly enough" in reasons


def test_somebody_else_cannot_pay_the_order(world: World) -> None:
    world.double.own("bob", "phone")
    sign_in(world)
    world.sign_in("bob", at=f"{AS}/signin")
    buy(world)
    world.double.approve()
    world.browser.reload()
    assert outcome(world) == ("refused", "Somebody else signed in.")


@pytest.mark.parametrize("changes", [{"state": "another"}, {"state": ""}])
def test_an_answer_with_another_state_is_refused(world: World, changes: dict[str, str]) -> None:
    sign_in(world)
    answer = {"code": "x", "state": "x", "iss": AS} | changes
    assert world.browser.open(f"{SHOP}/callback?{urlencode(answer)}").status == 400


def test_an_answer_is_taken_once(world: World) -> None:
    sign_in(world)
    callbacks = [url for url in world.browser.trail if url.startswith(f"{SHOP}/callback")]
    assert world.browser.open(callbacks[0]).status == 400


def test_the_answer_of_an_attackers_browser_does_not_fit_here(world: World) -> None:
    attacker = world.another_browser()
    stolen: list[str] = []

    def keep(url: str) -> str:
        if url.startswith(f"{SHOP}/callback"):
            stolen.append(url)
            return f"{SHOP}/"
        return url

    attacker.edit = keep
    attacker.open(f"{SHOP}/read/tides")
    attacker.submit("signin", username="bob", password=PASSWORDS["bob"])
    assert world.browser.open(stolen[0]).status == 400


@pytest.mark.parametrize("issuer", ["https://evil.example", None])
def test_an_answer_of_another_server_is_refused(world: World, issuer: str | None) -> None:
    def mix_up(url: str) -> str:
        address, _, query = url.partition("?")
        if address != f"{SHOP}/callback":
            return url
        answer = dict(parse_qsl(query)) | {"iss": issuer or ""}
        return f"{address}?{urlencode({k: v for k, v in answer.items() if v})}"

    world.browser.edit = mix_up
    sign_in(world)
    assert world.browser.page.status == 403
    assert "did not come from our sign-in server" in world.browser.page.text("reasons")


def test_a_nonce_changed_in_the_browser_is_noticed(world: World) -> None:
    world.browser.edit = edited(lambda parameters: parameters.update(nonce="another"))
    sign_in(world)
    assert world.browser.page.status == 403
    assert "could not be verified" in world.browser.page.text("reasons")


def test_a_pkce_challenge_changed_in_the_browser_is_noticed(world: World) -> None:
    world.browser.edit = edited(lambda parameters: parameters.update(code_challenge="A" * 43))
    sign_in(world)
    assert "could not be completed" in world.browser.page.text("reasons")


def test_forms_of_the_shop_need_their_token(world: World) -> None:
    sign_in(world)
    world.browser.open(f"{SHOP}/")
    assert world.browser.submit("buy-tides", csrf="wrong").status == 403
    assert world.client().post(f"{SHOP}/buy/tides").status_code == 403


def test_receipts_need_a_second_proof_and_a_fresh_one(world: World) -> None:
    world.double.own("alice", "recovery_codes")
    world.double.codes |= {"one": "recovery_code", "two": "recovery_code"}
    sign_in(world)
    world.browser.open(f"{SHOP}/receipts")
    world.browser.submit("recovery_code", code="one")
    assert world.browser.page.has("receipts")
    world.browser.reload()
    assert len(world.double.challenges) == 1
    world.clock.later = 331
    assert not world.browser.reload().has("receipts")


def test_the_callback_is_where_the_shop_says(world: World) -> None:
    world.browser.open(f"{SHOP}/read/tides")
    request = dict(parse_qsl(urlsplit(world.browser.trail[1]).query))
    assert request["redirect_uri"] == f"{SHOP}/callback"
    assert request["code_challenge_method"] == "S256"
