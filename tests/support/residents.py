"""People whom the example authorization server knows, each with a browser and a phone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from argon2 import PasswordHasher
from playwright.sync_api import Page, expect

from examples.demo.devices import PhoneOnCommandLine
from examples.demo.processes import Processes
from examples.demo.stage import Stage

from .chromium import Window, Windows
from .owners import scanned

PASSWORD = token_urlsafe(12)
PIN = "482915"
_MOST = 40
_PICTURE = "QR code that adds this account to your phone"


@dataclass
class Town(Stage):
    """The stage of the demo, with people enough for one per test; `extra` is more environment."""

    extra: dict[str, str] = field(default_factory=dict)
    _given: int = 0

    def start(self) -> None:
        """Start everything, the page of `make run` too."""
        self._settle()
        self.start_service()
        self.add_client()
        self.start_server()
        self.start_shop()
        self.start_page()
        self.start_tour()

    def resident(self, windows: Windows) -> "Resident":
        """Return somebody whom no other test met, with nothing enrolled."""
        self._given += 1
        name = f"resident{self._given}"
        return Resident(self, windows, name, PhoneOnCommandLine(self.folder / f"{name}.json", PIN))

    def _settle(self) -> None:
        hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
        people = [
            f'[resident{number}]\nname = "Ada {number}"\npassword = "{hashed}"\n'
            for number in range(1, _MOST + 1)
        ]
        users = self.folder / "users.toml"
        users.write_text("\n".join(people), "utf-8")
        self.extra["AS_USERS"] = str(users)

    def _start(self, name: str, module: str, address: str, environment: dict[str, str]) -> None:
        super()._start(name, module, address, environment | self.extra)


@contextmanager
def town(folder: Path, **extra: str) -> Iterator[Town]:
    """Run a town until the block ends."""
    with Processes(folder) as processes:
        made = Town(folder, processes, extra=extra)
        made.start()
        yield made


@dataclass
class Resident:
    """Somebody with a password, and a phone on the command line with a PIN."""

    town: Town
    windows: Windows
    name: str
    phone: PhoneOnCommandLine
    window: Window = field(init=False)

    def __post_init__(self) -> None:
        self.window = self.another_window()

    @property
    def page(self) -> Page:
        """The page of the first browser."""
        return self.window.page

    def another_window(self, **context: Any) -> Window:
        """Return one more browser."""
        at = self.town
        return self.windows.open(at.service, at.server, at.shop, at.page, at.tour, **context)

    def sign_in(self, page: Page) -> None:
        """Give name and password at the authorization server, where the page is."""
        page.get_by_label("Name").fill(self.name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()

    def open_account(self) -> Page:
        """Sign in to self-service by OpenID Connect."""
        self.page.goto(f"{self.town.service}/account")
        self.page.get_by_role("link", name="Sign in").click()
        self.sign_in(self.page)
        self.page.wait_for_url(f"{self.town.service}/account")
        return self.page

    def add_phone(self) -> None:
        """Add the phone in self-service: camera, PIN, and the number typed back."""
        page = self.open_account()
        page.get_by_role("main").get_by_role("link", name="Phone").click()
        page.get_by_role("button", name="Continue").click()
        number = self.phone.enroll(scanned(page.get_by_role("img", name=_PICTURE)))["check_code"]
        page.get_by_label("Number on the phone").fill(number)
        page.get_by_role("button", name="This is my phone").click()
        expect(page.get_by_role("main")).to_contain_text("was added.")

    def approve(self, page: Page) -> dict[str, Any]:
        """Type into the phone what the hosted page shows, and return what the phone showed."""
        digits = page.locator("[data-code]").get_attribute("data-code")
        asked = self.phone.request()
        self.phone.approve(asked["id"], str(digits))
        return asked
