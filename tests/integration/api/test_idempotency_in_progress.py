"""A second request under a key while the first still runs, and many at the same moment."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.app import create_app, services_of
from mfa_service.settings import Settings
from mfa_service.wiring import Ports
from tests.support.ports import FrozenClock
from tests.support.problems import problem
from tests.support.racing import race, statuses
from tests.support.world import ISSUER, MASTER_KEYS, Api, World, close

BODY, HEADERS = {"sub": "alice"}, {"Idempotency-Key": "held"}
_SECONDS = 30


class HeldRandomness(SystemRandomness):
    """Lets a challenge be drafted only when `free` is set; `drafting` tells that one began."""

    def __init__(self) -> None:
        self.free, self.drafting = threading.Event(), threading.Event()

    def digits(self, count: int) -> str:
        self.drafting.set()
        assert self.free.wait(_SECONDS)
        return super().digits(count)


@pytest.fixture
def held() -> HeldRandomness:
    return HeldRandomness()


@pytest.fixture
def held_world(sqlite_url: str, held: HeldRandomness) -> Iterator[World]:
    """Return a service that stops where it draws the display code."""
    environ = {"MFA_DATABASE_URL": sqlite_url, "MFA_MASTER_KEYS": MASTER_KEYS}
    clock = FrozenClock()
    settings = Settings.load({**environ, "MFA_ISSUER": ISSUER})
    app = create_app(settings, Ports(clock, held, {}))
    services_of(app).foundation.keys.ensure()
    made = World(app, clock, {})
    made.totp("alice")
    held.drafting.clear()
    yield made
    held.free.set()
    close(made)


def open_held(api: Api) -> TestResponse:
    return api.post("/v1/challenges", BODY, headers=HEADERS)


def challenges(world: World) -> int:
    with world.services.foundation.work.reading() as tx:
        return int(tx.scalar(text("SELECT count(*) FROM challenge")) or 0)


def test_the_second_gets_the_finished_answer_if_the_first_ends_in_time(
    held_world: World, held: HeldRandomness
) -> None:
    api = held_world.client()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(open_held, api)
        assert held.drafting.wait(_SECONDS)
        second = pool.submit(open_held, api)
        held.free.set()
        answers = [first.result(_SECONDS), second.result(_SECONDS)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].data == answers[1].data
    assert challenges(held_world) == 1


def test_the_second_is_409_while_the_first_still_runs_and_another_body_422(
    held_world: World, held: HeldRandomness
) -> None:
    api = held_world.client()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(open_held, api)
        assert held.drafting.wait(_SECONDS)
        other = api.post("/v1/challenges", {"sub": "bob"}, headers=HEADERS)
        assert other.get_json()["type"].endswith("/idempotency-key-reused")
        problem(open_held(api), 409, "idempotency-in-progress")
        held.free.set()
        done = first.result(_SECONDS)
    assert open_held(api).data == done.data
    assert challenges(held_world) == 1


def test_of_many_at_the_same_moment_one_runs_and_all_get_its_answer(any_world: World) -> None:
    any_world.totp("alice")
    api = any_world.client()
    answers = race([lambda: open_held(api)] * 6)
    assert statuses(answers) == {201: 6}
    assert len({answer.data for answer in answers}) == 1
    assert challenges(any_world) == 1


def test_a_wrong_answer_sent_many_times_under_one_key_costs_one_attempt(any_world: World) -> None:
    any_world.totp("alice")
    api = any_world.client()
    opened = api.challenge()
    path = f"/v1/challenges/{opened['id']}/answers"
    wrong = {"method": "totp", "code": ""}
    answers = race([lambda: api.post(path, wrong, headers=HEADERS)] * 6)
    assert statuses(answers) == {403: 6}
    assert api.read(opened["id"])["attempts_left"] == 4
