"""The single-page application: the token at sign-in, and everything else from the browser."""

import re
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import Windows
from tests.support.looking import check
from tests.support.residents import PASSWORD, Resident, Town, town
from tests.support.virtual_passkeys import VirtualAuthenticator

SPY = """window.told = [];
PublicKeyCredential.signalAllAcceptedCredentials = async (options) => window.told.push(options);
"""


@pytest.fixture
def ada(stage: Town, windows: Windows) -> Resident:
    return stage.resident(windows)


def signed_in(ada: Resident) -> Page:
    """Return the application, signed in by authorization code with PKCE."""
    page = ada.page
    page.goto(ada.town.page)
    page.get_by_role("button", name="Sign in", exact=True).click()
    if page.url.startswith(ada.town.server):
        ada.sign_in(page)
    page.wait_for_url(f"{ada.town.page}/")
    expect(page.get_by_role("heading", level=1, name="How you sign in")).to_be_visible()
    return page


def add_app(page: Page) -> str:
    """Add an authenticator app and return its key."""
    page.get_by_role("button", name="An authenticator app").click()
    dialog = page.get_by_role("dialog", name="Add an authenticator app")
    dialog.get_by_text("No camera?").click()
    key = page.locator("#manual").inner_text().replace(" ", "").replace("-", "")
    dialog.get_by_label("Code that the app shows").fill(pyotp.TOTP(key).now())
    dialog.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("status").first).to_contain_text("added.")
    return key


def listed(page: Page) -> list[str]:
    return page.locator("#authenticators li h2").all_inner_texts()


def test_it_signs_in_with_pkce_and_keeps_the_token_in_memory(ada: Resident) -> None:
    page = ada.page
    page.goto(ada.town.page)
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    check(page, "spa-welcome")
    with page.expect_request(re.compile(r"/authorize\?")) as asked:
        page.get_by_role("button", name="Sign in", exact=True).click()
    assert "code_challenge_method=S256" in asked.value.url
    ada.sign_in(page)
    page.wait_for_url(f"{ada.town.page}/")
    expect(page.get_by_role("heading", level=1, name="How you sign in")).to_be_visible()
    check(page, "spa-empty")
    kept = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert kept == '[{},{},""]'
    page.reload()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_an_app_is_added_renamed_and_suspended(ada: Resident) -> None:
    page = signed_in(ada)
    add_app(page)
    check(page, "spa-one-app")
    page.get_by_role("button", name=re.compile("^Rename")).click()
    page.get_by_label("New name").fill("Blue app")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.locator("#authenticators")).to_contain_text("Blue app")
    page.get_by_role("button", name=re.compile("^Suspend")).click()
    expect(page.locator("#authenticators .state")).to_have_text("suspended")
    assert listed(page) == ["Blue app"]


def test_a_passkey_confirms_its_own_removal_and_the_browser_is_told(ada: Resident) -> None:
    ada.window.context.add_init_script(SPY)
    held = VirtualAuthenticator.of(ada.window)
    page = signed_in(ada)
    page.get_by_role("button", name="A passkey").click()
    expect(page.locator("#authenticators li")).to_have_count(1)
    assert len(held.credentials()) == 1
    check(page, "spa-passkey")
    page.get_by_role("button", name=re.compile("^Remove")).click()
    dialog = page.get_by_role("dialog", name="Confirm that it is you")
    expect(dialog).to_be_visible()
    check(page, "spa-step-up")
    dialog.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("#authenticators li")).to_have_count(0)
    assert page.evaluate("window.told.at(-1).allAcceptedCredentialIds") == []


def test_a_phone_confirms_what_comes_after_it(ada: Resident) -> None:
    ada.add_phone()
    page = signed_in(ada)
    page.get_by_role("button", name="Recovery codes").click()
    dialog = page.get_by_role("dialog", name="Confirm that it is you")
    code = dialog.locator("#display-code").inner_text()
    asked = ada.phone.request()
    assert asked["purpose"] == "manage"
    ada.phone.approve(asked["id"], code)
    codes = page.get_by_role("dialog", name=re.compile("Recovery codes|recovery codes"))
    expect(codes.locator("#codes li")).to_have_count(10)
    check(page, "spa-recovery-codes")
    codes.get_by_role("button", name="I have kept them").click()
    expect(page.locator("#authenticators li")).to_have_count(2)


def test_who_says_no_on_the_phone_changes_nothing(ada: Resident) -> None:
    ada.add_phone()
    page = signed_in(ada)
    page.get_by_role("button", name=re.compile("^Remove")).click()
    expect(page.get_by_role("dialog", name="Confirm that it is you")).to_be_visible()
    ada.phone.deny(ada.phone.request()["id"])
    expect(page.locator("#notice")).to_contain_text("The request was refused on your phone.")
    expect(page.locator("#authenticators li")).to_have_count(1)


def test_an_answer_that_was_not_asked_for_signs_nobody_in(ada: Resident) -> None:
    """Mallory's code in Ada's browser would have her manage his account."""
    page = ada.page
    page.goto(f"{ada.town.page}/?code=stolen&state=made-up&iss={ada.town.server}")
    expect(page.get_by_role("alert").first).to_contain_text("This sign-in was not begun here.")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    assert "code=" not in page.url


def test_two_people_side_by_side(stage: Town, windows: Windows, ada: Resident) -> None:
    bert = stage.resident(windows)
    for person in (ada, bert):
        page = signed_in(person)
        expect(page.locator("#who")).to_have_text(person.name)
        add_app(page)
    assert listed(ada.page) == listed(bert.page) == ["Authenticator app"]


@pytest.fixture(scope="module")
def risky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Everything, with both flags that name their risk."""
    flags = {
        "AS_ALLOW_PASSWORD_GRANT_THAT_RFC_9700_FORBIDS": "1",
        "SPA_ASK_FOR_PASSWORDS_THAT_RFC_9700_FORBIDS": "1",
    }
    with town(tmp_path_factory.mktemp("risky"), **flags) as made:
        yield made


def test_with_the_flags_the_page_asks_for_the_password_itself(
    risky: Town, windows: Windows
) -> None:
    ada = risky.resident(windows)
    ada.window.expect("status of 400")
    page = ada.page
    page.goto(risky.page)
    form = page.locator("#password-form")
    expect(form).to_contain_text("Type it only if you trust this page")
    check(page, "spa-asks-for-the-password")
    form.get_by_label("Name").fill(ada.name)
    form.get_by_label("Password").fill("wrong")
    form.get_by_role("button").click()
    expect(page.get_by_role("alert").first).to_contain_text(
        "The name or the password is not right."
    )
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1, name="How you sign in")).to_be_visible()
    add_app(page)


def test_without_the_flags_it_does_not(ada: Resident) -> None:
    ada.page.goto(ada.town.page)
    expect(ada.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(ada.page.locator("#password-form")).to_be_hidden()
