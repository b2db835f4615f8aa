"""The subjects of a run, enrolled in this process before it: over HTTP that would take longer."""

import queue
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import pyotp

from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.app import create_app, services_of
from mfa_service.services import places
from mfa_service.services.clients import NewClient
from mfa_service.services.enrollment import EnrollmentRequest
from mfa_service.services.enrollment_rows import Enrollment
from mfa_service.services.tokens import Caller
from mfa_service.settings import Settings
from mfa_service.wiring import Ports, Services
from tests.support.authenticator import SoftAuthenticator
from tests.support.phone import Phone, PinKey

T = TypeVar("T")
_AGO = 300
_STEP = 30


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many subjects of each kind: TOTP secrets, phones, passkeys, sets of ten codes."""

    totp: int = 0
    phones: int = 0
    passkeys: int = 0
    sets: int = 0


@dataclass
class TotpHolder:
    """A subject with one TOTP secret; each code is later than the one before."""

    sub: str
    generator: pyotp.TOTP
    last_step: int = 0

    def code(self, now: float) -> str | None:
        """Return the earliest unused code that the server accepts, `None` if there is none."""
        earliest = int(now + 1) // _STEP - 1  # a second later it must still be in the window
        step = max(self.last_step + 1, earliest)
        if step > int(now) // _STEP + 1:
            return None
        self.last_step = step
        return self.generator.at(step * _STEP)


@dataclass(frozen=True, slots=True)
class People:
    """Who can be asked, and the client that asks; queues, so that nobody is asked twice at once."""

    client_id: str
    secret: str
    origin: str
    totp: "queue.SimpleQueue[TotpHolder]"
    phones: "queue.SimpleQueue[tuple[str, Phone]]"
    passkeys: "queue.SimpleQueue[tuple[str, SoftAuthenticator]]"
    codes: "queue.SimpleQueue[tuple[str, str]]"


class _Past:
    """A clock some minutes ago, so that the code spent by enrolling is none of today's."""

    def now(self) -> int:
        return int(time.time()) - _AGO


def enroll_people(settings: Settings, sizes: Sizes, *, push: str = "none") -> People:
    """Enroll everybody in the migrated database; `push` is the phones' provider."""
    app = create_app(settings, Ports(_Past(), SystemRandomness(), {}))
    services = services_of(app)
    services.foundation.keys.ensure()
    scopes = ("mfa:challenge", "mfa:enroll")
    registered = services.clients.add(NewClient(name="benchmark", scopes=scopes))
    enrolling = _Enrolling(services, Caller(registered.client, frozenset(scopes)), push)
    people = People(
        registered.client.id,
        registered.secret or "",
        settings.issuer,
        _queue(sizes.totp, enrolling.totp),
        _queue(sizes.phones, enrolling.phone),
        _queue(sizes.passkeys, enrolling.passkey),
        queue.SimpleQueue(),
    )
    for sub, codes in (enrolling.codes() for _ in range(sizes.sets)):
        for code in codes:
            people.codes.put((sub, code))
    services.foundation.work.engine.dispose()
    return people


class _Enrolling:
    """Enrolls one subject at a time through the use cases."""

    def __init__(self, services: Services, caller: Caller, push: str) -> None:
        self._services, self._caller, self._push = services, caller, push

    def totp(self) -> TotpHolder:
        sub, begun = self._start("totp")
        holder = TotpHolder(sub, pyotp.TOTP(str(begun.shown["secret"])))
        self._confirm(begun, code=holder.generator.at(self._now()))
        return holder

    def phone(self) -> tuple[str, Phone]:
        sub, begun = self._start("phone")
        phone = Phone(self._services.issuer, self._now, PinKey())
        address = {"provider": self._push} | ({"token": "t"} if self._push == "fcm" else {})
        claim = phone.claim(str(begun.shown["code"]), push=address)
        claimed = self._services.claiming.claim(claim)
        phone.device_id = claimed.device_id
        self._confirm(begun, check_code=claimed.check_code)
        phone.now = lambda: int(time.time())
        return sub, phone

    def passkey(self) -> tuple[str, SoftAuthenticator]:
        sub, begun = self._start("webauthn")
        key = SoftAuthenticator()
        options = cast("dict[str, Any]", begun.shown["publicKey"])
        credential = key.create(options, origin=self._services.issuer)
        self._confirm(begun, credential=credential)
        return sub, key

    def codes(self) -> tuple[str, list[str]]:
        sub, begun = self._start("recovery_codes")
        codes = begun.shown["codes"]
        return sub, list(codes) if isinstance(codes, list) else []

    def _start(self, kind: str) -> tuple[str, Enrollment]:
        sub = f"{kind}-{secrets.token_hex(6)}"
        request = EnrollmentRequest(sub=sub, type=kind)
        return sub, self._services.enrollment.start(self._caller, request)

    def _confirm(self, begun: Enrollment, **proof: object) -> None:
        place = places.api_of(self._services.foundation, self._caller.client)
        self._services.enrollment.confirm(self._caller, begun.id, proof, place=place)

    def _now(self) -> int:
        return self._services.foundation.clock.now()


def _queue(count: int, make: Callable[[], T]) -> "queue.SimpleQueue[T]":
    made: queue.SimpleQueue[T] = queue.SimpleQueue()
    for _ in range(count):
        made.put(make())
    return made
