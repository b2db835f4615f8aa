"""The life of an enrollment: pending, claimed, active, or expired (contract section 5)."""

from typing import Any

import pyotp
import pytest

from tests.support.forging import problem, slug
from tests.support.phone import Phone
from tests.support.world import ISSUER, Totp, World


def begin(world: World, kind: str = "phone", sub: str = "alice") -> dict[str, Any]:
    return world.client().enroll(sub, type=kind)


def state(world: World, enrollment: dict[str, Any]) -> str:
    read = world.client().get(f"/v1/enrollments/{enrollment['id']}")
    assert read.status_code == 200, read.text
    return str(read.get_json()["state"])


def claimed(world: World, enrollment: dict[str, Any]) -> tuple[Phone, str]:
    """Return the phone that claimed, and its check code."""
    phone = Phone(ISSUER, world.clock.now)
    response = world.claim(phone, enrollment["manual_code"].replace("-", ""))
    assert response.status_code == 201, response.text
    return phone, response.get_json()["check_code"]


def wrong(check_code: str) -> str:
    return f"{(int(check_code) + 1) % 1_000_000:06}"


def totp_of(world: World, enrollment: dict[str, Any]) -> Totp:
    return Totp(world, pyotp.TOTP(enrollment["secret"]))


def test_a_phone_goes_from_pending_over_claimed_to_active(world: World) -> None:
    enrollment = begin(world)
    states = [state(world, enrollment)]
    _, code = claimed(world, enrollment)
    states.append(state(world, enrollment))
    world.client().confirm(enrollment, check_code=code)
    assert [*states, state(world, enrollment)] == ["pending", "claimed", "active"]


def test_confirming_answers_with_the_enrollment_and_its_authenticator(world: World) -> None:
    enrollment = begin(world)
    phone, code = claimed(world, enrollment)
    done = world.client().confirm(enrollment, check_code=code)
    body = done.get_json()
    assert (done.status_code, body["state"]) == (200, "active")
    assert body["authenticator"]["id"] == phone.device_id
    assert body == world.client().get(f"/v1/enrollments/{enrollment['id']}").get_json()


def test_an_unconfirmed_phone_is_not_listed_and_is_404(world: World) -> None:
    phone, _ = claimed(world, begin(world))
    api = world.client()
    assert api.get("/v1/authenticators?sub=alice").get_json() == {"authenticators": []}
    assert slug(api.get(f"/v1/authenticators/{phone.device_id}")) == (404, "not-found")


def test_a_phone_is_not_confirmed_before_its_claim(world: World) -> None:
    response = world.client().confirm(begin(world), check_code="123456")
    assert slug(response) == (409, "enrollment-not-open")


def test_a_phone_is_confirmed_once(world: World) -> None:
    enrollment = begin(world)
    _, code = claimed(world, enrollment)
    answers = [world.client().confirm(enrollment, check_code=code) for _ in range(2)]
    assert answers[0].status_code == 200
    assert slug(answers[1]) == (409, "enrollment-not-open")


def test_a_totp_is_confirmed_once(world: World) -> None:
    enrollment = begin(world, "totp")
    totp = totp_of(world, enrollment)
    assert world.client().confirm(enrollment, code=totp.code()).status_code == 200
    world.clock.advance(30)
    again = world.client().confirm(enrollment, code=totp.code())
    assert slug(again) == (409, "enrollment-not-open")


def test_recovery_codes_need_no_confirmation(world: World) -> None:
    response = world.client().confirm(begin(world, "recovery_codes"), code="123456")
    assert slug(response) == (409, "enrollment-not-open")


@pytest.mark.parametrize(("seconds", "expected"), [(599, "claimed"), (600, "expired")])
def test_an_enrollment_lives_600_seconds(world: World, seconds: int, expected: str) -> None:
    enrollment = begin(world)
    claimed(world, enrollment)
    world.clock.advance(seconds)
    assert state(world, enrollment) == expected


@pytest.mark.parametrize(("seconds", "status"), [(599, 201), (600, 409), (601, 409)])
def test_a_code_can_be_claimed_for_600_seconds(world: World, seconds: int, status: int) -> None:
    enrollment = begin(world)
    world.clock.advance(seconds)
    phone = Phone(ISSUER, world.clock.now)
    response = world.claim(phone, enrollment["manual_code"].replace("-", ""))
    assert response.status_code == status


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 409), (601, 409)])
def test_a_claimed_phone_can_be_confirmed_until_600_seconds(
    world: World, seconds: int, status: int
) -> None:
    enrollment = begin(world)
    _, code = claimed(world, enrollment)
    world.clock.advance(seconds)
    assert world.client().confirm(enrollment, check_code=code).status_code == status


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 409)])
def test_a_totp_can_be_confirmed_until_600_seconds(world: World, seconds: int, status: int) -> None:
    enrollment = begin(world, "totp")
    world.clock.advance(seconds)
    response = world.client().confirm(enrollment, code=totp_of(world, enrollment).code())
    assert response.status_code == status


def test_a_phone_of_an_expired_enrollment_is_refused_after_tidying(world: World) -> None:
    phone, _ = claimed(world, begin(world))
    world.clock.advance(600)
    world.services.housekeeping.run()
    assert world.device(phone, "GET", "/v1/device").status_code == 401


