"""A person at a browser: signs in, shops, and reads what the pages say."""

import json
import re
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from examples.authorization_server.hosted_page import RETURN_PATH
from examples.demo.browser import Browser, Page
from examples.demo.stage import Stage
from examples.demo.story import Deviation, expect

WAIT_SECONDS = 30
OPENING_PATH = re.compile(r"/challenge/\w+\.([\w-]+)|/account/link/([\w-]+)")
SECRET_PARAMETERS = frozenset({"code", "return_code"})


class Person:
    """One of the two people of the demo, with a browser of their own."""

    def __init__(self, stage: Stage, name: str, password: str, client: httpx.Client) -> None:
        self._stage = stage
        self.name = name
        self.password = password
        self.browser = Browser(client)

    def open_account(self) -> None:
        """Open the page with one's authenticators; sign in if asked."""
        self.browser.open(f"{self._stage.server}/authenticators")
        self.sign_in_if_asked()
        expect("the page", self.browser.page.address, f"{self._stage.server}/authenticators")

    def shop(self, path: str) -> None:
        """Open a page of the shop; sign in if asked."""
        self.browser.open(f"{self._stage.shop}{path}")
        self.sign_in_if_asked()

    def buy(self, book: str) -> None:
        """Press the button that buys a book."""
        self.shop("/")
        self.browser.submit(f"buy-{book}")

    def display_code(self) -> str:
        """Read the number on the hosted page that has to be typed on the phone."""
        self._choose("push")
        return self.browser.page.first("data-code")

    def ways(self) -> set[str]:
        """Return the methods that the hosted page offers."""
        page = self.browser.page
        return {_shown(page), *(link.partition("method=")[2] for link in page.links("?method="))}

    def type_code(self, method: str, code: str) -> Page:
        """Type a code into the hosted page."""
        self._choose(method)
        return self.browser.submit("answers", code=code)

    def wait_for_the_phone(self) -> None:
        """Wait as the hosted page's script does, then go on; after a success that leads back."""
        page = self.browser.page
        state, known = page.first("data-state"), page.first("data-revision")
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.browser.fetch(f"{state}?wait=20&known={known}")["ended"]:
            if time.monotonic() > deadline:
                raise Deviation("the waiting page did not notice the answer")
        self.browser.reload()

    def go_back_to_the_shop(self) -> str:
        """Read on the hosted page how a request ended, and press the button below."""
        ended = self.browser.page.words
        self.browser.open(self.browser.page.links(RETURN_PATH)[0])
        return ended

    def secrets_seen(self) -> list[str]:
        """Return what stood in addresses and opens something: links, codes."""
        found = []
        for url in self.browser.history:
            parts = urlsplit(url)
            opening = OPENING_PATH.fullmatch(parts.path)
            found += [opening[opening.lastindex or 0]] if opening else []
            found += [value for name, value in parse_qsl(parts.query) if name in SECRET_PARAMETERS]
        return found

    def _choose(self, method: str) -> None:
        """Choose a way on the hosted page, if it shows another one first."""
        page = self.browser.page
        if method != _shown(page):
            self.browser.open(page.links(f"?method={method}")[0])

    def expect_order(self, state: str, reasons: str = "") -> None:
        """Compare the page of an order; `reasons` are the plain words of a refusal."""
        page = self.browser.page
        expect("the order", page.attribute("order-state", "data-state"), state)
        found = page.text("reasons") if page.has("reasons") else ""
        expect("the shop's reasons", found, reasons)

    def claims(self) -> dict[str, Any]:
        """Read the id token that the shop shows."""
        return dict(json.loads(self.browser.page.text("claims")))

    def expect_claims(self, acr: str, amr: str) -> dict[str, Any]:
        """Compare level and methods (space-separated) with the id token."""
        claims = self.claims()
        expect("acr", claims["acr"], acr)
        expect("amr", claims["amr"], amr.split())
        expect("sub", claims["sub"], self.name)
        return claims

    def sign_in_if_asked(self) -> None:
        """Give the password where the page wants it."""
        if self.browser.page.has("signin"):
            self.browser.submit("signin", username=self.name, password=self.password)


def _shown(page: Page) -> str:
    """Return the way that the hosted page shows."""
    if page.has("number"):
        return "push"
    return page.form("answers").fields["method"] if page.has("code") else "webauthn"
