"""The whole service in one process, as its callers see it: clients, phones, a clock to move."""

import json
from dataclasses import dataclass, field
from typing import Any

import pyotp
from flask import Flask
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.app import create_app, services_of
from mfa_service.domain.ports import LoginProvider
from mfa_service.persistence import schema
from mfa_service.persistence.base import standalone_engine
from mfa_service.persistence.retention import Retention
from mfa_service.persistence.unit_of_work import UnitOfWork
from mfa_service.services.clients import NewClient
from mfa_service.settings import Settings
from mfa_service.wiring import Ports, Services

from .keys import quick_key
from .phone import Phone, PinKey, claims_of
from .ports import FakeSender, FrozenClock

ISSUER = "http://localhost:8000"
AAL1, AAL2 = "urn:stepup:acr:aal1", "urn:stepup:acr:aal2"
MASTER_KEYS = "k1:" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
ALL_SCOPES = ("mfa:challenge", "mfa:enroll", "mfa:admin")


def migrated(database_url: str, *, at: int = FrozenClock().now()) -> None:
    """Bring a database's schema up to date, with partitions for a time."""
    engine: Engine = standalone_engine(database_url)
    schema.upgrade(engine)
    Retention(UnitOfWork(engine)).prepare(at=at)
    engine.dispose()


@dataclass
class Api:
    """One client calling the service; `token` is sent as bearer."""

    app: Flask
    token: str
    client_id: str
    secret: str

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        """Send a request; `body` as JSON unless it is bytes."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        return self.app.test_client().open(
            path, method=method, data=body, headers=headers, **options
        )

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, body, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def challenge(self, sub: str = "alice", **members: Any) -> dict[str, Any]:
        """Open a challenge and return it; fails unless it was opened."""
        response = self.post("/v1/challenges", {"sub": sub, **members})
        assert response.status_code == 201, response.text
        return dict(response.get_json())

    def read(self, challenge_id: str) -> dict[str, Any]:
        response = self.get(f"/v1/challenges/{challenge_id}")
        assert response.status_code == 200, response.text
        return dict(response.get_json())

    def answer(self, challenge_id: str, method: str, code: str, **members: Any) -> TestResponse:
        body = {"method": method, "code": code, **members}
        return self.post(f"/v1/challenges/{challenge_id}/answers", body)

    def enroll(self, sub: str = "alice", **members: Any) -> dict[str, Any]:
        """Start an enrollment and return it; fails unless it was started."""
        response = self.post("/v1/enrollments", {"sub": sub, **members})
        assert response.status_code == 201, response.text
        return dict(response.get_json())

    def confirm(self, enrollment: dict[str, Any], **body: Any) -> TestResponse:
        return self.post(f"/v1/enrollments/{enrollment['id']}/confirm", body)


@dataclass
class World:
    """The application with a clock that stands still and push providers that remember."""

    app: Flask
    clock: FrozenClock
    senders: dict[str, FakeSender]
    login: LoginProvider | None = None
    issuer: str = ISSUER
    _tokens: dict[str, Api] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        return services_of(self.app)

    def client(
        self,
        name: str = "as",
        scopes: tuple[str, ...] = ALL_SCOPES,
        **members: Any,
    ) -> Api:
        """Return a registered client with a fresh access token; one of a name is made once."""
        if name not in self._tokens:
            new = NewClient(name=name, scopes=scopes, **members)
            made = self.services.clients.add(new)
            self._tokens[name] = Api(self.app, "", made.client.id, made.secret or "")
        api = self._tokens[name]
        found = self.services.client_authentication.find(api.client_id)
        assert found is not None
        api.token = self.services.tokens.issue(found, scopes=(), resources=()).token
        return api

    def prior(self, age: int = 0) -> dict[str, Any]:
        """Return a password that the caller verified `age` seconds ago."""
        return {"amr": ["pwd"], "auth_time": self.clock.now() - age}

    def phone(
        self,
        sub: str = "alice",
        *,
        pin: PinKey | None = None,
        api: Api | None = None,
        push: dict[str, Any] | None = None,
        **members: Any,
    ) -> Phone:
        """Return an enrolled and confirmed phone."""
        api = api or self.client()
        enrollment = api.enroll(sub, type="phone", **members)
        phone = Phone(self.issuer, self.clock.now, pin)
        code = enrollment["uri"].rsplit("c=", 1)[1]
        claimed = self.claim(phone, code, **({"push": push} if push else {}))
        assert claimed.status_code == 201, claimed.text
        done = api.confirm(enrollment, check_code=claimed.get_json()["check_code"])
        assert done.status_code == 200, done.text
        return phone

    def claim(self, phone: Phone, code: str, **changed: Any) -> TestResponse:
        """Send a claim; a successful one gives the phone its device id."""
        response = self.app.test_client().post(
            "/v1/device/enrollments/claim",
            data=phone.claim(code, **changed),
            content_type="application/jose",
        )
        if response.status_code == 201:
            phone.device_id = response.get_json()["device_id"]
        return response

    def device(
        self, phone: Phone, method: str, path: str, body: Any = None, **changed: Any
    ) -> TestResponse:
        """Send a signed request of a phone; `body` is JSON, or a JWS if it is a text."""
        raw, media = b"", None
        if isinstance(body, str):
            raw, media = body.encode(), "application/jose"
        elif body is not None:
            raw, media = json.dumps(body).encode(), "application/json"
        headers = {"Authorization": phone.authorization(method, path, raw, **changed)}
        return self.app.test_client().open(
            path, method=method, data=raw or None, content_type=media, headers=headers
        )

    def fetch(self, phone: Phone, challenge_id: str) -> dict[str, Any]:
        """Return the claims of one challenge JWS."""
        response = self.device(phone, "GET", f"/v1/device/challenges/{challenge_id}")
        assert response.status_code == 200, response.text
        return claims_of(response.get_json()["challenge"])

    def send(self, phone: Phone, challenge_id: str, token: str) -> TestResponse:
        """Send an answer JWS."""
        return self.device(phone, "POST", f"/v1/device/challenges/{challenge_id}/answer", token)

    def approve(
        self, phone: Phone, challenge: dict[str, Any], *, pin: PinKey | None = None, **more: Any
    ) -> TestResponse:
        """Fetch a challenge and approve it with its display code (or the `code` given)."""
        asked = self.fetch(phone, challenge["id"])
        code = more.pop("code", challenge["display_code"])
        return self.send(phone, challenge["id"], phone.answer(asked, code=code, pin=pin, **more))

    def totp(self, sub: str = "alice", *, api: Api | None = None, **members: Any) -> "Totp":
        """Return an enrolled and confirmed TOTP authenticator."""
        api = api or self.client()
        enrollment = api.enroll(sub, type="totp", **members)
        totp = Totp(self, pyotp.TOTP(enrollment["secret"]))
        done = api.confirm(enrollment, code=totp.code())
        assert done.status_code == 200, done.text
        totp.id = done.get_json()["authenticator"]["id"]
        return totp

    def recovery_codes(self, sub: str = "alice", **members: Any) -> list[str]:
        """Return the ten codes of a new set."""
        return list(self.client().enroll(sub, type="recovery_codes", **members)["codes"])

    def step_up(self, phone: Phone, sub: str = "alice", *, api: Api | None = None) -> str:
        """Return the id of a satisfied `manage` challenge at the phone's full level."""
        api = api or self.client()
        challenge = api.challenge(sub, purpose="manage")
        response = self.approve(phone, challenge, pin=phone.pin)
        assert response.status_code == 200, response.text
        return str(challenge["id"])


