"""A service and its directory, and what a client of the directory does."""

from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from mfa_service.adapters.ldap_directory import LdapDirectory
from mfa_service.settings_ldap import LdapReader

from .clients import basic, token_request
from .slapd import Slapd
from .world import World

SECRET = "a secret, with spaces & ümlauts: kept"


@dataclass
class Staff:
    """A directory, the service over it, and the client `svc` with the DN `entry`."""

    server: Slapd
    world: World
    entry: str

    def ask(self, client_id: str = "svc", secret: str = SECRET, **form: str) -> TestResponse:
        """Ask for a token with a secret."""
        return ask(self.world, client_id, secret, **form)

    def reads(self, token: str) -> int:
        """Return the status of reading a challenge that nobody opened: 404 with mfa:challenge."""
        return self._get(token, "/v1/challenges/chl_nobodys")

    def looks_up(self, token: str) -> int:
        """Return the status of looking up a user: 200 with mfa:enroll."""
        return self._get(token, "/v1/users?sub=alice")

    def token(self) -> str:
        """Return a fresh token of `svc`."""
        return str(granted(self.ask())["access_token"])

    def _get(self, token: str, path: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return self.world.app.test_client().get(path, headers=headers).status_code


def staff(server: Slapd, world: World) -> Staff:
    """Return the two with one client that may open challenges."""
    entry = server.account("svc", SECRET, description="Login of the shop")
    server.group("openers", entry)
    return Staff(server, world, entry)


def ask(world: World, client_id: str, secret: str, **form: str) -> TestResponse:
    """Ask for a token by `client_secret_basic`."""
    return token_request(world, form, basic(client_id, secret))


def granted(answer: TestResponse) -> dict[str, Any]:
    """Return what a token was granted with."""
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def directory_of(env: dict[str, str]) -> LdapDirectory:
    """Return the adapter that these settings make."""
    faults: list[str] = []
    settings = LdapReader(env, lambda name, text: faults.append(f"{name}: {text}")).read()
    assert settings is not None
    assert faults == []
    return LdapDirectory(settings.server, settings.mapping)
