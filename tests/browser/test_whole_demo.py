"""From the shop to the id token that it shows: all programs, one browser, a phone beside it."""

import json
import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import Windows
from tests.support.looking import check
from tests.support.residents import Resident, Town
from tests.support.virtual_passkeys import VirtualAuthenticator

AAL2 = "urn:stepup:acr:aal2"
BOOK = "A Year of Tides"


@pytest.fixture
def ada(stage: Town, windows: Windows) -> Resident:
    return stage.resident(windows)


def press(page: Page, words: str) -> None:
    book = page.locator("section").filter(has_text=BOOK)
    book.get_by_role("button", name=re.compile(f"^{words}")).click()


def buy(ada: Resident) -> None:
    """Sign in to the shop, if that is needed, and press the button that buys a book."""
    page, at = ada.page, ada.town
    page.goto(at.shop)
    if page.get_by_role("button", name="Sign out").count() == 0:
        press(page, "Sign in to buy")
        if page.url.startswith(at.server):
            ada.sign_in(page)
        page.wait_for_url(f"{at.shop}/")
    press(page, "Buy")


def claims(page: Page) -> dict[str, Any]:
    """Open what the shop shows of its id token, and read it."""
    page.get_by_text("How you are signed in").click()
    return dict(json.loads(page.locator("#claims").inner_text()))


def test_a_password_alone_does_not_pay(ada: Resident) -> None:
    page, at = ada.page, ada.town
    page.goto(at.shop)
    check(page, "demo-shop")
    press(page, "Sign in to buy")
    page.wait_for_url(f"{at.server}/signin*")
    check(page, "demo-sign-in")
    ada.sign_in(page)
    page.wait_for_url(f"{at.shop}/")
    press(page, "Buy")
    expect(page.get_by_role("status")).to_contain_text("Nothing was charged.")
    check(page, "demo-not-paid")


def test_from_the_shop_over_the_phone_to_the_id_token(ada: Resident) -> None:
    page, at = ada.page, ada.town
    ada.add_phone()
    buy(ada)
    page.wait_for_url(f"{at.service}/challenge/*")
    expect(page.get_by_role("main")).to_contain_text("Corner Books")
    check(page, "demo-confirm-on-the-phone")
    before = int(time.time())
    shown = ada.approve(page)["transaction"]
    assert (shown["amount"], shown["currency"], shown["payee"]) == ("49.90", "EUR", "Corner Books")
    page.wait_for_url(f"{at.shop}/orders/*")
    expect(page.get_by_role("status")).to_contain_text(f"{BOOK} is yours.")
    token = claims(page)
    assert (token["iss"], token["sub"], token["acr"]) == (at.server, ada.name, AAL2)
    assert token["amr"] == ["mca", "mfa", "pin", "pwd", "swk", "user"]
    assert before <= token["auth_time"] <= int(time.time())
    check(page, "demo-paid")


def test_with_a_passkey_in_the_browser_no_phone_is_needed(ada: Resident) -> None:
    page, at = ada.page, ada.town
    held = VirtualAuthenticator.of(ada.window)
    page = ada.open_account()
    page.get_by_role("main").get_by_role("link", name="Passkey").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("main")).to_contain_text("was added.")
    buy(ada)
    page.get_by_role("button", name="Continue with your passkey").click()
    page.wait_for_url(f"{at.shop}/orders/*")
    token = claims(page)
    assert {"mfa", "pop", "user"} <= set(token["amr"])
    assert token["acr"] in {AAL2, "phr"}
    assert held.credentials()[0]["signCount"] > 1


def test_who_refuses_on_the_phone_pays_nothing(ada: Resident) -> None:
    page, at = ada.page, ada.town
    ada.add_phone()
    buy(ada)
    page.wait_for_url(f"{at.service}/challenge/*")
    ada.phone.deny(ada.phone.request()["id"])
    page.get_by_role("link", name=re.compile("^Back to")).click()
    page.wait_for_url(f"{at.shop}/orders/*")
    expect(page.get_by_role("status")).to_contain_text("You refused it.")


def test_the_account_opens_by_openid_connect(ada: Resident) -> None:
    page = ada.window.page
    page.goto(f"{ada.town.service}/account")
    check(page, "account-sign-in")
    page = ada.open_account()
    expect(page.get_by_role("main")).to_contain_text(ada.name)


def test_the_page_of_make_run_leads_everywhere(ada: Resident) -> None:
    page = ada.page
    page.goto(ada.town.tour)
    check(page, "tour")
    places = {link.get_attribute("href") for link in page.get_by_role("link").all()}
    assert {ada.town.shop, ada.town.page, f"{ada.town.service}/account"} <= places
    for place in sorted(filter(None, places)):
        answer = page.request.get(place)
        assert answer.ok, f"{place}: {answer.status}"
