"""The example for node oidc-provider, running: its id token says what the step-up was worth."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from tests.support.browsing import Browser
from tests.support.ciba import asker
from tests.support.leash import free_port
from tests.support.live import live_world
from tests.support.node import node_server
from tests.support.people import confirm, onward
from tests.support.phone import PinKey, claims_of
from tests.support.world import AAL2, World

VERIFIER = "v" * 43
BACK = "https://shop.example/callback"


class Shopper:
    """A browser at the authorization server, and one at ours for the same person."""

    def __init__(self, world: World, provider: str, sub: str) -> None:
        self.world, self.provider, self.sub = world, provider, sub
        self.http = httpx.Client(base_url=provider, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def begin(self, acr: str) -> str:
        """Sign in with the password, and return where our page is."""
        digest = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
        query = {
            "client_id": "shop",
            "response_type": "code",
            "scope": "openid",
            "redirect_uri": BACK,
            "acr_values": acr,
            "claims": '{"id_token": {"amr": null, "auth_time": null}}',
            "code_challenge": digest.decode(),
            "code_challenge_method": "S256",
        }
        login = self.http.get("/auth", params=query)
        form = urljoin(self.provider, login.headers["Location"])
        assert self.http.get(form).status_code == 200
        sent = self.http.post(form, data={"name": self.sub, "password": "x"})
        return sent.headers["Location"]

    def follow(self, address: str) -> httpx.Response:
        """Follow the authorization server until it leads elsewhere, or no further."""
        answer = self.http.get(address)
        while answer.is_redirect and not answer.headers["Location"].startswith(BACK):
            answer = self.http.get(urljoin(self.provider, answer.headers["Location"]))
        return answer

    def tokens(self, location: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(location).query)["code"][0],
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
        }
        answer = self.http.post("/token", data=form, auth=("shop", "secret-of-the-shop"))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(scope="module")
def stage(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, str]]:
    folder, port = tmp_path_factory.mktemp("node"), free_port()
    (folder / "mfa.db").write_bytes(sqlite_template.read_bytes())
    provider = f"http://localhost:{port}"
    with live_world(f"sqlite:///{folder / 'mfa.db'}") as world:
        known = asker(world, "Login", redirect_uris=(f"{provider}/step-up",))
        env = {
            "PORT": str(port),
            "MFA_ISSUER": world.issuer,
            "MFA_CLIENT_ID": known.id,
            "MFA_CLIENT_SECRET": known.secret,
        }
        with node_server("node_oidc_provider", env, folder):
            yield world, provider


def test_the_id_token_says_what_the_step_up_was_worth(stage: tuple[World, str]) -> None:
    world, provider = stage
    phone = world.phone("anna", pin=PinKey())
    browser = Browser(world.app, world.issuer)
    with Shopper(world, provider, "anna") as shopper:
        browser.get(shopper.begin(AAL2), Sec_Fetch_Site="cross-site")
        confirm(browser, phone, world)
        back = shopper.follow(browser.page.response.headers["Location"])
        told = claims_of(shopper.tokens(back.headers["Location"])["id_token"])
    assert told["iss"] == provider
    assert (told["sub"], told["acr"]) == ("anna", AAL2)
    assert set(told["amr"]) >= {"pwd", "swk", "pin", "mfa"}
    assert abs(told["auth_time"] - world.clock.now()) < 60


def test_a_no_reaches_the_shop(stage: tuple[World, str]) -> None:
    world, provider = stage
    phone = world.phone("berta")
    browser = Browser(world.app, world.issuer)
    with Shopper(world, provider, "berta") as shopper:
        browser.get(shopper.begin(AAL2), Sec_Fetch_Site="cross-site")
        path = browser.page.path
        asked = world.fetch(phone, path.rsplit("/", 1)[1])
        world.send(phone, asked["challenge_id"], phone.answer(asked, "deny"))
        browser.get(path)
        onward(browser)
        back = shopper.follow(browser.page.response.headers["Location"])
    assert "error=access_denied" in back.headers["Location"]


def test_a_step_up_of_another_browser_signs_nobody_in(stage: tuple[World, str]) -> None:
    world, provider = stage
    phone = world.phone("carla", pin=PinKey())
    browser = Browser(world.app, world.issuer)
    with Shopper(world, provider, "carla") as victim, Shopper(world, provider, "carla") as other:
        browser.get(victim.begin(AAL2), Sec_Fetch_Site="cross-site")
        confirm(browser, phone, world)
        other.begin(AAL2)
        assert other.follow(browser.page.response.headers["Location"]).status_code == 400
