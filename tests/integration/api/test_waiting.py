"""`wait=`: held until something changes, never longer, and never in the way of others."""

import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.adapters.wakeup_memory import MemoryWakeUp
from mfa_service.app import create_app, services_of
from mfa_service.settings import Settings
from mfa_service.wiring import Ports
from tests.support.patience import until
from tests.support.phone import PinKey
from tests.support.ports import FakeSender, FrozenClock
from tests.support.world import ISSUER, MASTER_KEYS, Api, World, close

SOON = 15  # seconds after which a thread counts as stuck; half of what it was asked to wait
A_PLACE: Any = MemoryWakeUp(1).subscribe("topic")
FCM = {"provider": "fcm", "token": "t"}
Waiter = Callable[[World, dict[str, Any]], "Future[dict[str, Any]]"]


def waiting() -> int:
    """Return how many threads have read what they look at and stand waiting for a change."""
    code = type(A_PLACE).wait.__code__
    stacks = [traceback.walk_stack(frame) for frame in sys._current_frames().values()]
    return sum(any(frame.f_code is code for frame, _ in stack) for stack in stacks)


def read(api: Api, challenge: dict[str, Any], wait: int = 30) -> dict[str, Any]:
    response = api.get(f"/v1/challenges/{challenge['id']}?wait={wait}")
    assert response.status_code == 200, response.text
    return dict(response.get_json())


@pytest.fixture
def waiter() -> Iterator[Waiter]:
    """Return a function that reads a challenge in a thread and returns once it waits."""
    with ThreadPoolExecutor(4) as pool:

        def start(world: World, challenge: dict[str, Any]) -> "Future[dict[str, Any]]":
            before = waiting()
            reading = pool.submit(read, world.client(), challenge)
            until(lambda: waiting() > before)
            return reading

        yield start


def cancelled(world: World, challenge: dict[str, Any]) -> None:
    world.client().call("DELETE", f"/v1/challenges/{challenge['id']}")


def answered_wrongly(world: World, challenge: dict[str, Any]) -> None:
    world.client().answer(challenge["id"], "totp", "")


def answered_wrongly_by_recovery_code(world: World, challenge: dict[str, Any]) -> None:
    world.client().answer(challenge["id"], "recovery_code", "")


def delivered(world: World, _: dict[str, Any]) -> None:
    world.services.outbox.deliver()


CHANGES = {
    "cancelled": (cancelled, ("cancelled", 5, "queued")),
    "attempts_left": (answered_wrongly, ("pending", 4, "queued")),
    "a method not offered": (answered_wrongly_by_recovery_code, ("pending", 4, "queued")),
    "push.state": (delivered, ("pending", 5, "accepted")),
}


