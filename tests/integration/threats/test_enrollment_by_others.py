"""Attacks on an enrollment: the photographed QR, ground keys, guessed codes."""

import json

import pytest

from tests.support.forging import slug
from tests.support.phone import Phone
from tests.support.world import ISSUER, World


def claimed(world: World, code: str) -> tuple[Phone, str]:
    phone = Phone(ISSUER, world.clock.now)
    response = world.claim(phone, code)
    assert response.status_code == 201, response.text
    return phone, response.get_json()["check_code"]


def test_who_photographs_the_qr_and_claims_first_ends_with_nothing(world: World) -> None:
    enrollment = world.client().enroll(type="phone")
    code = enrollment["manual_code"].replace("-", "")
    thief, check_code = claimed(world, code)
    victim = Phone(ISSUER, world.clock.now)
    assert slug(world.claim(victim, code)) == (409, "enrollment-not-open")
    assert world.device(thief, "GET", "/v1/device").status_code == 401
    late = world.client().confirm(enrollment, check_code=check_code)
    assert slug(late) == (409, "enrollment-not-open")


def test_who_claims_after_the_victim_ends_the_enrollment_and_gets_nothing(world: World) -> None:
    enrollment = world.client().enroll(type="phone")
    code = enrollment["manual_code"].replace("-", "")
    victim, _ = claimed(world, code)
    thief = Phone(ISSUER, world.clock.now)
    assert slug(world.claim(thief, code)) == (409, "enrollment-not-open")
    for phone in (victim, thief):
        phone.device_id = phone.device_id or victim.device_id
        assert world.device(phone, "GET", "/v1/device").status_code == 401


def test_a_claimed_phone_answers_nothing_before_the_person_typed_its_code(world: World) -> None:
    world.totp()
    enrollment = world.client().enroll(type="phone", reason="second")
    thief, _ = claimed(world, enrollment["manual_code"].replace("-", ""))
    challenge = world.client().challenge()
    assert [offer["method"] for offer in challenge["methods"]] == ["totp"]
    response = world.device(thief, "GET", "/v1/device/challenges")
    assert slug(response) == (409, "authenticator-not-active")


def test_the_check_code_is_told_to_the_phone_alone(world: World) -> None:
    api = world.client()
    enrollment = api.enroll(type="phone")
    phone, check_code = claimed(world, enrollment["manual_code"].replace("-", ""))
    seen = [
        json.dumps(enrollment),
        api.get(f"/v1/enrollments/{enrollment['id']}").text,
        api.get("/v1/users?sub=alice").text,
        api.confirm(enrollment, check_code="no").text,
        world.device(phone, "GET", "/v1/device").text,
    ]
    assert not any(check_code in text for text in seen)


def test_check_codes_do_not_follow_from_keys_that_one_can_grind(world: World) -> None:
    codes = set()
    for _ in range(6):
        enrollment = world.client().enroll(type="phone")
        codes.add(claimed(world, enrollment["manual_code"].replace("-", ""))[1])
    assert len(codes) >= 5


def test_five_guesses_of_a_check_code_end_the_enrollment(world: World) -> None:
    enrollment = world.client().enroll(type="phone")
    thief, check_code = claimed(world, enrollment["manual_code"].replace("-", ""))
    guesses = [f"{(int(check_code) + n) % 1_000_000:06}" for n in range(1, 6)]
    for guess in guesses:
        world.client().confirm(enrollment, check_code=guess)
    assert slug(world.client().confirm(enrollment, check_code=check_code))[0] == 409
    assert world.device(thief, "GET", "/v1/device").status_code == 401


@pytest.mark.parametrize("seconds", [600, 3600])
def test_a_code_found_later_is_worth_nothing(world: World, seconds: int) -> None:
    code = world.client().enroll(type="phone")["manual_code"].replace("-", "")
    world.clock.advance(seconds)
    assert slug(world.claim(Phone(ISSUER, world.clock.now), code)) == (409, "enrollment-not-open")


def test_unknown_used_and_expired_codes_look_alike(world: World) -> None:
    used, expired = (world.client().enroll(type="phone") for _ in range(2))
    claimed(world, used["manual_code"].replace("-", ""))
    world.client().call("DELETE", f"/v1/enrollments/{used['id']}")
    world.clock.advance(600)
    bodies = []
    for code in (used["manual_code"], expired["manual_code"], "0" * 26):
        response = world.claim(Phone(ISSUER, world.clock.now), code.replace("-", ""))
        body = response.get_json()
        body.pop("instance")
        bodies.append((response.status_code, body))
    assert bodies[0] == bodies[1] == bodies[2]
