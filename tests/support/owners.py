"""Somebody in self-service: a browser, a phone in the other hand, and a camera to look with."""

import io
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import zxingcpp
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from .chromium import Window, Windows
from .phone import Phone, PinKey
from .world import Api, World


def scanned(picture: Locator) -> str:
    """Return what a decoder reads in a screenshot of a QR code."""
    seen = Image.open(io.BytesIO(picture.screenshot()))
    # Asked for any code, it now and then sees a bar code in the squares as well.
    only_qr = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    (found,) = zxingcpp.read_barcodes(seen, formats=only_qr)
    return str(found.text)


@dataclass(eq=False)
class Owner:
    """Anna, who owns an account in the default realm of a running service."""

    world: World
    windows: Windows
    sub: str
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        self.api = self.world.client()

    def window(self, **context: object) -> Window:
        """Return a new browser."""
        return self.windows.open(self.world.issuer, **context)

    def link(self) -> str:
        """Return a fresh account link."""
        made = self.api.post("/v1/account-links", {"sub": self.sub})
        assert made.status_code == 201, made.text
        return str(made.get_json()["url"])

    def inside(self, window: Window | None = None, **context: object) -> Page:
        """Return the overview, after coming in by a link."""
        page = (window or self.window(**context)).page
        page.goto(self.link())
        page.get_by_role("main").get_by_role("button").click()
        page.wait_for_url("**/account")
        return page

    def phone(self, label: str = "Pixel 9") -> Phone:
        """Return an enrolled phone with a PIN."""
        return self.world.phone(self.sub, api=self.api, pin=PinKey(), label=label, reason="set-up")

    def add(self, page: Page, kind: str, label: str = "") -> None:
        """Ask for one more on the page that describes it."""
        page.goto(f"{self.world.issuer}/account")
        page.get_by_role("main").get_by_role("link", name=kind, exact=False).last.click()
        if label:
            page.get_by_label("Name").fill(label)
        page.get_by_role("button", name="Continue").click()

    def confirm(self, page: Page, phone: Phone) -> None:
        """Answer on the phone the step-up that the page shows, and wait to be led on."""
        page.wait_for_url("**/challenge/*")
        code = page.locator("[data-code]").get_attribute("data-code")
        opened = {"id": page.url.rsplit("/", 1)[1].split("?")[0], "display_code": code}
        sent = self.world.approve(phone, opened, pin=phone.pin)
        assert sent.status_code == 200, sent.text
        page.wait_for_url("**/account**")

    def claim(self, uri: str) -> tuple[Phone, str]:
        """Scan an enrollment with a new phone; return it with the check code that it shows."""
        code = parse_qs(urlsplit(uri).fragment)["c"][0]
        phone = Phone(self.world.issuer, self.world.clock.now, PinKey())
        claimed = self.world.claim(phone, code)
        assert claimed.status_code == 201, claimed.text
        return phone, str(claimed.get_json()["check_code"])

    def listed(self) -> list[tuple[str, str, str]]:
        """Return type, label and state of what the API lists."""
        found = self.api.get(f"/v1/authenticators?sub={self.sub}").get_json()["authenticators"]
        return [(one["type"], one["label"], one["state"]) for one in found]


def told(page: Page, text: str) -> None:
    """Fail unless the page says so, aloud too."""
    expect(page.get_by_role("main")).to_contain_text(text)
