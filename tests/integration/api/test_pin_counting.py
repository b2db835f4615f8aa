"""Wrong PINs are counted per phone, over challenges, and then the PIN is gone (contract 6, 7)."""

from typing import Any

import pytest

from tests.support.forging import slug
from tests.support.phone import Phone, PinKey
from tests.support.world import AAL2, World

PIN, WRONG = PinKey(), PinKey()


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone(pin=PIN)


def state(world: World, phone: Phone) -> str:
    found = world.client().get(f"/v1/authenticators/{phone.device_id}")
    assert world.device(phone, "GET", "/v1/device").get_json()["pin"] == found.get_json()["pin"]
    return str(found.get_json()["pin"])


def fail(world: World, phone: Phone, times: int) -> None:
    """Give a wrong PIN so often, in a new challenge each time."""
    for _ in range(times):
        response = world.approve(phone, world.client().challenge(), pin=WRONG)
        assert slug(response) == (403, "proof-rejected")


def succeed(world: World, phone: Phone) -> None:
    response = world.approve(phone, world.client().challenge(), pin=PIN)
    assert response.get_json() == {"status": "satisfied"}


def test_ten_wrong_pins_in_a_row_disable_it(world: World, phone: Phone) -> None:
    fail(world, phone, 9)
    before = state(world, phone)
    fail(world, phone, 1)
    assert (before, state(world, phone)) == ("set", "disabled")


def test_ten_wrong_pins_disable_it_on_each_database(any_world: World) -> None:
    phone = any_world.phone(pin=PIN)
    fail(any_world, phone, 10)
    assert state(any_world, phone) == "disabled"


def test_they_are_counted_over_few_challenges_too(world: World, phone: Phone) -> None:
    for _ in range(2):
        challenge = world.client().challenge()
        for _ in range(5):
            world.approve(phone, challenge, pin=WRONG)
    assert state(world, phone) == "disabled"


def test_a_right_pin_starts_the_count_anew(world: World, phone: Phone) -> None:
    fail(world, phone, 9)
    succeed(world, phone)
    fail(world, phone, 9)
    assert state(world, phone) == "set"


def test_an_approval_without_pin_does_not_start_it_anew(world: World, phone: Phone) -> None:
    fail(world, phone, 9)
    assert world.approve(phone, world.client().challenge()).status_code == 200
    fail(world, phone, 1)
    assert state(world, phone) == "disabled"


def test_the_tenth_wrong_pin_is_only_refused(world: World, phone: Phone) -> None:
    fail(world, phone, 9)
    challenge = world.client().challenge()
    response = world.approve(phone, challenge, pin=WRONG)
    assert (response.status_code, response.get_json()["attempts_left"]) == (403, 4)
    assert world.client().read(challenge["id"])["status"] == "pending"


@pytest.mark.parametrize("pin", [PIN, WRONG], ids=["right", "wrong"])
def test_a_wrong_display_code_is_no_wrong_pin(world: World, phone: Phone, pin: PinKey) -> None:
    fail(world, phone, 9)
    challenge = world.client().challenge()
    wrong = f"{(int(challenge['display_code']) + 1) % 1_000_000:06}"
    assert world.approve(phone, challenge, code=wrong, pin=pin).status_code == 403
    assert state(world, phone) == "set"
    fail(world, phone, 1)
    assert state(world, phone) == "disabled"


def test_a_faulty_answer_is_no_wrong_pin(world: World, phone: Phone) -> None:
    fail(world, phone, 9)
    challenge = world.client().challenge()
    assert world.approve(phone, challenge, pin=WRONG, aud="other").status_code == 403
    assert state(world, phone) == "set"


def test_an_answer_to_an_ended_challenge_is_no_wrong_pin(world: World, phone: Phone) -> None:
    fail(world, phone, 9)
    challenge = world.client().challenge()
    shown = world.fetch(phone, challenge["id"])
    world.client().call("DELETE", f"/v1/challenges/{challenge['id']}")
    token = phone.answer(shown, code=challenge["display_code"], pin=WRONG)
    assert world.send(phone, challenge["id"], token).status_code == 409
    assert state(world, phone) == "set"


def test_a_disabled_pin_is_refused_even_when_right_and_costs_an_attempt(
    world: World, phone: Phone
) -> None:
    fail(world, phone, 10)
    challenge = world.client().challenge()
    response = world.approve(phone, challenge, pin=PIN)
    assert (response.status_code, response.get_json()["attempts_left"]) == (403, 4)
    assert world.approve(phone, challenge).get_json() == {"status": "satisfied"}


def test_where_the_pin_was_needed_a_disabled_one_costs_nothing(world: World, phone: Phone) -> None:
    challenge = world.client().challenge(acr_values=[AAL2])
    fail(world, phone, 10)
    response = world.approve(phone, challenge, pin=PIN)
    assert (response.status_code, response.get_json()["attempts_left"]) == (403, 5)


def test_without_its_pin_the_phone_is_worth_less(world: World, phone: Phone) -> None:
    def attainable() -> Any:
        return world.client().get("/v1/users?sub=alice").get_json()["users"][0]["acr_attainable"]

    before = attainable()
    fail(world, phone, 10)
    assert (before, attainable()) == (AAL2, "urn:stepup:acr:aal1")


def test_the_pin_of_another_phone_is_counted_for_itself(world: World, phone: Phone) -> None:
    other = world.phone("bob", pin=PIN)
    fail(world, phone, 10)
    assert (state(world, phone), state(world, other)) == ("disabled", "set")


def test_no_administrator_brings_a_disabled_pin_back(world: World, phone: Phone) -> None:
    fail(world, phone, 10)
    path = f"/v1/authenticators/{phone.device_id}"
    for wanted in ("suspended", "active"):
        body = {"state": wanted, "reason": "reset"}
        assert world.client().call("PATCH", path, body).status_code == 200
    assert state(world, phone) == "disabled"


def test_a_pin_proof_where_none_is_set_is_no_wrong_pin(world: World) -> None:
    plain = world.phone("bob")
    for _ in range(10):
        response = world.approve(plain, world.client().challenge("bob"), pin=PIN)
        assert response.status_code == 403
    assert world.device(plain, "GET", "/v1/device").get_json()["pin"] == "none"
