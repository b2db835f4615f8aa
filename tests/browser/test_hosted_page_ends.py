"""How the hosted page ends: what it says, without a reload, and where it leads."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.customers import RETURN, Customer
from tests.support.looking import check
from tests.support.world import AAL2


def ended(page: Page, title: str, name: str) -> None:
    """Fail unless the page shows this end; keep pictures of it."""
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page).to_have_title(f"{title} · Step-up")
    check(page, f"end-{name}")


def ended_live(page: Page, title: str, name: str) -> None:
    """Fail unless the page changed to this end by itself and told it; keep pictures of it."""
    expect(page.locator("#announcements")).to_have_text(title)
    ended(page, title, name)


def test_confirmed_without_a_way_back(anna: Customer) -> None:
    phone, challenge = anna.phone(), anna.asked_to_stay()
    page = anna.opened(challenge)
    anna.approve(phone, challenge)
    ended_live(page, "Confirmed", "confirmed")
    expect(page.get_by_text("You can close this window.")).to_be_visible()


def test_confirmed_goes_back_at_once_with_state_and_return_code(anna: Customer) -> None:
    phone, challenge = anna.phone(), anna.asked()
    page = anna.opened(challenge)
    anna.approve(phone, challenge)
    brought = anna.come_back(page)
    assert anna.result(challenge, brought)["result_token"] is not None
    assert anna.api.read(challenge["id"])["result_token"] is None  # by the code alone
    page.go_back()
    assert page.url == "about:blank", "going back must not show a page that is over"


def test_declined_on_the_phone(anna: Customer) -> None:
    phone, challenge = anna.phone(), anna.asked_to_stay()
    page = anna.opened(challenge)
    anna.deny(phone, challenge)
    ended_live(page, "You declined", "declined")


def test_cancelled_on_the_page(anna: Customer) -> None:
    anna.phone()
    challenge = anna.asked()
    page = anna.opened(challenge)
    page.get_by_role("button", name="This was not me: cancel").click()
    page.get_by_role("button", name="Stay here").click()
    expect(page.get_by_role("link", name="Back to Corner Shop")).to_be_focused()
    ended(page, "You declined", "cancelled-on-the-page")
    page.keyboard.press("Enter")
    result = anna.result(challenge, anna.come_back(page))
    assert (result["status"], result["reason"]) == ("denied", "user_denied")


def test_reported_as_fraud_on_the_phone(anna: Customer) -> None:
    phone, challenge = anna.phone(), anna.asked_to_stay()
    page = anna.opened(challenge)
    anna.deny(phone, challenge, "report_fraud")
    ended_live(page, "You reported a fraud", "fraud-reported")
    told = "For the next 30 minutes we send no requests to your phones."
    expect(page.get_by_role("main")).to_contain_text(told)


def test_locked_after_five_wrong_codes(anna: Customer) -> None:
    totp, challenge = anna.totp(), anna.asked_to_stay()
    page = anna.opened(challenge)
    for left in ("4 tries are", "3 tries are", "2 tries are", "One try is"):
        page.get_by_label("Code from your authenticator app").fill(totp.wrong())
        page.keyboard.press("Enter")
        expect(page.locator("#code-error")).to_contain_text(f"{left} left")
    page.get_by_label("Code from your authenticator app").fill(totp.wrong())
    page.keyboard.press("Enter")
    ended(page, "Too many wrong answers", "locked")
    assert anna.api.read(challenge["id"])["reason"] == "attempts_exhausted"


def test_not_strong_enough(anna: Customer) -> None:
    window = anna.window()
    anna.passkey(window, verifies=None, transport="usb")
    challenge = anna.asked(acr_values=[AAL2])
    page = anna.go(window, challenge)
    page.get_by_role("button", name="Continue with your passkey").click()
    page.get_by_role("button", name="Stay here").click()
    ended_live(page, "That was not enough", "not-enough")


def test_withdrawn_by_the_shop(anna: Customer) -> None:
    anna.phone()
    challenge = anna.asked_to_stay()
    page = anna.opened(challenge)
    assert anna.api.call("DELETE", f"/v1/challenges/{challenge['id']}").status_code == 204
    ended_live(page, "This request was withdrawn", "withdrawn")


@pytest.mark.parametrize("left", [3, 1])
def test_few_recovery_codes_left_are_told_with_the_way_to_new_ones(
    anna: Customer, left: int
) -> None:
    codes = anna.recovery_codes()
    for code in codes[left + 1 :]:
        asked = anna.api.challenge(anna.sub)
        assert anna.api.answer(asked["id"], "recovery_code", code).status_code == 200
    challenge = anna.asked()
    page = anna.opened(challenge)
    page.get_by_label("Recovery code").fill(codes[0])
    page.keyboard.press("Enter")
    many = {3: "You have 3 recovery codes left.", 1: "You have one recovery code left."}
    expect(page.get_by_role("main")).to_contain_text(many[left])
    expect(page.get_by_role("link", name="Get new ones")).to_have_attribute("href", "/account")
    ended(page, "Confirmed", f"confirmed-{left}-recovery-codes-left")
    page.get_by_role("link", name="Back to Corner Shop").click()
    assert anna.result(challenge, anna.come_back(page))["status"] == "satisfied"


def test_who_stays_is_not_sent_back(anna: Customer) -> None:
    phone, challenge = anna.phone(), anna.asked()
    page = anna.opened(challenge)
    anna.deny(phone, challenge)
    page.get_by_role("button", name="Stay here").focus()
    check(page, "end-declined-going-back")
    assert not page.url.startswith(RETURN)


def test_a_link_that_never_was(anna: Customer) -> None:
    window = anna.window()
    window.expect("status of 404")
    window.page.goto(f"{anna.world.issuer}/challenge/chl_0000000000000000000000.nothing")
    expect(window.page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    check(window.page, "end-unknown-link")


def test_a_link_that_was_opened_elsewhere(anna: Customer) -> None:
    anna.phone()
    challenge = anna.asked(binding_message="Pay for your order 4711")
    anna.opened(challenge)
    second = anna.window()
    second.expect("status of 410")
    page = anna.go(second, challenge)
    title = "This link was opened in another browser"
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    for secret in (challenge["display_code"], "anna.berger", "4711", "Corner Shop"):
        assert secret not in page.content().replace(" ", "")
    check(page, "end-opened-elsewhere")
