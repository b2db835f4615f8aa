"""A phone without push waits for challenges (contract section 6, `wait` and `known`)."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.support.phone import Phone, claims_of
from tests.support.world import World


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def waiting(world: World, phone: Phone, known: str = "") -> Callable[[], list[str]]:
    """Return a call that waits up to 30 s for the phone's challenges and returns their ids."""

    def wait() -> list[str]:
        path = f"/v1/device/challenges?wait=30&known={known}"
        found = world.device(phone, "GET", path).get_json()["challenges"]
        return [claims_of(token)["challenge_id"] for token in found]

    return wait


def once_waiting(world: World, started: Future[list[str]]) -> None:
    """Return when the call has taken its place."""
    while not world.services.wake_up.topics() and not started.done():
        pass
    assert not started.done()


def test_a_phone_that_waits_is_told_of_a_new_challenge(
    world: World, aside: ThreadPoolExecutor
) -> None:
    phone = world.phone()
    found = aside.submit(waiting(world, phone))
    once_waiting(world, found)
    challenge = world.client().challenge()
    assert found.result(20) == [challenge["id"]]


def test_a_phone_that_waits_is_told_when_a_known_one_ends(
    world: World, aside: ThreadPoolExecutor
) -> None:
    phone, api = world.phone(), world.client()
    challenge = api.challenge()
    found = aside.submit(waiting(world, phone, challenge["id"]))
    once_waiting(world, found)
    api.call("DELETE", f"/v1/challenges/{challenge['id']}")
    assert found.result(20) == []


def test_a_phone_that_waits_is_told_of_one_that_it_does_not_know(
    world: World, aside: ThreadPoolExecutor
) -> None:
    phone, api = world.phone(), world.client()
    known = api.challenge()["id"]
    found = aside.submit(waiting(world, phone, known))
    once_waiting(world, found)
    fresh = api.challenge()["id"]
    assert set(found.result(20)) == {known, fresh}


def test_nobody_waits_when_there_is_an_unknown_one(world: World) -> None:
    phone, challenge = world.phone(), world.client().challenge()
    assert waiting(world, phone)() == [challenge["id"]]


def test_nobody_waits_when_a_known_one_has_ended(world: World) -> None:
    phone = world.phone()
    assert waiting(world, phone, "chl_gone")() == []


def test_nobody_waits_when_one_of_two_known_ones_has_ended(world: World) -> None:
    phone, challenge = world.phone(), world.client().challenge()
    assert waiting(world, phone, f"{challenge['id']},chl_gone")() == [challenge["id"]]
