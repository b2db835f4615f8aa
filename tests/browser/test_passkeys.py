"""Passkeys on the hosted page: with the person verified and without, synced, cloned, unknown."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import Window
from tests.support.customers import Customer
from tests.support.looking import check
from tests.support.phone import PinKey
from tests.support.virtual_passkeys import VirtualAuthenticator
from tests.support.world import AAL1, AAL2

CONTINUE = "Continue with your passkey"
SPY = """window.told = [];
for (const name of ["signalUnknownCredential", "signalAllAcceptedCredentials"]) {
  PublicKeyCredential[name] = async (options) => { window.told.push([name, options]); };
}"""


def use(page: Page) -> None:
    page.get_by_role("button", name=CONTINUE).click()


def result(anna: Customer, window: Window, **asked: Any) -> dict[str, Any]:
    """Return what the shop reads after a sign-in with the passkey of a window."""
    challenge = anna.asked(**asked)
    page = anna.go(window, challenge)
    use(page)
    return anna.result(challenge, anna.come_back(page))


@pytest.mark.parametrize(
    ("options", "acr"),
    [
        pytest.param({}, "phr", id="on this device"),
        pytest.param({"synced": True}, "phr", id="synced"),
        pytest.param({"transport": "usb"}, "phr", id="security key"),
        pytest.param({"verifies": None}, AAL1, id="without verification"),
    ],
)
def test_it_is_worth_what_it_shows(anna: Customer, options: dict[str, Any], acr: str) -> None:
    window = anna.window()
    held = anna.passkey(window, **options)
    assert held.credentials()[0]["rpId"] == "localhost"
    found = result(anna, window)
    assert (found["status"], found["acr"]) == ("satisfied", acr)


def test_it_comes_first_where_it_suffices_and_the_others_are_a_step_away(anna: Customer) -> None:
    window = anna.window()
    anna.phone(PinKey())
    anna.passkey(window)
    challenge = anna.asked(acr_values=["phr", AAL2])
    page = anna.go(window, challenge)
    expect(page.get_by_role("button", name=CONTINUE)).to_be_visible()
    expect(page.locator(".digits")).to_have_count(0)
    check(page, "challenge-passkey")
    page.get_by_role("link", name="Use your phone").click()
    expect(page.locator(".digits")).to_be_visible()


def test_where_nothing_less_suffices_nothing_else_is_offered(anna: Customer) -> None:
    window = anna.window()
    anna.phone(PinKey())
    anna.passkey(window)
    page = anna.go(window, anna.asked(acr_values=["phr"]))
    expect(page.get_by_role("button", name=CONTINUE)).to_be_visible()
    expect(page.get_by_role("navigation", name="Another way")).to_have_count(0)


def test_without_a_way_back_there_is_no_passkey(anna: Customer) -> None:
    """Else a forwarded link would lend its strength to somebody else's session."""
    window = anna.window()
    anna.phone()
    anna.passkey(window)
    page = anna.go(window, anna.asked_to_stay())
    expect(page.locator(".digits")).to_be_visible()
    expect(page.get_by_role("link", name="Use a passkey")).to_have_count(0)


def test_who_closes_the_ceremony_may_try_again(anna: Customer) -> None:
    window = anna.window()
    held = anna.passkey(window)
    (credential,) = held.credentials()
    held.lose(credential)
    challenge = anna.asked()
    page = anna.go(window, challenge)
    page.evaluate(
        """() => {
          const closed = new DOMException("", "NotAllowedError");
          navigator.credentials.get = () => Promise.reject(closed);
        }"""
    )
    use(page)
    expect(page.get_by_role("alert")).to_contain_text("Your passkey was not used.")
    check(page, "challenge-passkey-cancelled")
    page.reload()
    held.take(credential)
    use(page)
    assert anna.result(challenge, anna.come_back(page))["acr"] == "phr"


def test_a_clone_is_refused_and_the_person_is_told_calmly(anna: Customer) -> None:
    original, thief = anna.window(), anna.window()
    held = anna.passkey(original)
    (early,) = held.credentials()
    assert result(anna, original)["acr"] == "phr"
    stolen = VirtualAuthenticator.of(thief)
    thief.expect("status of 403")
    page = anna.go(thief, anna.asked())
    stolen.take(early, signCount=0)
    use(page)
    expect(page.get_by_role("main")).to_contain_text("This passkey was not accepted.")
    check(page, "challenge-passkey-refused")
    (listed,) = anna.api.get(f"/v1/authenticators?sub={anna.sub}").get_json()["authenticators"]
    assert listed["state"] == "active"


def test_the_browser_is_told_to_forget_a_passkey_that_nobody_knows(anna: Customer) -> None:
    window = anna.window()
    window.context.add_init_script(SPY)
    window.expect("status of 403")
    held = anna.passkey(window)
    challenge = anna.asked()
    page = anna.go(window, challenge)
    unknown = "bm9ib2R5IGtub3dzIHRoaXMgb25l"
    page.evaluate(
        """(id) => {
          const real = navigator.credentials.get.bind(navigator.credentials);
          navigator.credentials.get = async (options) => {
            const made = await real(options);
            const json = { ...made.toJSON(), id, rawId: id };
            return { toJSON: () => json };
          };
        }""",
        unknown,
    )
    use(page)
    expect(page.get_by_role("main")).to_contain_text("This passkey was not accepted.")
    told = page.evaluate("window.told")
    assert ["signalUnknownCredential", {"rpId": "localhost", "credentialId": unknown}] in told
    assert len(held.credentials()) == 1


def test_a_passkey_of_another_person_in_the_same_browser_does_not_answer(
    anna: Customer,
) -> None:
    """Nor does the browser that both use forget it: it is unknown to nobody but the other one."""
    window = anna.window()
    held = anna.passkey(window)
    (mine,) = held.credentials()
    bert = Customer(anna.world, anna.windows, sub="bert")
    bert.api = anna.api
    theirs = anna.window()
    bert.passkey(theirs)
    challenge = bert.asked()
    window.expect("status of 403")
    page = bert.go(window, challenge)
    page.evaluate(
        """() => {
          const real = navigator.credentials.get.bind(navigator.credentials);
          navigator.credentials.get = ({ publicKey }) => real({ publicKey:
            { ...publicKey, allowCredentials: [] } });
        }"""
    )
    use(page)
    expect(page.get_by_role("main")).to_contain_text(re.compile("This passkey was not accepted"))
    assert held.credentials()[0]["credentialId"] == mine["credentialId"]


def test_a_key_that_verifies_nobody_is_the_first_of_two_steps(anna: Customer) -> None:
    window, phone = anna.window(), anna.phone(PinKey())
    anna.passkey(window, verifies=None, transport="usb")
    challenge = anna.asked(acr_values=[AAL2])
    page = anna.go(window, challenge)
    use(page)
    expect(page.get_by_text("The first part is done. One more step.")).to_be_visible()
    check(page, "challenge-second-step")
    anna.approve(phone, challenge)
    assert anna.result(challenge, anna.come_back(page))["acr"] == AAL2


def test_a_finger_that_is_not_recognised_gets_nobody_in(anna: Customer) -> None:
    window = anna.window()
    held = anna.passkey(window)
    held.recognise(recognised=False)
    page = anna.go(window, anna.asked(acr_values=["phr"]))
    use(page)
    expect(page.get_by_role("alert")).to_contain_text("Your passkey was not used.")
    held.recognise(recognised=True)
    use(page)
    anna.come_back(page)
