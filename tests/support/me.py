"""People who call `/v1/me` with a token of the login issuer, and a world where they can."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyotp
from werkzeug.test import TestResponse

from tests.support.phone import Phone, PinKey
from tests.support.ports import FakeLogin
from tests.support.world import ISSUER, Api, Totp, World, close, make_world

ORIGIN = "http://localhost:5173"
LOGIN = {
    "MFA_LOGIN_ISSUER": "https://login.example",
    "MFA_LOGIN_CLIENT_ID": "mfa",
    "MFA_ORIGINS": f"{ISSUER},{ORIGIN}",
}


@dataclass
class Person(Api):
    """Somebody who calls for themselves: paths are given below `/v1/me`."""

    sub: str = ""

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        below = path.removeprefix("/v1")
        return super().call(method, f"/v1/me{below}", body, **options)

    def me(self) -> dict[str, Any]:
        response = self.call("GET", "")
        assert response.status_code == 200, response.text
        return dict(response.get_json())

    def challenge(self, sub: str = "", **members: Any) -> dict[str, Any]:
        """Open a challenge and return it; fails unless it was opened."""
        response = self.post("/v1/challenges", members)
        assert response.status_code == 201, response.text
        return dict(response.get_json())

    def enroll(self, sub: str = "", **members: Any) -> dict[str, Any]:
        """Start an enrollment and return it; fails unless it was started."""
        response = self.post("/v1/enrollments", members)
        assert response.status_code == 201, response.text
        return dict(response.get_json())


@dataclass
class PeoplesWorld:
    """A world with a login issuer that vouches for whoever a test names."""

    world: World
    login: FakeLogin

    def person(self, sub: str = "alice", scope: str = "openid mfa:self") -> Person:
        """Return a person with an access token."""
        token = f"token-{len(self.login.tokens)}"
        self.login.tokens[token] = {"sub": sub, "scope": scope}
        return Person(self.world.app, token, "", "", sub)

    def totp(self, person: Person, **members: Any) -> Totp:
        """Return a TOTP authenticator that the person added."""
        enrollment = person.enroll(type="totp", **members)
        totp = Totp(self.world, pyotp.TOTP(enrollment["secret"]))
        done = person.confirm(enrollment, code=totp.code())
        assert done.status_code == 200, done.text
        totp.id = done.get_json()["authenticator"]["id"]
        return totp

    def phone(self, person: Person, pin: PinKey | None = None, **members: Any) -> Phone:
        """Return a phone that the person added."""
        return self.world.phone(person.sub, api=person, pin=pin, **members)

    def step_up(self, person: Person, totp: Totp) -> str:
        """Return the id of a satisfied `manage` challenge."""
        challenge = person.challenge(purpose="manage")
        answered = person.answer(challenge["id"], "totp", totp.next())
        assert answered.get_json()["status"] == "satisfied", answered.text
        return str(challenge["id"])


@contextmanager
def peoples_world(database_url: str, **environ: str) -> Iterator[PeoplesWorld]:
    """Yield a world over a migrated database whose people can call `/v1/me`."""
    login = FakeLogin()
    made = make_world(database_url, login, **{**LOGIN, **environ})
    yield PeoplesWorld(made, login)
    close(made)
