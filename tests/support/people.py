"""People in self-service: how they come in, and how they confirm on the hosted page."""

from dataclasses import dataclass, field
from typing import Any

from mfa_service.domain.errors import Unavailable
from mfa_service.domain.ports import LoginRefused

from .browsing import Browser, Seen
from .phone import Phone
from .world import Totp, World

LOGIN = "https://login.example.org"
LOGIN_SETTINGS = {"MFA_LOGIN_ISSUER": LOGIN, "MFA_LOGIN_CLIENT_ID": "self-service"}


@dataclass
class FakeLogin:
    """A login issuer that vouches for whoever is set, once per code."""

    sub: str = "alice"
    asked: list[dict[str, str]] = field(default_factory=list)
    redeemed: list[str] = field(default_factory=list)
    down: bool = False

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        if self.down:
            raise Unavailable("The login issuer does not answer.", retry_after=5)
        self.asked.append({"redirect_uri": redirect_uri, "state": state, "nonce": nonce})
        self.asked[-1]["verifier"] = verifier
        return f"{LOGIN}/authorize?state={state}"

    def redeem(self, *, code: str, redirect_uri: str, verifier: str, nonce: str) -> str:
        asked = {"redirect_uri": redirect_uri, "nonce": nonce, "verifier": verifier}
        began = [known for known in self.asked if asked.items() <= known.items()]
        if not began or code in self.redeemed or code == "bad":
            raise LoginRefused("code")
        self.redeemed.append(code)
        return self.sub

    def access_token_claims(self, token: str) -> dict[str, object]:
        raise LoginRefused(token)


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


def by_login(world: World, login: FakeLogin, sub: str = "alice") -> Browser:
    """Return a browser with a session that a sign-in at the login issuer began."""
    browser, login.sub = Browser(world.app), sub
    browser.open("/account/sign-in")
    finish_login(browser, login)
    assert browser.page.path == "/account", browser.page.text
    return browser


def finish_login(browser: Browser, login: FakeLogin, **changed: str) -> Seen:
    """Come back from the login issuer."""
    query = {"state": login.asked[-1]["state"], "code": f"c{len(login.asked)}", "iss": LOGIN}
    query |= changed
    parts = "&".join(f"{name}={value}" for name, value in query.items() if value)
    return browser.get(f"/account/signed-in?{parts}", Sec_Fetch_Site="cross-site")


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
