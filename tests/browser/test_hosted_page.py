"""The hosted page while it asks: who, for what, one way forward and the others a step away."""

import re

from playwright.sync_api import Page, expect

from tests.support.customers import Customer
from tests.support.looking import check
from tests.support.phone import PinKey

PAYMENT = {
    "Amount": "1.250,00 EUR",
    "To": "Blumenhaus Krause, Kassel",
    "IBAN": "DE89 3704 0044 0532 0130 00",
    "Items": ["Roses, 40", "Vases, 4"],
}
CONTEXT = {
    "application": "Corner Shop",
    "location": "Kassel, Germany",
    "ip": "203.0.113.7",
    "user_agent": "Firefox on Windows",
}
WAYS = ["Use your phone", "Type a code from an app", "Use a recovery code"]


def digits(page: Page) -> str:
    """Return the display code as it is read aloud, without the pauses."""
    said = page.get_by_role("img", name=re.compile(r"^(\d ?){6}$")).get_attribute("aria-label")
    return str(said).replace(" ", "")


def heard(page: Page, words: str) -> None:
    """Fail unless a screen reader says so by itself."""
    expect(page.locator("#announcements")).to_contain_text(words)


def test_it_shows_who_asks_for_what_and_the_code_to_type_into_the_phone(anna: Customer) -> None:
    anna.phone(PinKey())
    challenge = anna.asked(
        binding_message="Pay for your order 4711", transaction=PAYMENT, context=CONTEXT
    )
    page = anna.opened(challenge)
    main = page.get_by_role("main")
    for told in ("Corner Shop asks", "anna.berger", "Pay for your order 4711", "Kassel, Germany"):
        expect(main).to_contain_text(told)
    shown = dict.fromkeys(main.locator("dt").all_inner_texts())
    assert list(shown)[:4] == list(PAYMENT)
    assert digits(page) == challenge["display_code"]
    check(page, "challenge-phone-transaction")


def test_the_code_can_be_read_across_a_table(anna: Customer) -> None:
    anna.phone()
    page = anna.opened(anna.asked())
    size = "(element) => parseFloat(getComputedStyle(element).fontSize)"
    assert page.locator(".digits").evaluate(size) >= 64
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.locator(".digits").evaluate(size) >= 40


def test_it_goes_on_by_itself_when_the_phone_answers(anna: Customer) -> None:
    phone, challenge = anna.phone(), anna.asked()
    page = anna.opened(challenge)
    anna.approve(phone, challenge)
    result = anna.result(challenge, anna.come_back(page))
    assert (result["status"], result["acr"]) == ("satisfied", "urn:stepup:acr:aal1")


def test_the_other_ways_are_one_step_away(anna: Customer) -> None:
    anna.phone()
    totp = anna.totp()
    anna.recovery_codes()
    challenge = anna.asked()
    page = anna.opened(challenge)
    others = page.get_by_role("navigation", name="Another way").get_by_role("link")
    assert others.all_inner_texts() == WAYS[1:]
    check(page, "challenge-phone")
    page.get_by_role("link", name=WAYS[1]).click()
    assert others.all_inner_texts() == [WAYS[0], WAYS[2]]
    check(page, "challenge-totp")
    page.get_by_label("Code from your authenticator app").fill(totp.code(1))
    page.get_by_role("button", name="Confirm").click()
    assert anna.result(challenge, anna.come_back(page))["amr"] == ["otp"]


def test_a_recovery_code_is_taken_as_people_copy_it(anna: Customer) -> None:
    anna.phone()
    code = anna.recovery_codes()[3]
    challenge = anna.asked()
    page = anna.opened(challenge)
    page.get_by_role("link", name="Use a recovery code").click()
    check(page, "challenge-recovery-code")
    page.get_by_label("Recovery code").fill(f" {code.lower()} ")
    page.keyboard.press("Enter")
    assert anna.result(challenge, anna.come_back(page))["amr"] == ["otp", "recovery"]


def test_a_wrong_code_says_so_where_the_person_is_and_how_many_tries_are_left(
    anna: Customer,
) -> None:
    totp, challenge = anna.totp(), anna.asked()
    page = anna.opened(challenge)
    field = page.get_by_label("Code from your authenticator app")
    field.fill(totp.wrong())
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("That was not right. 4 tries are left"))
    heard(page, "4 tries are left")
    check(page, "challenge-totp-wrong")


def test_the_phone_can_be_notified_again(anna: Customer) -> None:
    endpoint = {"provider": "fcm", "token": "t"}
    anna.world.phone(anna.sub, api=anna.api, label="Pixel 9", push=endpoint)
    page = anna.opened(anna.asked())
    page.get_by_role("button", name="Notify again").click()
    heard(page, "We notified your phone again.")
    check(page, "challenge-phone-notified-again")


def test_after_three_notifications_it_says_where_the_request_waits(anna: Customer) -> None:
    endpoint = {"provider": "fcm", "token": "t"}
    anna.world.phone(anna.sub, api=anna.api, label="Pixel 9", push=endpoint)
    page = anna.opened(anna.asked())
    for _ in range(3):
        page.get_by_role("button", name="Notify again").click()
        page.wait_for_url(re.compile(r"said="))
    expect(page.get_by_role("main")).to_contain_text("Your phone was notified often enough.")
    check(page, "challenge-phone-notified-enough")


def test_a_change_of_how_one_signs_in_looks_different_from_a_sign_in(anna: Customer) -> None:
    anna.phone()
    page = anna.opened(anna.asked(purpose="manage", binding_message="Add a passkey"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Change how you sign in")
    expect(page.get_by_text("a way to sign in to your account can be added")).to_be_visible()
    check(page, "challenge-manage")
