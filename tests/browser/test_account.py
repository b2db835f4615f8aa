"""Self-service in the browser: each way is added, changed, and taken away behind a step-up."""

import json
import re
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import Windows
from tests.support.looking import check
from tests.support.owners import Owner, scanned, told
from tests.support.virtual_passkeys import VirtualAuthenticator
from tests.support.world import World

SPY = """window.told = JSON.parse(sessionStorage.told ?? "[]");
PublicKeyCredential.signalAllAcceptedCredentials = async (options) => {
  window.told.push(options);
  sessionStorage.told = JSON.stringify(window.told);
};"""


@pytest.fixture
def anna(service: World, windows: Windows, sub: str) -> Owner:
    return Owner(service, windows, sub)


def opened(page: Page, label: str) -> None:
    """Open what is listed under a name."""
    page.goto(page.url.split("/account")[0] + "/account")
    page.get_by_role("link", name=re.compile(label)).first.click()


def test_a_link_is_spent_by_a_button_and_once(anna: Owner) -> None:
    link, window = anna.link(), anna.window()
    window.page.goto(link)
    expect(window.page.get_by_role("main")).to_contain_text(anna.sub)
    check(window.page, "account-link")
    window.page.get_by_role("button", name="Continue").click()
    window.page.wait_for_url("**/account")
    check(window.page, "account-empty")
    other = anna.window()
    other.expect("status of 4")
    other.page.goto(link)
    expect(other.page.get_by_role("main")).not_to_contain_text(anna.sub)
    check(other.page, "account-link-over")


def test_nobody_signed_in(anna: Owner) -> None:
    page = anna.window().page
    page.goto(f"{anna.world.issuer}/account")
    check(page, "account-signed-out")


def test_an_authenticator_app_by_picture_and_by_key(anna: Owner) -> None:
    page = anna.inside()
    anna.add(page, "Authenticator app", "Blue app")
    uri = scanned(page.get_by_role("img", name="QR code that adds"))
    page.get_by_text("I cannot scan it").click()
    key = page.locator("[data-copied]").inner_text().replace("-", "")
    assert pyotp.parse_uri(uri).secret == key
    check(page, "enroll-totp")
    field = page.get_by_label("Type the code that the app shows now")
    field.fill("000000")
    page.get_by_role("button", name="Finish").click()
    told(page, "That was not right. 4 tries are left.")
    field.fill(pyotp.TOTP(key).now())
    page.get_by_role("button", name="Finish").click()
    told(page, "“Blue app” was added.")
    assert anna.listed() == [("totp", "Blue app", "active")]


def test_a_passkey_behind_a_step_up(anna: Owner) -> None:
    window, phone = anna.window(), anna.phone()
    held = VirtualAuthenticator.of(window)
    page = anna.inside(window)
    anna.add(page, "Passkey", "Laptop")
    page.wait_for_url("**/challenge/*")
    told(page, "Add a passkey")
    check(page, "challenge-for-a-change")
    anna.confirm(page, phone)
    check(page, "enroll-passkey")
    page.get_by_role("button", name="Make the passkey").click()
    told(page, "“Laptop” was added.")
    assert [one["rpId"] for one in held.credentials()] == ["localhost"]
    check(page, "account-passkey-added")
    assert anna.listed()[1] == ("webauthn", "Laptop", "active")


def test_the_removal_of_a_passkey_is_told_to_the_browser(anna: Owner) -> None:
    """The first one needs no step-up; removing it needs it itself."""
    window = anna.window()
    window.context.add_init_script(SPY)
    VirtualAuthenticator.of(window)
    page = anna.inside(window)
    anna.add(page, "Passkey", "Laptop")
    page.get_by_role("button", name="Make the passkey").click()
    told(page, "“Laptop” was added.")
    opened(page, "Laptop")
    check(page, "authenticator-passkey")
    page.get_by_role("button", name="Remove").click()
    page.wait_for_url("**/challenge/*")
    told(page, "Remove “Laptop”")
    page.get_by_role("button", name="Continue with your passkey").click()
    page.wait_for_url("**/account**")
    told(page, "“Laptop” was removed.")
    page.wait_for_function("window.told.at(-1)?.allAcceptedCredentialIds.length === 0")
    assert json.loads(page.evaluate("sessionStorage.told"))[-1]["rpId"] == "localhost"
    assert anna.listed() == []


def test_recovery_codes_are_shown_once_to_be_copied_downloaded_and_printed(
    anna: Owner,
) -> None:
    window, phone = anna.window(), anna.phone()
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = anna.inside(window)
    anna.add(page, "Recovery codes")
    anna.confirm(page, phone)
    codes = page.locator(".codes li").all_inner_texts()
    assert len(set(codes)) == 10
    check(page, "recovery-codes")
    page.evaluate("window.print = () => { window.printed = true; }")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed")
    with page.expect_download() as started:
        page.get_by_role("button", name="Download").click()
    kept = Path(started.value.path()).read_text("utf-8")
    assert all(code in kept for code in codes)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.reload()
    told(page, "These codes were shown already")
    assert not any(code in page.content() for code in codes)
    check(page, "recovery-codes-shown-before")


