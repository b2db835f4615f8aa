"""A person at a browser: signs in, shops, and reads what the pages say."""

import json
import time
from typing import Any

import httpx

from examples.demo.browser import Browser
from examples.demo.stage import Stage
from examples.demo.story import Deviation, expect

WAIT_SECONDS = 30


class Person:
    """One of the two people of the demo, with a browser of their own."""

    def __init__(self, stage: Stage, name: str, password: str) -> None:
        self._stage = stage
        self.name = name
        self.password = password
        client = httpx.Client(trust_env=False, timeout=40, headers={"User-Agent": "Demo browser"})
        self.browser = Browser(client)

    def open_account(self) -> None:
        """Open the page with one's authenticators; sign in if asked."""
        self.browser.open(f"{self._stage.server}/authenticators")
        self._sign_in_if_asked()
        expect("the page", self.browser.page.address, f"{self._stage.server}/authenticators")

    def shop(self, path: str) -> None:
        """Open a page of the shop; sign in if asked."""
        self.browser.open(f"{self._stage.shop}{path}")
        self._sign_in_if_asked()

    def buy(self, book: str) -> None:
        """Press the button that buys a book."""
        self.shop("/")
        self.browser.submit(f"buy-{book}")

    def display_code(self) -> str:
        """Read the number that has to be typed on the phone."""
        return self.browser.page.text("display-code")

    def wait_for_the_phone(self) -> None:
        """Wait as the page's script does, then go on."""
        state = self.browser.page.attribute("wait", "data-state")
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.browser.fetch(state)["over"]:
            if time.monotonic() > deadline:
                raise Deviation("the waiting page did not notice the answer")
            time.sleep(0.2)
        self.browser.reload()

    def go_back_to_the_shop(self) -> str:
        """Read how a request ended, and press the button below."""
        ended = self.browser.page.text("ended")
        self.browser.follow("continue")
        return ended

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

    def _sign_in_if_asked(self) -> None:
        if self.browser.page.has("signin"):
            self.browser.submit("signin", username=self.name, password=self.password)