@pytest.mark.parametrize(("change", "after"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_made_by_another_thread_ends_the_wait(
    any_world: World, waiter: Waiter, change: Any, after: tuple[str, int, str]
) -> None:
    any_world.phone(push=FCM)
    any_world.totp(reason="test")
    challenge = any_world.client().challenge()
    reading = waiter(any_world, challenge)
    change(any_world, challenge)
    found = reading.result(SOON)
    assert (found["status"], found["attempts_left"], found["push"]["state"]) == after


@pytest.mark.parametrize("decision", ["approve", "deny", "report_fraud"])
def test_the_phones_decision_ends_the_wait(world: World, waiter: Waiter, decision: str) -> None:
    pin = PinKey()
    phone = world.phone(pin=pin)
    challenge = world.client().challenge()
    reading = waiter(world, challenge)
    asked = world.fetch(phone, challenge["id"])
    code = challenge["display_code"]
    world.send(phone, challenge["id"], phone.answer(asked, decision, code=code, pin=pin))
    assert reading.result(SOON)["status"] == ("satisfied" if decision == "approve" else "denied")


def test_a_right_code_ends_the_wait_with_the_result(world: World, waiter: Waiter) -> None:
    totp, api = world.totp(), world.client()
    challenge = api.challenge()
    reading = waiter(world, challenge)
    api.answer(challenge["id"], "totp", totp.next())
    assert reading.result(SOON)["result_token"]


def test_every_waiter_is_told(world: World, waiter: Waiter) -> None:
    world.totp()
    challenge = world.client().challenge()
    readings = [waiter(world, challenge) for _ in range(3)]
    cancelled(world, challenge)
    assert [reading.result(SOON)["status"] for reading in readings] == ["cancelled"] * 3


def test_a_change_of_another_challenge_ends_no_wait(world: World, waiter: Waiter) -> None:
    world.totp()
    api = world.client()
    mine, other = api.challenge(), api.challenge()
    reading = waiter(world, mine)
    cancelled(world, other)
    assert not reading.done()
    assert world.services.wake_up.topics() == (f"challenge:{mine['id']}",)
    cancelled(world, mine)
    assert reading.result(SOON)["status"] == "cancelled"


@pytest.mark.parametrize("status", ["cancelled", "satisfied", "expired", "failed"])
def test_a_final_challenge_is_answered_at_once(world: World, status: str) -> None:
    totp, api = world.totp(), world.client()
    challenge = api.challenge()
    if status == "cancelled":
        cancelled(world, challenge)
    elif status == "satisfied":
        api.answer(challenge["id"], "totp", totp.next())
    elif status == "expired":
        world.clock.advance(120)
    else:
        for _ in range(5):
            answered_wrongly(world, challenge)
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(read, world.client(), challenge).result(SOON)
    assert found["status"] == status


def test_without_a_change_the_challenge_is_answered_when_the_time_is_up(world: World) -> None:
    world.totp()
    api = world.client()
    challenge = api.challenge()
    assert read(api, challenge, 1) == challenge
    assert read(api, challenge, 0) == challenge
    assert world.services.wake_up.topics() == ()


def test_a_wait_ends_at_the_expiry_of_the_challenge(world: World, waiter: Waiter) -> None:
    world.totp()
    challenge = world.client().challenge(expires_in=30)
    world.clock.at = challenge["expires_at"] - 1
    reading = waiter(world, challenge)
    world.clock.at = challenge["expires_at"]
    assert reading.result(SOON)["status"] == "expired"


def test_a_waiter_holds_no_database_connection(any_world: World, waiter: Waiter) -> None:
    any_world.totp()
    challenge = any_world.client().challenge()
    reading = waiter(any_world, challenge)
    lending = any_world.services.foundation.work.lending
    until(lambda: lending.lent == 0)
    cancelled(any_world, challenge)
    assert reading.result(SOON)["status"] == "cancelled"


@pytest.fixture
def small_world(sqlite_url: str) -> Iterator[World]:
    """Return a service where one may wait at a time."""
    environ = {"MFA_DATABASE_URL": sqlite_url, "MFA_MASTER_KEYS": MASTER_KEYS}
    clock, senders = FrozenClock(), {"fcm": FakeSender("fcm")}
    settings = Settings.load({**environ, "MFA_ISSUER": ISSUER})
    app = create_app(settings, Ports(clock, SystemRandomness(), senders, waiting_threads=1))
    services_of(app).foundation.keys.ensure()
    made = World(app, clock, senders)
    yield made
    close(made)


def test_when_no_place_is_left_the_answer_comes_at_once(small_world: World, waiter: Waiter) -> None:
    small_world.totp()
    api = small_world.client()
    held, other = api.challenge(), api.challenge()
    reading = waiter(small_world, held)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(read, api, other).result(SOON)["status"] == "pending"
    assert not reading.done()
    cancelled(small_world, held)
    reading.result(SOON)
    reading = waiter(small_world, other)
    cancelled(small_world, other)
    assert reading.result(SOON)["status"] == "cancelled"


@pytest.mark.parametrize("seen", [False, True], ids=["not seen before", "seen before"])
def test_the_watcher_tells_of_what_another_process_changed(
    two_worlds: tuple[World, World], waiter: Waiter, *, seen: bool
) -> None:
    here, there = two_worlds
    here.totp()
    api = here.client()
    challenge = api.challenge()
    reading = waiter(here, challenge)
    if seen:
        here.services.watcher.look()
    theirs = Api(there.app, api.token, api.client_id, api.secret)
    theirs.call("DELETE", f"/v1/challenges/{challenge['id']}")
    assert not reading.done()
    here.services.watcher.look()
    assert reading.result(SOON)["status"] == "cancelled"


def test_the_watcher_tells_of_attempts_and_pushes_of_another_process(
    two_worlds: tuple[World, World], waiter: Waiter
) -> None:
    here, there = two_worlds
    here.phone(push=FCM)
    challenge = here.client().challenge()
    reading = waiter(here, challenge)
    here.services.watcher.look()
    there.services.outbox.deliver()
    here.services.watcher.look()
    assert reading.result(SOON)["push"]["state"] == "accepted"


def test_the_watcher_reads_nothing_when_nobody_waits(world: World) -> None:
    close(world)
    world.services.watcher.look()
    assert world.services.wake_up.topics() == ()