@dataclass
class Totp:
    """A TOTP authenticator of the world."""

    world: World
    generator: pyotp.TOTP
    id: str = ""

    @classmethod
    def of_secret(cls, world: World, secret: str) -> "Totp":
        """Return the generator of an enrollment's secret, confirmed or not."""
        return cls(world, pyotp.TOTP(secret))

    def code(self, steps: int = 0) -> str:
        """Return the code `steps` time steps from now."""
        return self.generator.at(self.world.clock.now() + 30 * steps)

    def next(self) -> str:
        """Move the clock by one step and return the code of then: one that was never used."""
        self.world.clock.advance(30)
        return self.code()

    def wrong(self) -> str:
        """Return a code that is right nowhere in the window."""
        near = {self.code(steps) for steps in range(-2, 3)}
        return next(code for code in (f"{n:06}" for n in range(100)) if code not in near)


def make_world(database_url: str, login: LoginProvider | None = None, /, **environ: str) -> World:
    """Return a world over a migrated database; call `close` when done.

    `login` stands in for the login issuer, if `environ` names one.
    """
    settings = Settings.load(
        {
            "MFA_DATABASE_URL": database_url,
            "MFA_MASTER_KEYS": MASTER_KEYS,
            "MFA_ISSUER": ISSUER,
            **environ,
        }
    )
    clock = FrozenClock()
    senders = {name: FakeSender(name) for name in ("fcm", "webpush")}
    app = create_app(settings, Ports(clock, SystemRandomness(), senders, login, new_key=quick_key))
    services_of(app).foundation.keys.ensure()
    return World(app, clock, senders, login)


def close(world: World) -> None:
    """Give the database back."""
    world.services.foundation.work.engine.dispose()
