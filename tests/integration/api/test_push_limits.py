"""How often a person may be notified (contract section 7): per client, and over all clients."""

from typing import Any

import pytest

from tests.support.phone import Phone, PinKey
from tests.support.world import World

FCM = {"provider": "fcm", "token": "t"}
FIVE_MINUTES, DAY = 300, 86_400


@pytest.fixture
def phone(any_world: World) -> Phone:
    return any_world.phone(pin=PinKey(), push=FCM)


def opened(world: World, client: str = "as", **members: Any) -> dict[str, Any]:
    return world.client(client).challenge(**members)


def cancel(world: World, challenge: dict[str, Any], client: str = "as") -> None:
    world.client(client).call("DELETE", f"/v1/challenges/{challenge['id']}")


def pushed(world: World, client: str = "as") -> str:
    """Open a challenge, cancel it, and return the state of its notification."""
    challenge = opened(world, client)
    cancel(world, challenge, client)
    return str(challenge["push"]["state"])


pytestmark = pytest.mark.usefixtures("phone")


def test_one_pending_challenge_of_a_client_is_pushed_at_a_time(any_world: World) -> None:
    first, second = opened(any_world), opened(any_world)
    states = [challenge["push"]["state"] for challenge in (first, second)]
    assert states == ["queued", "suppressed"]
    cancel(any_world, first)
    assert opened(any_world)["push"]["state"] == "queued"


def test_a_pending_challenge_stops_holding_back_others_when_it_expires(any_world: World) -> None:
    opened(any_world, expires_in=60)
    any_world.clock.advance(59)
    assert pushed(any_world) == "suppressed"
    any_world.clock.advance(1)
    assert pushed(any_world) == "queued"


def test_two_pending_challenges_over_all_clients_are_pushed(any_world: World) -> None:
    states = [opened(any_world, client)["push"]["state"] for client in ("as", "b", "c")]
    assert states == ["queued", "queued", "suppressed"]


def test_three_pushes_in_five_minutes_and_the_fourth_when_the_first_is_old(
    any_world: World,
) -> None:
    states = []
    for _ in range(4):
        states.append(pushed(any_world))
        any_world.clock.advance(10)
    assert states == ["queued", "queued", "queued", "suppressed"]
    any_world.clock.advance(FIVE_MINUTES - 41)
    assert pushed(any_world) == "suppressed"
    any_world.clock.advance(1)
    assert [pushed(any_world), pushed(any_world)] == ["queued", "suppressed"]


def test_six_pushes_in_five_minutes_over_all_clients(any_world: World) -> None:
    states = [pushed(any_world, client) for client in ("as", "b", "c", "as", "b", "c", "d")]
    assert states == ["queued"] * 6 + ["suppressed"]


def test_ten_pushes_in_a_day_without_a_success(any_world: World) -> None:
    start = any_world.clock.now()
    states = []
    for _ in range(11):
        states.append(pushed(any_world))
        any_world.clock.advance(FIVE_MINUTES)
    assert states == ["queued"] * 10 + ["suppressed"]
    any_world.clock.at = start + DAY - 1
    assert pushed(any_world) == "suppressed"
    any_world.clock.at = start + DAY
    assert pushed(any_world) == "queued"


def test_a_success_starts_the_count_of_the_day_anew(any_world: World, phone: Phone) -> None:
    for _ in range(10):
        assert pushed(any_world) == "queued"
        any_world.clock.advance(FIVE_MINUTES)
    challenge = opened(any_world)
    assert challenge["push"]["state"] == "suppressed"
    assert any_world.approve(phone, challenge, pin=phone.pin).status_code == 200
    any_world.clock.advance(1)
    assert pushed(any_world) == "queued"


def test_twenty_pushes_in_a_day_over_all_clients(any_world: World) -> None:
    states = []
    for turn in range(21):
        states.append(pushed(any_world, f"client {turn % 3}"))
        any_world.clock.advance(FIVE_MINUTES)
    assert states == ["queued"] * 20 + ["suppressed"]