def test_rename_suspend_reactivate(anna: Owner) -> None:
    phone, page = anna.phone(), anna.inside()
    anna.phone("Old phone")
    opened(page, "Old phone")
    page.get_by_label("What you call it").fill("Tablet")
    page.get_by_role("button", name="Rename").click()
    page.wait_for_url("**/challenge/*")
    told(page, "Rename “Old phone” to “Tablet”")
    anna.confirm(page, phone)
    told(page, "It is called “Tablet” now.")
    for verb, words in (("Suspend", "is suspended"), ("Reactivate", "works again")):
        opened(page, "Tablet")
        check(page, f"authenticator-before-{verb.lower()}")
        page.get_by_role("button", name=verb).click()
        anna.confirm(page, phone)
        told(page, words)
    check(page, "account-two-phones")
    assert ("phone", "Tablet", "active") in anna.listed()


def test_who_says_no_on_the_phone_changes_nothing(anna: Owner) -> None:
    phone, window = anna.phone(), anna.window()
    window.expect("status of 403")
    page = anna.inside(window)
    opened(page, "Pixel 9")
    page.get_by_role("button", name="Remove").click()
    page.wait_for_url("**/challenge/*")
    challenge_id = page.url.rsplit("/", 1)[1]
    asked = anna.world.fetch(phone, challenge_id)
    anna.world.send(phone, challenge_id, phone.answer(asked, "deny"))
    page.get_by_role("link", name=re.compile("^Back to")).click()
    told(page, "Nothing was changed")
    check(page, "account-nothing-changed")
    assert anna.listed() == [("phone", "Pixel 9", "active")]


def test_the_timeline_shows_what_was_signed_and_this_was_not_me_suspends(anna: Owner) -> None:
    phone = anna.phone()
    anna.phone("Second phone")
    payment = {"Amount": "12.50 EUR", "To": "Blumenhaus Krause"}
    asked = anna.api.challenge(anna.sub, transaction=payment, binding_message="Pay for flowers")
    assert anna.world.approve(phone, asked, pin=phone.pin).status_code == 200
    page = anna.inside()
    page.get_by_role("link", name="Activity").click()
    check(page, "activity")
    page.get_by_role("link", name=re.compile("Pay for flowers")).click()
    for text in (*payment.values(), "Signed by your phone, just as it is shown here."):
        told(page, text)
    page.get_by_text("For experts").click()
    told(page, asked["tx_hash"])
    check(page, "activity-approval")
    page.get_by_role("link", name="This was not me").click()
    check(page, "not-me")
    page.get_by_role("button", name=re.compile("It was not me")).click()
    second = next(
        one
        for one in anna.api.get(f"/v1/authenticators?sub={anna.sub}").get_json()["authenticators"]
        if one["label"] == "Second phone"
    )
    assert second["state"] == "active"
    anna.confirm(page, phone)
    assert ("phone", "Pixel 9", "suspended") in anna.listed()


def test_sessions_are_listed_and_ended_from_elsewhere(anna: Owner) -> None:
    here, there = anna.inside(), anna.inside()
    here.get_by_role("link", name="Sessions").click()
    told(here, "This browser")
    check(here, "sessions")
    here.get_by_role("button", name="Sign out everywhere else").click()
    there.goto(f"{anna.world.issuer}/account/activity")
    told(there, "You come in here by a personal link.")
    here.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(here.get_by_role("navigation", name="Your account")).to_have_count(0)


def test_two_people_side_by_side_see_their_own(
    service: World, windows: Windows, anna: Owner
) -> None:
    bert = Owner(service, windows, f"{anna.sub}-bert")
    anna.phone("Anna's phone")
    bert.phone("Bert's phone")
    pages = {anna: anna.inside(), bert: bert.inside()}
    for person, other in ((anna, bert), (bert, anna)):
        told(pages[person], person.sub)
        expect(pages[person].get_by_role("main")).to_contain_text(
            "Anna's phone" if person is anna else "Bert's phone"
        )
        expect(pages[person].get_by_role("main")).not_to_contain_text(
            "Anna's phone" if other is anna else "Bert's phone"
        )


def test_without_scripts_an_app_is_added(anna: Owner) -> None:
    page = anna.inside(java_script_enabled=False)
    anna.add(page, "Authenticator app")
    page.get_by_text("I cannot scan it").click()
    key = page.locator("[data-copied]").inner_text().replace("-", "")
    page.get_by_label("Type the code that the app shows now").fill(pyotp.TOTP(key).now())
    page.get_by_role("button", name="Finish").click()
    told(page, "was added.")


def test_in_german(anna: Owner) -> None:
    anna.phone()
    page = anna.window(locale="de-DE").page
    page.goto(anna.link())
    page.get_by_role("main").get_by_role("button").click()
    page.wait_for_url("**/account")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    check(page, "account-german")
