"""A customer of a shop that sends people to the hosted page, with real browsers."""

from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route

from mfa_service.services.clients import NewClient

from .chromium import Window, Windows
from .phone import Phone, PinKey
from .virtual_passkeys import VirtualAuthenticator
from .world import ALL_SCOPES, Api, Totp, World

SHOP = "https://shop.example"
RETURN = f"{SHOP}/back"
STATE = "basket-7"
_BACK = "<!doctype html><html lang=en><title>Shop</title><h1>Back in the shop</h1>"
_REGISTER = """async (options) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return (await navigator.credentials.create({ publicKey })).toJSON();
}"""


@dataclass
class Customer:
    """Anna, and a shop in a realm of its own, at a running service."""

    world: World
    windows: Windows
    sub: str = "anna.berger"
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        new = NewClient("Corner Shop", ALL_SCOPES, redirect_uris=(RETURN,), realm=token_hex(8))
        services = self.world.services
        made = services.clients.add(new)
        token = services.tokens.issue(made.client, scopes=(), resources=()).token
        self.api = Api(self.world.app, token, made.client.id, made.secret or "")

    def phone(self, pin: PinKey | None = None, label: str = "Pixel 9") -> Phone:
        return self.world.phone(self.sub, api=self.api, pin=pin, label=label, reason="set-up")

    def totp(self) -> Totp:
        """Return an authenticator app whose `code(1)` is good and was not used yet."""
        return self.world.totp(self.sub, api=self.api, reason="set-up")

    def recovery_codes(self) -> list[str]:
        made = self.api.enroll(self.sub, type="recovery_codes", reason="set-up")
        return list(made["codes"])

    def passkey(self, window: Window, **options: Any) -> VirtualAuthenticator:
        """Return an authenticator of `window` with a passkey that it registered on our page."""
        held = VirtualAuthenticator.of(window, **options)
        enrollment = self.api.enroll(self.sub, type="webauthn", reason="set-up")
        window.page.goto(f"{self.world.issuer}/enroll")
        made = window.page.evaluate(_REGISTER, enrollment["publicKey"])
        done = self.api.confirm(enrollment, credential=made)
        assert done.status_code == 200, done.text
        return held

    def asked(self, **members: Any) -> dict[str, Any]:
        """Return a challenge of the shop, from whose page one comes back."""
        return self.api.challenge(self.sub, **{"return_uri": RETURN, "state": STATE, **members})

    def asked_to_stay(self, **members: Any) -> dict[str, Any]:
        """Return a challenge whose page shows its end and leads nowhere."""
        return self.api.challenge(self.sub, **members)

    def window(self, **context: Any) -> Window:
        """Return a new browser, in which the shop has a page too."""
        opened = self.windows.open(self.world.issuer, SHOP, **context)
        opened.context.route(f"{RETURN}*", _show_shop)
        return opened

    def opened(self, challenge: dict[str, Any], **context: Any) -> Page:
        """Return the page of a challenge in a new browser."""
        return self.go(self.window(**context), challenge)

    def go(self, window: Window, challenge: dict[str, Any]) -> Page:
        """Return the page of a challenge in a browser."""
        window.page.goto(challenge["page"])
        return window.page

    def come_back(self, page: Page) -> dict[str, str]:
        """Wait until the browser is back in the shop, and return what it brought."""
        page.wait_for_url(f"{RETURN}?**")
        given = parse_qs(urlsplit(page.url).query, strict_parsing=True)
        return {name: value for name, (value,) in given.items()}

    def result(self, challenge: dict[str, Any], brought: dict[str, str]) -> dict[str, Any]:
        """Return the challenge as the shop reads it with what the browser brought."""
        assert brought["challenge_id"] == challenge["id"]
        assert brought["state"] == STATE
        code = brought["return_code"]
        response = self.api.get(f"/v1/challenges/{challenge['id']}?return_code={code}")
        assert response.status_code == 200, response.text
        return dict(response.get_json())

    def deny(self, phone: Phone, challenge: dict[str, Any], decision: str = "deny") -> None:
        """Say no on the phone, or report a fraud."""
        asked = self.world.fetch(phone, challenge["id"])
        sent = self.world.send(phone, challenge["id"], phone.answer(asked, decision))
        assert sent.status_code == 200, sent.text

    def approve(self, phone: Phone, challenge: dict[str, Any], **more: Any) -> None:
        """Type the display code into the phone, and its PIN if it has one."""
        sent = self.world.approve(phone, challenge, pin=phone.pin, **more)
        assert sent.status_code == 200, sent.text


def _show_shop(route: Route) -> None:
    route.fulfill(content_type="text/html", body=_BACK)
