"""The world of the example tests: double, servers, shop and browser, in one process."""

import secrets
import time
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from flask import Flask
from joserfc.jwk import KeySet

from examples.authorization_server import app as authorization_server
from examples.authorization_server import settings as server_settings
from examples.authorization_server.provider import signing_keys
from examples.demo.browser import Browser
from examples.relying_party import app as relying_party
from examples.relying_party import settings as shop_settings
from tests.integration.examples import service_double
from tests.integration.examples.service_double import Double
from tests.integration.examples.service_double_api import DoubleApi

AS = "https://as.example"
SHOP = "https://shop.example"
SECRET = secrets.token_urlsafe(32)
PASSWORDS = {"alice": "a password of alice", "bob": "a password of bob"}


class TestClock:
    """Real seconds, because Authlib reads them itself, plus what a test lets pass."""

    __test__ = False

    def __init__(self) -> None:
        self.later = 0

    def __call__(self) -> int:
        return int(time.time()) + self.later


class World:
    """Everything that talks to everything, without sockets."""

    def __init__(self, keys: KeySet, users: Path, *, page: str = "hosted", **more: str) -> None:
        self.clock = TestClock()
        self.double = Double(self.clock)
        self._transports: dict[str, httpx.BaseTransport] = {
            service_double.ISSUER: httpx.WSGITransport(DoubleApi(self.double).app)
        }
        self.server = self._server(keys, users, {"AS_STEP_UP_PAGE": page} | more)
        self._transports[AS] = httpx.WSGITransport(self.server)
        variables = {
            "SHOP_ADDRESS": SHOP,
            "SHOP_AS_ISSUER": AS,
            "SHOP_CLIENT_SECRET": SECRET,
        }
        self.shop = relying_party.create_app(
            shop_settings.settings_from(variables), self.client(), self.clock
        )
        self._transports[SHOP] = httpx.WSGITransport(self.shop)
        self.browser = self.another_browser()

    def client(self) -> httpx.Client:
        """Return an HTTP client that reaches what exists so far, and nothing else."""
        return httpx.Client(mounts=dict(self._transports), transport=httpx.MockTransport(_nobody))

    def another_browser(self) -> Browser:
        """Return a browser without cookies."""
        return Browser(self.client())

    def sign_in(self, name: str, *, at: str = f"{AS}/authenticators") -> None:
        """Sign in with the password, on the way to some page."""
        self.browser.open(at)
        self.browser.submit("signin", username=name, password=PASSWORDS[name])

    def _server(self, keys: KeySet, users: Path, more: dict[str, str]) -> Flask:
        variables = {
            "AS_ISSUER": AS,
            "AS_USERS": str(users),
            "AS_CLIENT_SECRET": SECRET,
            "AS_REDIRECT_URIS": f"{SHOP}/callback",
            "AS_API_AUDIENCE": f"{SHOP}/api",
            "STEPUP_ISSUER": service_double.ISSUER,
            "STEPUP_CLIENT_ID": service_double.CLIENT_ID,
            "STEPUP_CLIENT_SECRET": service_double.CLIENT_SECRET,
        }
        return authorization_server.create_app(
            server_settings.settings_from(variables | more),
            authorization_server.Outside(self.client(), self.clock, keys),
        )


@pytest.fixture(scope="session")
def keys() -> KeySet:
    return signing_keys(None)


@pytest.fixture(scope="session")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    hasher = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    path = tmp_path_factory.mktemp("accounts") / "users.toml"
    path.write_text(
        "".join(
            f'[{name}]\nname = "{name.title()}"\npassword = "{hasher.hash(password)}"\n'
            for name, password in PASSWORDS.items()
        )
    )
    return path


@pytest.fixture
def world(keys: KeySet, users: Path) -> World:
    """The authorization server as it is by default: with the service's hosted page."""
    return World(keys, users)


@pytest.fixture
def own_world(keys: KeySet, users: Path) -> World:
    """The authorization server with a waiting page of its own."""
    return World(keys, users, page="own")


def _nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"unexpected request to {request.url.host}")
