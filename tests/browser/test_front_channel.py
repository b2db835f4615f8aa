"""OpenID Connect in a real browser: to the hosted page and back, by a form too, and to Entra."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pyotp
import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.chromium import Window, Windows
from tests.support.code_flow import CALLBACK, Party, party_of
from tests.support.entra import PERSON, EntraDouble, entra_live
from tests.support.looking import check
from tests.support.owners import scanned
from tests.support.phone import Phone, PinKey
from tests.support.virtual_passkeys import VirtualAuthenticator
from tests.support.world import World

SHOP = "https://shop.example"
BACK = "<!doctype html><html lang=en><title>Shop</title><h1>Back in the shop</h1>"


@pytest.fixture
def entra(sqlite_url: str, tmp_path: Path) -> Iterator[tuple[World, EntraDouble]]:
    with entra_live(sqlite_url, tmp_path) as made:
        yield made


class Shop:
    """A relying party whose page takes answers by a form."""

    def __init__(self, window: Window) -> None:
        self.posted: list[dict[str, str]] = []
        window.context.route(f"{CALLBACK}*", self._take)

    def _take(self, route: Route) -> None:
        self.posted.append(dict(parse_qsl(route.request.post_data or "")))
        route.fulfill(content_type="text/html", body=BACK)


def approve(world: World, page: Page, phone: Phone) -> None:
    """Answer on the phone what the page shows."""
    page.wait_for_url("**/challenge/*")
    code = page.locator("[data-code]").get_attribute("data-code")
    opened = {"id": page.url.rsplit("/", 1)[1].split("?")[0], "display_code": code}
    sent = world.approve(phone, opened, pin=phone.pin)
    assert sent.status_code == 200, sent.text


def begun(live: World, window: Window, sub: str) -> tuple[Party, Phone]:
    """Send a window to the hosted page for somebody who has a phone."""
    phone = live.phone(sub, pin=PinKey(), reason="set-up")
    party = party_of(live, "Corner Shop")
    address = party.pushed(login_hint=sub, response_mode="form_post")
    window.page.goto(f"{live.issuer}{address}")
    return party, phone


def test_an_answer_is_posted_to_the_shop(live: World, windows: Windows, sub: str) -> None:
    window = windows.open(live.issuer, SHOP)
    shop = Shop(window)
    party, phone = begun(live, window, sub)
    approve(live, window.page, phone)
    expect(window.page.get_by_role("heading", name="Back in the shop")).to_be_visible()
    ((answer),) = shop.posted
    assert (answer["state"], answer["iss"]) == ("s1", live.issuer)
    assert party.redeem(answer["code"]).status_code == 200


@pytest.mark.parametrize(("locale", "button"), [("en", "Continue"), ("de", "Weiter")])
def test_without_scripts_a_button_posts_it(
    live: World, windows: Windows, sub: str, locale: str, button: str
) -> None:
    window = windows.open(live.issuer, SHOP, java_script_enabled=False, locale=locale)
    shop = Shop(window)
    _, phone = begun(live, window, f"{sub}-{locale}")
    approve(live, window.page, phone)
    window.page.reload()
    window.page.wait_for_url("**/oauth2/return?**")
    window.page.screenshot(path=Path(f"build/screenshots/form-post-{locale}.png"))
    window.page.get_by_role("button", name=button).click()
    expect(window.page.get_by_role("heading", name="Back in the shop")).to_be_visible()
    assert set(shop.posted[0]) == {"code", "state", "iss"}


@pytest.mark.parametrize("locale", ["en", "de"])
def test_a_request_with_a_foreign_address_is_explained(
    live: World, windows: Windows, locale: str
) -> None:
    window = windows.open(live.issuer, locale=locale)
    window.expect("status of 400")
    party = party_of(live, "Corner Shop")
    query = urlencode(party.parameters(redirect_uri="https://evil.example/"))
    window.page.goto(f"{live.issuer}/oauth2/authorize?{query}")
    expect(window.page.get_by_role("main")).to_contain_text("invalid_request")
    check(window.page, f"authorize-refused-{locale}")


@pytest.mark.parametrize("locale", ["en", "de"])
def test_somebody_new_adds_a_passkey_on_the_way_from_entra(
    entra: tuple[World, EntraDouble], windows: Windows, locale: str
) -> None:
    world, double = entra
    window = windows.open(world.issuer, double.authority, locale=locale)
    held, page = VirtualAuthenticator.of(window), window.page
    page.goto(double.begin(f"{world.issuer}/oauth2/authorize"))
    page.wait_for_url("**/account")
    check(page, f"first-steps-{locale}")
    page.get_by_role("main").get_by_role("link", name="Passkey").click()
    page.get_by_role("button", name="Continue" if locale == "en" else "Weiter").click()
    page.wait_for_url("**/account/enrollments/*")
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_url("**/challenge/*")
    check(page, f"first-steps-confirm-{locale}")
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("heading", name="Signed in")).to_be_visible()
    (answer,) = double.posted
    assert double.faults(answer, world) == []
    assert held.id


def test_not_now_goes_back_to_entra(entra: tuple[World, EntraDouble], windows: Windows) -> None:
    world, double = entra
    window = windows.open(world.issuer, double.authority)
    window.page.goto(double.begin(f"{world.issuer}/oauth2/authorize"))
    window.page.get_by_role("button", name="Not now").click()
    expect(window.page.get_by_role("heading", name="Signed in")).to_be_visible()
    assert double.faults(double.posted[0], world) == ["access_denied"]


def test_somebody_new_adds_an_app_and_waits_for_its_next_code(
    entra: tuple[World, EntraDouble], windows: Windows
) -> None:
    world, double = entra
    window = windows.open(world.issuer, double.authority)
    page = window.page
    page.goto(double.begin(f"{world.issuer}/oauth2/authorize"))
    page.get_by_role("main").get_by_role("link", name="Authenticator app").click()
    page.get_by_role("button", name="Continue").click()
    uri = scanned(page.get_by_role("img", name="QR code that adds"))
    assert PERSON in uri.replace("%3A", ":")
    generator = pyotp.parse_uri(uri)
    assert isinstance(generator, pyotp.TOTP)
    page.get_by_label("Type the code that the app shows now").fill(generator.now())
    page.get_by_role("button", name="Finish").click()
    page.wait_for_url("**/challenge/*")
    following = generator.at(world.clock.now() + 30)
    page.get_by_role("textbox").fill(following)
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("heading", name="Signed in")).to_be_visible()
    assert double.faults(double.posted[0], world) == []
