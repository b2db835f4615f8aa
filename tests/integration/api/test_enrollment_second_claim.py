"""A code is claimed by one key, a key is enrolled once, and nothing works unconfirmed."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.forging import problem, slug
from tests.support.phone import Phone
from tests.support.world import ISSUER, World


def code_of(enrollment: dict[str, Any]) -> str:
    return str(enrollment["manual_code"]).replace("-", "")


def new_phone(world: World) -> Phone:
    return Phone(ISSUER, world.clock.now)


def state(world: World, enrollment: dict[str, Any]) -> str:
    return str(world.client().get(f"/v1/enrollments/{enrollment['id']}").get_json()["state"])


@pytest.fixture
def enrollment(world: World) -> dict[str, Any]:
    return world.client().enroll(type="phone")


def test_the_same_key_gets_the_same_answer_again(world: World, enrollment: dict[str, Any]) -> None:
    phone = new_phone(world)
    first, second = (world.claim(phone, code_of(enrollment)) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.get_json() == second.get_json()


def test_the_same_signed_claim_gets_the_same_answer_again(
    world: World, enrollment: dict[str, Any]
) -> None:
    token, path = new_phone(world).claim(code_of(enrollment)), "/v1/device/enrollments/claim"
    answers = [
        world.app.test_client().post(path, data=token, content_type="application/jose")
        for _ in range(2)
    ]
    assert answers[0].get_json() == answers[1].get_json()
    assert [answer.status_code for answer in answers] == [201, 201]


def test_another_key_ends_the_enrollment_and_the_first_phone(
    world: World, enrollment: dict[str, Any]
) -> None:
    first, second = new_phone(world), new_phone(world)
    claimed = world.claim(first, code_of(enrollment))
    assert slug(world.claim(second, code_of(enrollment))) == (409, "enrollment-not-open")
    assert state(world, enrollment) == "expired"
    assert world.device(first, "GET", "/v1/device").status_code == 401
    late = world.client().confirm(enrollment, check_code=claimed.get_json()["check_code"])
    assert slug(late) == (409, "enrollment-not-open")


def test_after_the_end_the_first_key_gets_409_too(world: World, enrollment: dict[str, Any]) -> None:
    first = new_phone(world)
    world.claim(first, code_of(enrollment))
    world.claim(new_phone(world), code_of(enrollment))
    assert slug(world.claim(first, code_of(enrollment))) == (409, "enrollment-not-open")


def test_after_the_confirmation_another_key_changes_nothing(
    world: World, enrollment: dict[str, Any]
) -> None:
    phone = new_phone(world)
    code = world.claim(phone, code_of(enrollment)).get_json()["check_code"]
    world.client().confirm(enrollment, check_code=code)
    assert slug(world.claim(new_phone(world), code_of(enrollment))) == (409, "enrollment-not-open")
    described = world.device(phone, "GET", "/v1/device")
    assert described.get_json()["state"] == "active"


def test_a_faulty_claim_by_another_key_ends_nothing(
    world: World, enrollment: dict[str, Any]
) -> None:
    phone = new_phone(world)
    world.claim(phone, code_of(enrollment))
    assert world.claim(new_phone(world), code_of(enrollment), aud="x").status_code == 403
    assert state(world, enrollment) == "claimed"


def enrolled(world: World) -> Phone:
    return world.phone("bob")


def pending(world: World) -> Phone:
    phone = new_phone(world)
    world.claim(phone, code_of(world.client().enroll("bob", type="phone")))
    return phone


def revoked(world: World) -> Phone:
    phone, api = world.phone("bob"), world.client()
    path = f"/v1/authenticators/{phone.device_id}?reason=lost"
    assert api.call("DELETE", path).status_code == 204
    return phone


def self_removed(world: World) -> Phone:
    phone = world.phone("bob")
    assert world.device(phone, "DELETE", "/v1/device").status_code == 204
    return phone


def rotated_away(world: World) -> Phone:
    phone, successor = world.phone("bob"), new_phone(world)
    body = phone.rotation(successor.key)
    assert world.device(phone, "POST", "/v1/device/keys", body).status_code == 200
    return phone


def rotated_to(world: World) -> Phone:
    phone, successor = world.phone("bob"), new_phone(world)
    body = phone.rotation(successor.key)
    assert world.device(phone, "POST", "/v1/device/keys", body).status_code == 200
    return successor


def erased(world: World) -> Phone:
    phone, api = world.phone("bob"), world.client()
    user = api.get("/v1/users?sub=bob").get_json()["users"][0]
    assert api.call("DELETE", f"/v1/users/{user['id']}?reason=left").status_code == 204
    return phone


@pytest.mark.parametrize(
    "used",
    [enrolled, pending, revoked, self_removed, rotated_away, rotated_to, erased],
    ids=lambda used: used.__name__,
)
def test_a_key_that_was_ever_seen_is_refused(
    world: World, enrollment: dict[str, Any], used: Callable[[World], Phone]
) -> None:
    again = new_phone(world)
    again.key = used(world).key
    response = world.claim(again, code_of(enrollment))
    assert slug(response) == (403, "proof-rejected")
    garbage = world.app.test_client().post(
        "/v1/device/enrollments/claim", data="garbage", content_type="application/jose"
    )
    assert problem(response) == problem(garbage)
    assert state(world, enrollment) == "pending"


def others(world: World, phone: Phone, challenge_id: str) -> dict[str, TestResponse]:
    """Return what every call but `GET /v1/device` answers."""
    answer = phone.rotation(phone.key)
    one = f"/v1/device/challenges/{challenge_id}"
    pin = {"pin_jwk": {}, "pin_proof": "x", "old_pin_proof": "x"}
    return {
        "list": world.device(phone, "GET", "/v1/device/challenges"),
        "read": world.device(phone, "GET", one),
        "answer": world.device(phone, "POST", f"{one}/answer", answer),
        "keys": world.device(phone, "POST", "/v1/device/keys", answer),
        "pin": world.device(phone, "PUT", "/v1/device/pin", pin),
        "push": world.device(phone, "PUT", "/v1/device/push", {"provider": "none"}),
        "remove": world.device(phone, "DELETE", "/v1/device"),
    }


def test_an_unconfirmed_phone_can_only_look_at_itself(
    world: World, enrollment: dict[str, Any]
) -> None:
    world.totp()
    challenge, phone = world.client().challenge(), new_phone(world)
    world.claim(phone, code_of(enrollment))
    described = world.device(phone, "GET", "/v1/device")
    assert (described.status_code, described.get_json()["state"]) == (200, "pending")
    for name, response in others(world, phone, challenge["id"]).items():
        assert slug(response) == (409, "authenticator-not-active"), name


def test_a_suspended_phone_can_only_look_at_itself(world: World) -> None:
    phone, api = world.phone(), world.client()
    challenge = api.challenge()
    path = f"/v1/authenticators/{phone.device_id}"
    assert api.call("PATCH", path, {"state": "suspended"}).status_code == 200
    described = world.device(phone, "GET", "/v1/device")
    assert (described.status_code, described.get_json()["state"]) == (200, "suspended")
    for name, response in others(world, phone, challenge["id"]).items():
        assert slug(response) == (409, "authenticator-not-active"), name


@pytest.mark.parametrize("gone", [revoked, self_removed, erased], ids=lambda gone: gone.__name__)
def test_a_phone_that_is_gone_is_refused_everywhere(
    world: World, gone: Callable[[World], Phone]
) -> None:
    phone = gone(world)
    assert world.device(phone, "GET", "/v1/device").status_code == 401
    for name, response in others(world, phone, "chl_x").items():
        assert response.status_code == 401, name
