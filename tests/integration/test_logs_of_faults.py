"""Faults of our own: the caller gets a problem, the log gets type and place, nobody a secret."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.app import create_app, services_of
from mfa_service.domain.ports import PushMessage
from mfa_service.observability.logs import JsonLines
from mfa_service.services.loops import Loop
from mfa_service.settings import Settings
from mfa_service.wiring import Ports
from tests.support.ports import FakeSender, FrozenClock
from tests.support.remote import environment
from tests.support.world import World, close

SECRET = "hunter2-in-an-exception"


class Treacherous(Exception):
    """Carries what somebody typed in its text, its arguments and its notes."""

    def __init__(self) -> None:
        super().__init__(SECRET, {"code": SECRET})
        self.add_note(SECRET)


@dataclass
class FaultyRandomness(SystemRandomness):
    """Chance that fails when told to."""

    faulty: bool = False

    def digits(self, count: int) -> str:
        if self.faulty:
            try:
                raise Treacherous
            except Treacherous as cause:
                raise RuntimeError(SECRET) from cause
        return super().digits(count)


@dataclass
class FaultySender(FakeSender):
    """A provider whose library fails for some, with the address in its text."""

    tried: threading.Event = field(default_factory=threading.Event)

    def send(self, message: PushMessage) -> None:
        self.tried.set()
        if SECRET in str(message.address):
            raise Treacherous
        super().send(message)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Lend what the service logs in its own format."""
    written, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def chance() -> FaultyRandomness:
    return FaultyRandomness()


@pytest.fixture
def sender() -> FaultySender:
    return FaultySender("fcm")


@pytest.fixture
def frail(sqlite_url: str, chance: FaultyRandomness, sender: FaultySender) -> Iterator[World]:
    """Lend a service whose ports can fail."""
    clock = FrozenClock()
    app = create_app(Settings.load(environment(sqlite_url)), Ports(clock, chance, {"fcm": sender}))
    services_of(app).foundation.keys.ensure()
    world = World(app, clock, {})
    yield world
    close(world)


def lines(written: io.StringIO, level: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in written.getvalue().splitlines()]
    return [line for line in found if line["level"] == level]


def test_a_fault_is_answered_without_its_text(frail: World, chance: FaultyRandomness) -> None:
    frail.totp()
    chance.faulty = True
    answer = frail.client().post("/v1/challenges", {"sub": "alice"})
    problem = answer.get_json()
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert problem["type"].endswith("/problems/internal")
    assert problem["instance"] == answer.headers["X-Request-Id"]
    assert SECRET not in answer.text


def test_a_fault_is_logged_by_type_and_place_under_its_request(
    frail: World, chance: FaultyRandomness, logged: io.StringIO
) -> None:
    frail.totp()
    chance.faulty = True
    answer = frail.client().post("/v1/challenges", {"sub": "alice"})
    (fault,) = lines(logged, "error")
    assert (fault["exception"], fault["request_id"]) == (
        "RuntimeError",
        answer.headers["X-Request-Id"],
    )
    assert any(place.startswith("digits:") for place in fault["where"])
    assert SECRET not in logged.getvalue()


def test_a_fault_under_a_key_is_not_kept(frail: World, chance: FaultyRandomness) -> None:
    frail.totp()
    keyed = {"Idempotency-Key": "k"}
    chance.faulty = True
    first = frail.client().post("/v1/challenges", {"sub": "alice"}, headers=keyed)
    chance.faulty = False
    second = frail.client().post("/v1/challenges", {"sub": "alice"}, headers=keyed)
    assert (first.status_code, second.status_code) == (500, 201)


def test_a_fault_of_a_push_library_stays_in_the_background(
    frail: World, sender: FaultySender, logged: io.StringIO
) -> None:
    frail.phone(push={"provider": "fcm", "token": SECRET + "t" * 40})
    challenge = frail.client().challenge()
    loop = Loop("outbox", frail.services.outbox.deliver, seconds=0.01)
    loop.start()
    assert sender.tried.wait(30)
    loop.stop()
    loop.join(30)
    assert frail.client().read(challenge["id"])["status"] == "pending"
    assert {line["exception"] for line in lines(logged, "error")} == {"Treacherous"}
    assert SECRET not in logged.getvalue()


def test_a_fault_of_a_push_library_holds_up_nobody_else(frail: World, sender: FaultySender) -> None:
    for sub, token in (("alice", SECRET + "t" * 40), ("bob", "t" * 40)):
        frail.phone(sub, push={"provider": "fcm", "token": token})
        frail.client().challenge(sub)
    with suppress(Treacherous):
        frail.services.outbox.deliver()
    assert len(sender.sent) == 1
