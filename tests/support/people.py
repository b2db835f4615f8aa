"""People in self-service: how they come in, and how they confirm on the hosted page."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from mfa_service.domain.ports import LoginRefused

from .browsing import Browser, Seen
from .phone import Phone, PinKey
from .ports import FakeLogin
from .world import Totp, World

LOGIN = "https://login.example.org"
LOGIN_SETTINGS = {"MFA_LOGIN_ISSUER": LOGIN, "MFA_LOGIN_CLIENT_ID": "self-service"}


@dataclass
class WatchedLogin(FakeLogin):
    """A login issuer that remembers what it was asked, and redeems nothing else."""

    asked: list[dict[str, str]] = field(default_factory=list)

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        url = super().authorization_url(
            redirect_uri=redirect_uri, state=state, nonce=nonce, verifier=verifier
        )
        told = {"redirect_uri": redirect_uri, "nonce": nonce, "verifier": verifier}
        self.asked.append(told | {"state": state})
        return url

    def redeem(self, *, code: str, redirect_uri: str, verifier: str, nonce: str) -> str:
        told = {"redirect_uri": redirect_uri, "nonce": nonce, "verifier": verifier}
        if not any(told.items() <= known.items() for known in self.asked):
            raise LoginRefused("never asked")
        return super().redeem(code=code, redirect_uri=redirect_uri, verifier=verifier, nonce=nonce)


def by_link(world: World, sub: str = "alice", browser: Browser | None = None) -> Browser:
    """Return a browser with a session that a link began: it proves no factor."""
    browser = browser or Browser(world.app)
    browser.get(link(world, sub))
    browser.submit("")
    assert browser.page.path == "/account", browser.page.text
    return browser


def link(world: World, sub: str = "alice") -> str:
    """Return a fresh link into self-service."""
    made = world.client().post("/v1/account-links", {"sub": sub})
    assert made.status_code == 201, made.text
    return str(made.get_json()["url"])


def by_login(world: World, login: WatchedLogin, sub: str = "alice") -> Browser:
    """Return a browser with a session that a sign-in at the login issuer began."""
    browser = Browser(world.app)
    browser.open("/account/sign-in")
    login.codes["code"] = sub
    finish_login(browser, login)
    assert browser.page.path == "/account", browser.page.text
    return browser


def finish_login(browser: Browser, login: WatchedLogin, **changed: str) -> Seen:
    """Come back from the login issuer; an empty value leaves a parameter out."""
    query = {"state": login.asked[-1]["state"], "code": "code", "iss": LOGIN} | changed
    given = urlencode({name: value for name, value in query.items() if value})
    return browser.get(f"/account/signed-in?{given}", Sec_Fetch_Site="cross-site")


def confirm(browser: Browser, by: Totp | Phone, world: World, **more: Any) -> Seen:
    """Answer the step-up on the page that the browser shows, and go where it leads."""
    answer(browser, by, world, **more)
    return onward(browser)


def answer(browser: Browser, by: Totp | Phone, world: World, **more: Any) -> Seen:
    """Answer the step-up on the page that the browser shows, and stay there."""
    path = browser.page.path
    if isinstance(by, Totp):
        browser.get(f"{path}?method=totp")
        return browser.submit("/answers", code=by.next())
    browser.get(f"{path}?method=push")
    opened = {"id": path.rsplit("/", 1)[1], "display_code": browser.page.data("code")}
    response = world.approve(by, opened, pin=by.pin, **more)
    assert response.status_code == 200, response.text
    return browser.get(path)


def onward(browser: Browser) -> Seen:
    """Follow the link with which the hosted page ends."""
    return browser.get(return_link(browser))


def return_link(browser: Browser) -> str:
    """Return the link with which the hosted page ends."""
    (found,) = [known for known in browser.page.links if "return_code=" in known]
    return found


def begun_phone(browser: Browser, world: World) -> tuple[Phone, str]:
    """Return a phone that claimed the enrollment that the page shows, and its check code."""
    (address,) = [known for known in browser.page.links if "/enroll#" in known]
    phone = Phone(browser.issuer, world.clock.now, PinKey())
    claimed = world.claim(phone, address.rsplit("c=", 1)[1])
    assert claimed.status_code == 201, claimed.text
    return phone, str(claimed.get_json()["check_code"])


def listed(world: World, sub: str = "alice") -> list[dict[str, Any]]:
    """Return what the API lists of a subject."""
    found = world.client().get("/v1/authenticators", query_string={"sub": sub})
    return list(found.get_json()["authenticators"])
