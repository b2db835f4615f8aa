"""A desktop and a phone of one person: `mobile-stub` beside the page, and the browser on it."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import PHONE
from tests.support.customers import Customer
from tests.support.looking import picture
from tests.support.programs import PhoneProgram
from tests.support.world import AAL2

PIN, USER = "493817", ["swk", "user"]


@pytest.fixture
def phone(anna: Customer, tmp_path: Path) -> PhoneProgram:
    """Return her phone, with a PIN and a passkey."""
    program, enrollment = PhoneProgram(tmp_path), anna.api.enroll(anna.sub, type="phone")
    claimed = program.run("enroll", enrollment["uri"], "--pin", PIN, "--name", "Pixel 9").object
    done = anna.api.confirm(enrollment, check_code=claimed["check_code"])
    assert done.status_code == 200, done.text
    passkey = anna.api.enroll(anna.sub, type="webauthn", reason="set-up")
    made = program.run("passkey", json.dumps(passkey)).object
    done = anna.api.confirm(passkey, credential=made)
    assert done.status_code == 200, done.text
    return program


def read_off(page: Page) -> str:
    """Return the number as a person reads it from the screen."""
    return page.locator(".digits").inner_text().replace(" ", "")


def test_the_number_on_the_screen_and_the_pin_on_the_phone_let_the_desktop_go_on(
    anna: Customer, phone: PhoneProgram
) -> None:
    challenge = anna.asked(acr_values=[AAL2], binding_message="Pay for your order 4711")
    desktop = anna.opened(challenge)
    (asked,) = phone.run("pending").object["challenges"]
    assert (asked["client_name"], asked["binding_message"]) == (
        "Corner Shop",
        "Pay for your order 4711",
    )
    desktop.get_by_role("link", name="Use your phone").click()
    ran = phone.run("approve", asked["id"], "--code", read_off(desktop), "--pin", PIN)
    assert (ran.status, ran.object["status"]) == (0, "satisfied")
    assert anna.result(challenge, anna.come_back(desktop))["amr"] == ["mca", "mfa", "pin", *USER]


def test_a_finger_on_the_phone_does_as_well_as_its_pin(anna: Customer, phone: PhoneProgram) -> None:
    challenge = anna.asked(acr_values=[AAL2])
    desktop = anna.opened(challenge)
    desktop.get_by_role("link", name="Use your phone").click()
    ran = phone.run("approve", challenge["id"], "--code", read_off(desktop), "--biometric")
    assert (ran.status, ran.object["status"]) == (0, "satisfied")
    found = anna.result(challenge, anna.come_back(desktop))
    assert (found["acr"], "phr" in found["acr_satisfied"]) == (AAL2, False)


def test_a_number_that_was_not_read_off_the_screen_lets_nobody_in(
    anna: Customer, phone: PhoneProgram
) -> None:
    challenge = anna.asked(acr_values=[AAL2])
    desktop = anna.opened(challenge)
    desktop.get_by_role("link", name="Use your phone").click()
    guess = "000000" if read_off(desktop) != "000000" else "000001"
    ran = phone.run("approve", challenge["id"], "--code", guess, "--pin", PIN)
    assert (ran.status, ran.object["attempts_left"]) == (1, 4)
    expect(desktop.locator(".digits")).to_be_visible()
    assert anna.api.read(challenge["id"])["status"] == "pending"


def test_a_passkey_in_the_browser_of_the_phone_signs_in_there_and_nowhere_else(
    anna: Customer,
) -> None:
    anna.phone()
    mobile = anna.window(viewport=PHONE, is_mobile=True, has_touch=True)
    anna.passkey(mobile, synced=True)
    at_desk, on_the_way = anna.asked(), anna.asked(acr_values=["phr"])
    desktop = anna.opened(at_desk)
    page = anna.go(mobile, on_the_way)
    picture(page, "challenge-passkey-in-the-phone-browser")
    page.get_by_role("button", name="Continue with your passkey").tap()
    assert anna.result(on_the_way, anna.come_back(page))["acr"] == "phr"
    expect(desktop.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    assert anna.api.read(at_desk["id"])["status"] == "pending"