@pytest.mark.parametrize("kind", ["phone", "totp"])
def test_without_a_body_it_is_400(world: World, kind: str) -> None:
    enrollment = begin(world, kind)
    response = world.client().post(f"/v1/enrollments/{enrollment['id']}/confirm")
    assert slug(response) == (400, "malformed-json")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="empty object"),
        pytest.param({"code": 123456}, id="code as number"),
        pytest.param({"code": "1" * 65}, id="code of 65"),
        pytest.param({"code": "12\x00456"}, id="NUL in the code"),
        pytest.param({"code": None}, id="null"),
        pytest.param({"check_code": 123456}, id="check code as number"),
        pytest.param({"codes": "123456"}, id="unknown member"),
        pytest.param([], id="a list"),
    ],
)
def test_a_body_that_does_not_fit_is_422_and_costs_nothing(world: World, body: Any) -> None:
    enrollment = begin(world, "totp")
    path = f"/v1/enrollments/{enrollment['id']}/confirm"
    for _ in range(6):
        assert slug(world.client().post(path, body)) == (422, "invalid-request")
    right = totp_of(world, enrollment).code()
    assert world.client().confirm(enrollment, code=right).status_code == 200


def test_the_fifth_wrong_check_code_ends_it_and_revokes_the_phone(world: World) -> None:
    enrollment = begin(world)
    phone, code = claimed(world, enrollment)
    api = world.client()
    states = []
    for _ in range(5):
        response = api.confirm(enrollment, check_code=wrong(code))
        assert slug(response) == (403, "proof-rejected")
        states.append(state(world, enrollment))
    assert states == ["claimed"] * 4 + ["expired"]
    assert world.device(phone, "GET", "/v1/device").status_code == 401
    assert slug(api.confirm(enrollment, check_code=code)) == (409, "enrollment-not-open")


def test_the_fifth_wrong_code_ends_a_totp(world: World) -> None:
    enrollment = begin(world, "totp")
    totp, api = totp_of(world, enrollment), world.client()
    for _ in range(5):
        assert slug(api.confirm(enrollment, code=totp.wrong())) == (403, "proof-rejected")
    assert state(world, enrollment) == "expired"
    assert slug(api.confirm(enrollment, code=totp.code())) == (409, "enrollment-not-open")


def test_four_wrong_codes_leave_room_for_the_right_one(world: World) -> None:
    enrollment = begin(world)
    _, code = claimed(world, enrollment)
    for _ in range(4):
        world.client().confirm(enrollment, check_code=wrong(code))
    assert world.client().confirm(enrollment, check_code=code).status_code == 200


def test_every_refused_code_has_the_same_body(world: World) -> None:
    enrollment = begin(world)
    _, code = claimed(world, enrollment)
    codes = [wrong(code), "", "garbage", code[:5], code + "0"]
    bodies = [problem(world.client().confirm(enrollment, check_code=typed)) for typed in codes]
    assert all(body == bodies[0] for body in bodies)


@pytest.mark.parametrize("kind", ["phone", "totp"])
def test_cancelling_expires_it_and_may_be_repeated(world: World, kind: str) -> None:
    enrollment, api = begin(world, kind), world.client()
    statuses = [api.call("DELETE", f"/v1/enrollments/{enrollment['id']}").status_code for _ in "ab"]
    assert (statuses, state(world, enrollment)) == ([204, 204], "expired")


def test_cancelling_revokes_the_phone_that_claimed(world: World) -> None:
    enrollment = begin(world)
    phone, code = claimed(world, enrollment)
    assert world.client().call("DELETE", f"/v1/enrollments/{enrollment['id']}").status_code == 204
    assert world.device(phone, "GET", "/v1/device").status_code == 401
    assert world.client().confirm(enrollment, check_code=code).status_code == 409


def test_a_cancelled_code_cannot_be_claimed(world: World) -> None:
    enrollment = begin(world)
    world.client().call("DELETE", f"/v1/enrollments/{enrollment['id']}")
    phone = Phone(ISSUER, world.clock.now)
    response = world.claim(phone, enrollment["manual_code"].replace("-", ""))
    assert slug(response) == (409, "enrollment-not-open")


@pytest.mark.parametrize("kind", ["phone", "recovery_codes"])
def test_an_active_one_is_not_cancelled(world: World, kind: str) -> None:
    enrollment, api = begin(world, kind), world.client()
    if kind == "phone":
        api.confirm(enrollment, check_code=claimed(world, enrollment)[1])
    response = api.call("DELETE", f"/v1/enrollments/{enrollment['id']}")
    assert slug(response) == (409, "enrollment-not-open")
    assert state(world, enrollment) == "active"


@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("DELETE", ""), ("POST", "/confirm")])
def test_the_enrollment_of_another_client_does_not_exist(
    world: World, method: str, tail: str
) -> None:
    enrollment = begin(world)
    _, code = claimed(world, enrollment)
    body = {"check_code": code} if method == "POST" else None
    stranger = world.client("stranger")
    response = stranger.call(method, f"/v1/enrollments/{enrollment['id']}{tail}", body)
    assert slug(response) == (404, "not-found")
    assert state(world, enrollment) == "claimed"
