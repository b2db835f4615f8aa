"""The hosted page in a browser in which no script may run."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.authenticator import SoftAuthenticator
from tests.support.chromium import launched
from tests.support.customers import Customer
from tests.support.looking import picture


@pytest.fixture(scope="module")
def browser(browser: Browser) -> Iterator[Browser]:
    """Return another Chromium; Playwright's own switch would leave `<noscript>` out."""
    started = launched(browser.browser_type, "--blink-settings=scriptEnabled=false")
    yield started
    started.close()


@pytest.mark.parametrize("kind", ["totp", "recovery_code"])
def test_codes_work_without_scripts(anna: Customer, kind: str) -> None:
    code = anna.totp().code(1) if kind == "totp" else anna.recovery_codes()[0]
    challenge = anna.asked()
    page = anna.opened(challenge)
    picture(page, f"challenge-{kind}-without-scripts")
    expect(page.get_by_text(re.compile("^Valid until .*:"))).to_be_visible()
    page.locator("#code").fill("00000000")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#code-error")).to_contain_text("4 tries are left.")
    page.locator("#code").fill(code)
    page.get_by_role("button", name="Confirm").click()
    assert anna.result(challenge, anna.come_back(page))["status"] == "satisfied"


def test_the_phone_works_without_scripts(anna: Customer) -> None:
    phone, challenge = anna.phone(), anna.asked()
    page = anna.opened(challenge)
    told = page.locator("main noscript p")
    expect(told).to_have_text("This page looks for your answer every five seconds.")
    expect(told).to_be_visible()
    picture(page, "challenge-phone-without-scripts")
    anna.approve(phone, challenge)
    assert anna.result(challenge, anna.come_back(page))["status"] == "satisfied"


def test_a_passkey_says_that_it_needs_scripts(anna: Customer) -> None:
    key, enrollment = SoftAuthenticator(), anna.api.enroll(anna.sub, type="webauthn")
    made = key.create(enrollment["publicKey"], origin=anna.world.issuer)
    assert anna.api.confirm(enrollment, credential=made).status_code == 200
    page = anna.opened(anna.asked())
    told = page.locator("noscript span")
    expect(told).to_contain_text("Passkeys need JavaScript.")
    expect(told).to_be_visible()
    expect(page.get_by_role("button", name="Continue with your passkey")).to_be_hidden()
    picture(page, "challenge-passkey-without-scripts")
