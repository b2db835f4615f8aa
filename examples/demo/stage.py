"""Set the stage: every program on a loopback port of its own."""

import base64
import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from examples.authorization_server.hosted_page import RETURN_PATH
from examples.authorization_server.service_calls import ServiceCalls
from examples.demo.processes import ROOT, Processes, free_port, run, script
from examples.demo.story import expect

HOST = "http://localhost"
CLIENT_NAME = "Example sign-in"
ACCOUNT_CLIENT = "stepup-account"


@dataclass(slots=True)
class Stage:
    """Addresses and secrets of one run. Passkeys need a name: `127.0.0.1` would have none."""

    folder: Path
    processes: Processes
    service: str = field(default_factory=lambda: f"{HOST}:{free_port()}")
    server: str = field(default_factory=lambda: f"{HOST}:{free_port()}")
    shop: str = field(default_factory=lambda: f"{HOST}:{free_port()}")
    page: str = field(default_factory=lambda: f"{HOST}:{free_port()}")
    tour: str = field(default_factory=lambda: f"{HOST}:{free_port()}")
    shop_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    account_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    client: dict[str, str] = field(default_factory=dict, repr=False)
    master_key: str = field(
        default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode(), repr=False
    )

    def start_service(self) -> tuple[str, ...]:
        """Make the database and serve."""
        run([script("mfa"), "db", "upgrade"], environment=self._service_env(), at=self.folder)
        command = [script("mfa"), "serve", "--host", "127.0.0.1", "--port", port_of(self.service)]
        self.processes.start(
            "service",
            command,
            environment=self._service_env(),
            at=self.folder,
            ready=f"{self.service}/readyz",
        )
        return (self.service,)

    def add_client(self) -> tuple[str, ...]:
        """Register the authorization server with the running service."""
        scope = "mfa:challenge mfa:enroll"
        command = [script("mfa"), "client", "add", CLIENT_NAME, "--scope", scope, "--json"]
        places = ["--redirect-uri", self.server + RETURN_PATH, "--origin", self.server]
        printed = run([*command, *places], environment=self._service_env(), at=self.folder)
        self.client = json.loads(printed)
        expect("name of the client", self.client["name"], CLIENT_NAME)
        return (f"{self.client['client_id']} may: {scope}",)

    @contextmanager
    def calls(self) -> Iterator[ServiceCalls]:
        """Give a caller of the service's API, as any program of the client is one."""
        with httpx.Client(trust_env=False, timeout=10) as http:
            yield ServiceCalls(
                http,
                issuer=self.service,
                now=lambda: int(time.time()),
                client_id=self.client["client_id"],
                client_secret=self.client["client_secret"],
            )

    def start_server(self) -> tuple[str, ...]:
        """Serve the example authorization server."""
        name = "authorization server"
        self._start(name, "examples.authorization_server", self.server, self._server_env())
        return (self.server,)

    def _server_env(self) -> dict[str, str]:
        return {
            "AS_PORT": port_of(self.server),
            "AS_ISSUER": self.server,
            "AS_CLIENT_SECRET": self.shop_secret,
            "AS_REDIRECT_URIS": f"{self.shop}/callback",
            "AS_API_AUDIENCE": f"{self.shop}/api",
            "AS_SELF_SERVICE_PAGE": self.page,
            "AS_ACCOUNT_CLIENT_SECRET": self.account_secret,
            "STEPUP_ISSUER": self.service,
            "STEPUP_CLIENT_ID": self.client["client_id"],
            "STEPUP_CLIENT_SECRET": self.client["client_secret"],
        }

    def start_shop(self) -> tuple[str, ...]:
        """Serve the example relying party."""
        environment = {
            "SHOP_PORT": port_of(self.shop),
            "SHOP_ADDRESS": self.shop,
            "SHOP_AS_ISSUER": self.server,
            "SHOP_CLIENT_SECRET": self.shop_secret,
        }
        self._start("relying party", "examples.relying_party", self.shop, environment)
        return (self.shop,)

    def start_page(self) -> tuple[str, ...]:
        """Serve the single-page application for self-service."""
        environment = {
            "SPA_PORT": port_of(self.page),
            "SPA_ADDRESS": self.page,
            "SPA_AS_ISSUER": self.server,
            "SPA_STEPUP_ISSUER": self.service,
        }
        self._start("self-service page", "examples.self_service_spa", self.page, environment)
        return (self.page,)

    def start_tour(self, phone: str = "mobile-stub") -> tuple[str, ...]:
        """Serve the page that leads through everything by hand; `phone` is how one calls it."""
        environment = {
            "TOUR_PORT": port_of(self.tour),
            "TOUR_ADDRESS": self.tour,
            "TOUR_SERVICE": self.service,
            "TOUR_SERVER": self.server,
            "TOUR_SHOP": self.shop,
            "TOUR_PAGE": self.page,
            "TOUR_PHONE": phone,
        }
        self._start("tour", "examples.tour", self.tour, environment)
        return (self.tour,)

    def _start(self, name: str, module: str, address: str, environment: dict[str, str]) -> None:
        self.processes.start(
            name,
            [sys.executable, "-m", module],
            environment=environment,
            at=ROOT,
            ready=f"{address}/healthz",
        )

    def _service_env(self) -> dict[str, str]:
        return self._places() | {
            "MFA_DATABASE_URL": f"sqlite:///{self.folder / 'mfa.db'}",
            "MFA_MASTER_KEYS": f"demo:{self.master_key}",
        }

    def _places(self) -> dict[str, str]:
        """Return who the service is, whose scripts may call it, and where people sign in."""
        return {
            "MFA_ISSUER": self.service,
            "MFA_ORIGINS": f"{self.service},{self.page}",
            "MFA_LOGIN_ISSUER": self.server,
            "MFA_LOGIN_CLIENT_ID": ACCOUNT_CLIENT,
            "MFA_LOGIN_CLIENT_SECRET": self.account_secret,
        }


def port_of(address: str) -> str:
    """Return the port of one of our addresses."""
    return address.rpartition(":")[2]
