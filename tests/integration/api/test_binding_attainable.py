"""The binding rule: what still counts as attainable, and when a subject is new (contract 5)."""

from typing import Any

import pyotp
import pytest
from werkzeug.test import TestResponse

from tests.support.forging import slug
from tests.support.phone import Phone, PinKey
from tests.support.world import Totp, World

PIN = PinKey()
REFUSED = (403, "binding-requires-step-up")
DAY = 86_400


def add(world: World, kind: str = "totp", client: str = "as", **permit: Any) -> TestResponse:
    body = {"sub": "alice", "type": kind, **permit}
    return world.client(client).post("/v1/enrollments", body)


def patch(world: World, authenticator_id: str, client: str = "as", **body: Any) -> TestResponse:
    return world.client(client).call("PATCH", f"/v1/authenticators/{authenticator_id}", body)


def remove(world: World, authenticator_id: str, query: str) -> TestResponse:
    return world.client().call("DELETE", f"/v1/authenticators/{authenticator_id}?{query}")


def step_up(world: World, totp: Totp) -> str:
    answer = {"method": "totp", "code": totp.next()}
    done = world.client().challenge(purpose="manage", answer=answer)
    assert done["status"] == "satisfied", done
    return str(done["id"])


def strong_and_weak(world: World) -> tuple[Phone, Totp]:
    phone = world.phone(pin=PIN)
    return phone, world.totp(reason="second authenticator")


def add_phone_with_totp(world: World, totp: Totp) -> int:
    """Try to add a phone after a step-up with the weak authenticator."""
    return add(world, "phone", challenge_id=step_up(world, totp)).status_code


def disable_pin(world: World, phone: Phone) -> None:
    for _ in range(10):
        assert world.approve(phone, world.client().challenge(), pin=PinKey()).status_code == 403


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, 403), (DAY - 60, 403), (DAY + 60, 201)], ids=str
)
@pytest.mark.parametrize("how", ["suspended by the client", "removed itself", "PIN disabled"])
def test_what_was_put_away_within_a_day_still_counts(
    world: World, how: str, seconds: int, status: int
) -> None:
    phone, totp = strong_and_weak(world)
    if how == "suspended by the client":
        assert patch(world, phone.device_id, state="suspended").status_code == 200
    elif how == "removed itself":
        assert world.device(phone, "DELETE", "/v1/device").status_code == 204
    else:
        disable_pin(world, phone)
    world.clock.advance(seconds)
    assert add_phone_with_totp(world, totp) == status


def test_what_an_administrator_suspended_does_not_count(world: World) -> None:
    phone, totp = strong_and_weak(world)
    patched = patch(world, phone.device_id, state="suspended", reason="reported lost")
    assert patched.get_json()["suspended_by"] == "admin"
    assert add_phone_with_totp(world, totp) == 201


def test_a_reason_without_the_admin_scope_does_not_make_it_an_administrators(
    world: World,
) -> None:
    phone, totp = strong_and_weak(world)
    world.client("enroller", ("mfa:enroll",))
    patched = patch(world, phone.device_id, "enroller", state="suspended", reason="reported lost")
    assert patched.get_json()["suspended_by"] == "client"
    assert add_phone_with_totp(world, totp) == 403


def test_a_removed_phone_does_not_count(world: World) -> None:
    phone, totp = strong_and_weak(world)
    assert remove(world, phone.device_id, "reason=lost").status_code == 204
    assert add_phone_with_totp(world, totp) == 201


def test_what_a_limit_suspended_does_not_count(world: World) -> None:
    phone, totp = world.phone(), world.totp(reason="second")
    while world.client().get(f"/v1/authenticators/{totp.id}").get_json()["state"] == "active":
        challenge = world.client().challenge(methods=["totp"])
        for _ in range(5):
            world.client().answer(challenge["id"], "totp", totp.wrong())
    challenge = world.client().challenge(purpose="manage")
    assert world.approve(phone, challenge).status_code == 200
    assert add(world, "phone", challenge_id=challenge["id"]).status_code == 201


def test_suspending_and_waiting_does_not_help_to_bring_back_what_was_suspended(
    world: World,
) -> None:
    phone, totp = strong_and_weak(world)
    patch(world, phone.device_id, state="suspended")
    body = {"state": "active", "challenge_id": step_up(world, totp)}
    assert slug(patch(world, phone.device_id, **body)) == REFUSED


def suspended_alone(world: World) -> tuple[Totp, str]:
    """Return a suspended TOTP, the only one, and a step-up made with it just before."""
    totp = world.totp()
    challenge_id = step_up(world, totp)
    assert patch(world, totp.id, state="suspended").status_code == 200
    return totp, challenge_id


def test_with_everything_suspended_no_step_up_helps(world: World) -> None:
    totp, challenge_id = suspended_alone(world)
    assert slug(add(world, challenge_id=challenge_id)) == REFUSED
    assert slug(patch(world, totp.id, state="active", challenge_id=challenge_id)) == REFUSED
    assert slug(remove(world, totp.id, f"challenge_id={challenge_id}")) == REFUSED


def test_with_everything_suspended_nothing_is_new_either(world: World) -> None:
    suspended_alone(world)
    assert slug(add(world)) == REFUSED


def test_an_enrollment_opened_before_everything_was_suspended_helps_no_more(
    world: World,
) -> None:
    totp = world.totp()
    body = add(world, challenge_id=step_up(world, totp)).get_json()
    patch(world, totp.id, state="suspended")
    fresh = Totp(world, pyotp.TOTP(body["secret"]))
    assert slug(world.client().confirm(body, code=fresh.code())) == REFUSED


@pytest.mark.parametrize("change", ["add", "reactivate", "remove"])
def test_with_everything_suspended_an_administrator_helps(world: World, change: str) -> None:
    totp, _ = suspended_alone(world)
    if change == "add":
        assert add(world, reason="identified in person").status_code == 201
    elif change == "reactivate":
        response = patch(world, totp.id, state="active", reason="identified in person")
        assert response.status_code == 200
    else:
        assert remove(world, totp.id, "reason=identified").status_code == 204


@pytest.mark.parametrize("by", ["step-up", "administrator"])
def test_after_the_last_one_was_removed_the_subject_is_new(world: World, by: str) -> None:
    totp = world.totp()
    permit = "reason=left" if by == "administrator" else f"challenge_id={step_up(world, totp)}"
    assert remove(world, totp.id, permit).status_code == 204
    assert world.totp().id != totp.id


def test_a_phone_that_removed_itself_leaves_nobody_new(world: World) -> None:
    phone = world.phone()
    world.device(phone, "DELETE", "/v1/device")
    assert slug(add(world)) == REFUSED
    world.clock.advance(365 * DAY)
    assert slug(add(world)) == REFUSED


def test_a_phone_that_removed_itself_is_cleared_away_by_an_administrator(world: World) -> None:
    phone = world.phone()
    world.device(phone, "DELETE", "/v1/device")
    assert remove(world, phone.device_id, "reason=cleared").status_code == 204
    assert add(world).status_code == 201


@pytest.mark.parametrize("end", ["cancelled", "expired", "refused"])
def test_an_enrollment_that_came_to_nothing_leaves_the_subject_new(world: World, end: str) -> None:
    enrollment = world.client().enroll(type="totp")
    if end == "cancelled":
        world.client().call("DELETE", f"/v1/enrollments/{enrollment['id']}")
    elif end == "expired":
        world.clock.advance(600)
    else:
        for _ in range(5):
            world.client().confirm(enrollment, code="000000")
    assert world.totp().id.startswith("aut_")
