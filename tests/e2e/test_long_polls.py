"""Long polls over two workers: woken by what happens in the other, in nobody's way."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.phone import Phone, claims_of
from tests.support.world import World

WAIT = 25
TO_GET_GOING = 0.7
Start = Callable[[Callable[[], TestResponse]], Future[TestResponse]]


@pytest.fixture
def waiting() -> Iterator[Start]:
    """Lend a way to send requests that will wait."""
    with ThreadPoolExecutor(64) as pool:
        yield pool.submit


def within_its_wait(future: Future[TestResponse], since: float) -> dict[str, Any]:
    """Return the answer of a poll that was woken, not one that ran out of time."""
    answer = future.result(timeout=2 * WAIT)
    assert answer.status_code == 200, answer.text
    assert time.monotonic() - since < WAIT
    return dict(answer.get_json())


def poll(world: World, challenge: dict[str, Any]) -> Callable[[], TestResponse]:
    return partial(world.client().get, f"/v1/challenges/{challenge['id']}?wait={WAIT}")


def phone_poll(world: World, phone: Phone, known: str = "") -> Callable[[], TestResponse]:
    path = f"/v1/device/challenges?wait={WAIT}" + (f"&known={known}" if known else "")
    return partial(world.device, phone, "GET", path)


def test_polls_in_both_workers_are_woken_by_one_answer(
    workers: World, sub: str, waiting: Start
) -> None:
    phone, api = workers.phone(sub), workers.client()
    challenge = api.challenge(sub)
    started = time.monotonic()
    polls = [waiting(poll(workers, challenge)) for _ in range(8)]
    time.sleep(TO_GET_GOING)
    assert workers.approve(phone, challenge).status_code == 200
    seen = {within_its_wait(future, started)["status"] for future in polls}
    assert seen == {"satisfied"}


def test_a_poll_is_woken_by_a_wrong_answer(workers: World, sub: str, waiting: Start) -> None:
    totp, api = workers.totp(sub), workers.client()
    challenge = api.challenge(sub)
    started = time.monotonic()
    polls = [waiting(poll(workers, challenge)) for _ in range(4)]
    time.sleep(TO_GET_GOING)
    assert api.answer(challenge["id"], "totp", totp.wrong()).status_code == 403
    seen = {within_its_wait(future, started)["attempts_left"] for future in polls}
    assert seen == {4}


def test_a_phone_is_woken_by_a_new_challenge(workers: World, sub: str, waiting: Start) -> None:
    phone, api = workers.phone(sub), workers.client()
    started = time.monotonic()
    polls = [waiting(phone_poll(workers, phone)) for _ in range(4)]
    time.sleep(TO_GET_GOING)
    challenge = api.challenge(sub)
    for future in polls:
        (token,) = within_its_wait(future, started)["challenges"]
        assert claims_of(token)["challenge_id"] == challenge["id"]


def test_a_phone_is_woken_when_a_challenge_it_knows_ends(
    workers: World, sub: str, waiting: Start
) -> None:
    phone, api = workers.phone(sub), workers.client()
    challenge = api.challenge(sub)
    started = time.monotonic()
    polls = [waiting(phone_poll(workers, phone, challenge["id"])) for _ in range(4)]
    time.sleep(TO_GET_GOING)
    assert api.call("DELETE", f"/v1/challenges/{challenge['id']}").status_code == 204
    assert [within_its_wait(future, started) for future in polls] == [{"challenges": []}] * 4


def test_sixty_polls_leave_room_for_other_calls(workers: World, sub: str, waiting: Start) -> None:
    phone, api = workers.phone(sub), workers.client()
    challenge = api.challenge(sub)
    started = time.monotonic()
    polls = [waiting(poll(workers, challenge)) for _ in range(60)]
    time.sleep(TO_GET_GOING)
    others = [api.get(f"/v1/challenges/{challenge['id']}") for _ in range(20)]
    still_waiting = sum(not future.done() for future in polls)
    assert {other.status_code for other in others} == {200}
    assert still_waiting == 60
    workers.approve(phone, challenge)
    seen = {within_its_wait(future, started)["status"] for future in polls}
    assert seen == {"satisfied"}
