"""A phone is added: the picture, the phone that scans it, the number typed back, and impostors."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import PHONE, Windows
from tests.support.looking import check
from tests.support.owners import Owner, scanned, told
from tests.support.phone import Phone, PinKey
from tests.support.world import World

PICTURE = "QR code that adds this account to your phone"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"


@pytest.fixture
def anna(service: World, windows: Windows, sub: str) -> Owner:
    return Owner(service, windows, sub)


def begun(anna: Owner) -> tuple[Page, str]:
    """Return the page with the picture, and what a camera reads in it."""
    page = anna.inside()
    anna.add(page, "Phone")
    return page, scanned(page.get_by_role("img", name=PICTURE))


def test_a_phone_scans_the_picture_and_its_number_is_typed_back(anna: Owner) -> None:
    page, uri = begun(anna)
    assert re.fullmatch(rf"{anna.world.issuer}/enroll#\S*c=\S+", uri)
    check(page, "enroll-phone-picture")
    _, number = anna.claim(uri)
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Type the number that your phone shows"
    )
    expect(page.locator("#announcements")).to_contain_text("A phone has scanned the picture.")
    check(page, "enroll-phone-number")
    page.get_by_label("Number on the phone").fill(number)
    page.get_by_role("button", name="This is my phone").click()
    page.wait_for_url("**/account")
    told(page, "was added.")
    assert [(kind, state) for kind, _, state in anna.listed()] == [("phone", "active")]


def test_a_wrong_number_says_how_many_tries_are_left(anna: Owner) -> None:
    page, uri = begun(anna)
    _, number = anna.claim(uri)
    page.get_by_label("Number on the phone").fill(str((int(number) + 1) % 1_000_000).zfill(6))
    page.get_by_role("button", name="This is my phone").click()
    told(page, "That was not right. 4 tries are left.")
    field = page.get_by_label("Number on the phone")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    check(page, "enroll-phone-number-wrong")


def test_a_phone_that_is_not_mine_is_turned_away_for_good(anna: Owner) -> None:
    """Somebody photographed the screen and was faster."""
    page, uri = begun(anna)
    thief, number = anna.claim(uri)
    page.get_by_role("button", name="This is not my phone").click()
    page.wait_for_url("**/account")
    check(page, "enroll-phone-turned-away")
    assert anna.listed() == []
    asked = anna.world.device(thief, "GET", "/v1/device")
    assert asked.status_code == 401, number


def test_who_claims_second_ends_it_for_both(anna: Owner) -> None:
    page, uri = begun(anna)
    first, _ = anna.claim(uri)
    second = Phone(anna.world.issuer, anna.world.clock.now, PinKey())
    assert anna.world.claim(second, uri.rpartition("c=")[2]).status_code == 409
    assert anna.world.device(first, "GET", "/v1/device").status_code == 401
    expect(page.get_by_label("Number on the phone")).to_have_count(0)
    check(page, "enroll-phone-over")
    assert anna.listed() == []


def test_the_code_can_be_typed_instead(anna: Owner) -> None:
    page, uri = begun(anna)
    page.get_by_text("I cannot scan it").click()
    typed = page.locator("[data-copied]").inner_text()
    assert typed.replace("-", "") in uri
    check(page, "enroll-phone-typed")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_phone_without_the_app_lands_on_a_page_that_helps(anna: Owner, scripts: bool) -> None:
    _, uri = begun(anna)
    phone = anna.window(viewport=PHONE, user_agent=IPHONE, java_script_enabled=scripts)
    phone.page.goto(uri)
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("Add this phone")
    shown = phone.page.locator("[data-code]")
    if scripts:
        expect(shown).to_be_visible()
        assert shown.inner_text().replace("-", "") in uri
        check(phone.page, "landing")
    else:
        expect(shown).to_be_hidden()
        told(phone.page, "The code stands below the picture on the other screen")
        phone.page.screenshot(path="build/screenshots/landing-without-scripts.png")
