"""Limits can be lowered and raised, but not above the ceiling (contract section 7)."""

from collections.abc import Callable, Iterator

import pytest

from mfa_service.settings import Settings, SettingsInvalid
from tests.support.phone import PinKey
from tests.support.world import MASTER_KEYS, World, close, make_world

Limited = Callable[..., World]
NAMES = ["MFA_LIMIT_CHALLENGE_ATTEMPTS", "MFA_LIMIT_PIN_FAILURES", "MFA_LIMIT_CODE_FAILURES"]


@pytest.fixture
def limited(sqlite_url: str) -> Iterator[Limited]:
    """Return a maker of a world with other limits."""
    made: list[World] = []

    def make(**environ: str) -> World:
        made.append(make_world(sqlite_url, **environ))
        return made[-1]

    yield make
    for world in made:
        close(world)


def state(world: World, authenticator_id: str) -> str:
    found = world.client().get(f"/v1/authenticators/{authenticator_id}").get_json()
    return str(found["state"])


def test_fewer_attempts_per_challenge(limited: Limited) -> None:
    world = limited(MFA_LIMIT_CHALLENGE_ATTEMPTS="2")
    totp = world.totp()
    challenge = world.client().challenge()
    left = [
        world.client().answer(challenge["id"], "totp", totp.wrong()).get_json()["attempts_left"]
        for _ in range(2)
    ]
    assert (challenge["attempts_left"], left) == (2, [1, 0])
    assert world.client().read(challenge["id"])["reason"] == "attempts_exhausted"


def test_fewer_wrong_pins(limited: Limited) -> None:
    world = limited(MFA_LIMIT_PIN_FAILURES="2")
    phone = world.phone(pin=PinKey())
    for _ in range(2):
        world.approve(phone, world.client().challenge(), pin=PinKey())
    assert world.device(phone, "GET", "/v1/device").get_json()["pin"] == "disabled"


def test_fewer_wrong_codes(limited: Limited) -> None:
    world = limited(MFA_LIMIT_CODE_FAILURES="3")
    totp = world.totp()
    challenge = world.client().challenge()
    for _ in range(3):
        world.client().answer(challenge["id"], "totp", totp.wrong())
    assert state(world, totp.id) == "suspended"


def test_a_hundred_wrong_codes_are_the_most(limited: Limited) -> None:
    world = limited(MFA_LIMIT_CODE_FAILURES="100", MFA_LIMIT_CHALLENGE_ATTEMPTS="100")
    totp = world.totp()
    challenge = world.client().challenge()
    states = []
    for _ in range(100):
        states.append(state(world, totp.id))
        world.client().answer(challenge["id"], "totp", totp.wrong())
    assert (set(states), state(world, totp.id)) == ({"active"}, "suspended")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["0", "101", "-1", "x", "1.5", "\u0661", "9" * 5000])
def test_what_is_out_of_bounds_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        Settings.load({name: value, "MFA_MASTER_KEYS": MASTER_KEYS})


def test_every_fault_is_listed_at_once() -> None:
    faults = dict.fromkeys(NAMES, "101")
    with pytest.raises(SettingsInvalid) as caught:
        Settings.load({**faults, "MFA_MASTER_KEYS": MASTER_KEYS})
    assert all(name in str(caught.value) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["1", "100"])
def test_what_is_within_bounds_is_taken(name: str, value: str) -> None:
    settings = Settings.load({name: value, "MFA_MASTER_KEYS": MASTER_KEYS})
    member = name.removeprefix("MFA_LIMIT_").lower()
    assert getattr(settings.limits, member) == int(value)
