"""The binding rule: which step-up permits a change, and for how long (contract section 5)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyotp
import pytest
from werkzeug.test import TestResponse

from tests.support.forging import slug
from tests.support.phone import Phone, PinKey
from tests.support.world import AAL2, Totp, World

PIN = PinKey()
REFUSED = (403, "binding-requires-step-up")


def add(
    world: World, permit: dict[str, Any], kind: str = "totp", sub: str = "alice"
) -> TestResponse:
    return world.client().post("/v1/enrollments", {"sub": sub, "type": kind, **permit})


def remove(world: World, authenticator_id: str, challenge_id: str = "") -> TestResponse:
    query = f"?challenge_id={challenge_id}" if challenge_id else ""
    return world.client().call("DELETE", f"/v1/authenticators/{authenticator_id}{query}")


def patch(world: World, authenticator_id: str, **body: Any) -> TestResponse:
    return world.client().call("PATCH", f"/v1/authenticators/{authenticator_id}", body)


def by_totp(world: World, totp: Totp, client: str = "as", **asked: Any) -> str:
    """Return a `manage` challenge that was satisfied with a TOTP code."""
    members = {"purpose": "manage", **asked}
    answer = {"method": "totp", "code": totp.next(), "authenticator_id": totp.id}
    done = world.client(client).challenge("alice", **members, answer=answer)
    assert done["status"] == "satisfied", done
    return str(done["id"])


def by_phone(world: World, phone: Phone, pin: PinKey | None, **asked: Any) -> str:
    """Return a `manage` challenge that was satisfied with the phone."""
    challenge = world.client().challenge("alice", purpose="manage", **asked)
    assert world.approve(phone, challenge, pin=pin).status_code == 200
    return str(challenge["id"])


def strong_and_weak(world: World) -> tuple[Phone, Totp]:
    """Return a phone with PIN (aal2) and a TOTP (aal1) of alice."""
    phone = world.phone(pin=PIN)
    return phone, world.totp(reason="second authenticator")


def test_the_first_authenticator_needs_no_step_up(world: World) -> None:
    assert add(world, {}).status_code == 201


@pytest.mark.parametrize("kind", ["phone", "totp", "recovery_codes"])
def test_every_further_one_needs_a_step_up(world: World, kind: str) -> None:
    totp = world.totp()
    assert slug(add(world, {}, kind)) == REFUSED
    assert add(world, {"challenge_id": by_totp(world, totp)}, kind).status_code == 201


def test_removing_needs_a_step_up(world: World) -> None:
    totp = world.totp()
    assert slug(remove(world, totp.id)) == REFUSED
    assert remove(world, totp.id, by_totp(world, totp)).status_code == 204


def test_removing_recovery_codes_needs_a_step_up_too(world: World) -> None:
    world.recovery_codes()
    listed = world.client().get("/v1/authenticators?sub=alice").get_json()["authenticators"]
    assert slug(remove(world, listed[0]["id"])) == REFUSED


def test_reactivating_needs_a_step_up_and_suspending_does_not(world: World) -> None:
    phone, totp = strong_and_weak(world)
    assert patch(world, totp.id, state="suspended").status_code == 200
    assert slug(patch(world, totp.id, state="active")) == REFUSED
    permit = {"challenge_id": by_phone(world, phone, PIN)}
    assert patch(world, totp.id, state="active", **permit).status_code == 200


def expired(world: World, _: Totp) -> str:
    challenge = world.client().challenge(purpose="manage", expires_in=30)
    world.clock.advance(30)
    return str(challenge["id"])


def failed(world: World, totp: Totp) -> str:
    challenge = world.client().challenge(purpose="manage")
    for _ in range(5):
        world.client().answer(challenge["id"], "totp", totp.wrong())
    return str(challenge["id"])


def of_another_subject(world: World, _: Totp) -> str:
    other = world.totp("bob")
    answer = {"method": "totp", "code": other.next()}
    return str(world.client().challenge("bob", purpose="manage", answer=answer)["id"])


def of_the_subject_in_another_realm(world: World, _: Totp) -> str:
    api = world.client("other realm", realm="other")
    other = world.totp(api=api)
    answer = {"method": "totp", "code": other.next()}
    return str(api.challenge(purpose="manage", answer=answer)["id"])


NO_STEP_UPS: dict[str, Callable[[World, Totp], str]] = {
    "an unknown one": lambda *_: "chl_unknown",
    "an empty one": lambda *_: "x",
    "for a login": lambda world, totp: by_totp(world, totp, purpose="login"),
    "of another client": lambda world, totp: by_totp(world, totp, "another"),
    "of another subject": of_another_subject,
    "of another realm": of_the_subject_in_another_realm,
    "pending": lambda world, _: str(world.client().challenge(purpose="manage")["id"]),
    "expired": expired,
    "failed": failed,
}


@pytest.mark.parametrize("make", NO_STEP_UPS.values(), ids=NO_STEP_UPS)
def test_what_is_no_step_up_permits_nothing(
    world: World, make: Callable[[World, Totp], str]
) -> None:
    totp = world.totp()
    challenge_id = make(world, totp)
    assert slug(add(world, {"challenge_id": challenge_id})) == REFUSED
    assert slug(remove(world, totp.id, challenge_id)) == REFUSED


def test_a_denied_challenge_is_no_step_up(world: World) -> None:
    phone, challenge = world.phone(), world.client().challenge(purpose="manage")
    world.send(phone, challenge["id"], phone.answer(world.fetch(phone, challenge["id"]), "deny"))
    assert slug(add(world, {"challenge_id": challenge["id"]})) == REFUSED


@pytest.mark.parametrize(("seconds", "status"), [(0, 201), (600, 201), (601, 403)])
def test_a_step_up_is_good_for_600_seconds(world: World, seconds: int, status: int) -> None:
    challenge_id = by_totp(world, world.totp())
    world.clock.advance(seconds)
    assert add(world, {"challenge_id": challenge_id}).status_code == status


def test_the_600_seconds_count_from_the_proof_not_from_the_opening(world: World) -> None:
    totp, api = world.totp(), world.client()
    challenge = api.challenge(purpose="manage", expires_in=600)
    world.clock.advance(570)
    assert world.client().answer(challenge["id"], "totp", totp.next()).status_code == 409
    challenge = world.client().challenge(purpose="manage", expires_in=600)
    world.clock.advance(540)
    assert world.client().answer(challenge["id"], "totp", totp.next()).status_code == 200
    world.clock.advance(600)
    assert add(world, {"challenge_id": challenge["id"]}).status_code == 201


def test_a_step_up_is_spent_by_its_use(world: World) -> None:
    totp = world.totp()
    permit = {"challenge_id": by_totp(world, totp)}
    assert add(world, permit, "phone").status_code == 201
    assert slug(add(world, permit, "phone")) == REFUSED
    assert slug(remove(world, totp.id, permit["challenge_id"])) == REFUSED


def test_of_many_uses_at_once_one_wins(any_world: World) -> None:
    permit = {"challenge_id": by_totp(any_world, any_world.totp())}
    any_world.client()
    barrier = threading.Barrier(6)

    def use(_: int) -> int:
        barrier.wait()
        return add(any_world, permit, "phone").status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(use, range(6)))
    assert statuses == [201, 403, 403, 403, 403, 403]


STEP_UPS = {"TOTP": "totp", "phone": "phone", "phone and PIN": "pin"}


def stepped_up(world: World, phone: Phone, totp: Totp, how: str, **asked: Any) -> str:
    if how == "totp":
        return by_totp(world, totp, **asked)
    return by_phone(world, phone, PIN if how == "pin" else None, **asked)


@pytest.mark.parametrize("how", STEP_UPS.values(), ids=STEP_UPS)
@pytest.mark.parametrize(
    ("kind", "needs_pin"), [("phone", True), ("totp", False), ("recovery_codes", False)]
)
def test_adding_needs_the_level_of_what_is_added(
    world: World, kind: str, needs_pin: bool, how: str
) -> None:
    phone, totp = strong_and_weak(world)
    permit = {"challenge_id": stepped_up(world, phone, totp, how)}
    expected = 403 if needs_pin and how != "pin" else 201
    assert add(world, permit, kind).status_code == expected


@pytest.mark.parametrize("how", STEP_UPS.values(), ids=STEP_UPS)
@pytest.mark.parametrize(("kind", "needs_pin"), [("phone", True), ("totp", False)])
def test_removing_needs_the_level_of_what_is_removed(
    world: World, kind: str, needs_pin: bool, how: str
) -> None:
    phone, totp = strong_and_weak(world)
    challenge_id = stepped_up(world, phone, totp, how)
    removed = phone.device_id if kind == "phone" else totp.id
    expected = 403 if needs_pin and how != "pin" else 204
    assert remove(world, removed, challenge_id).status_code == expected


def test_more_than_the_subject_can_reach_is_not_needed(world: World) -> None:
    totp = world.totp()
    assert add(world, {"challenge_id": by_totp(world, totp)}, "phone").status_code == 201


def test_a_phone_without_pin_can_be_joined_by_another(world: World) -> None:
    phone = world.phone()
    permit = {"challenge_id": by_phone(world, phone, None)}
    assert add(world, permit, "phone").status_code == 201


def test_the_password_counts_on_neither_side(world: World) -> None:
    phone, totp = strong_and_weak(world)
    asked = {"prior": world.prior(), "acr_values": [AAL2]}
    lifted = stepped_up(world, phone, totp, "totp", **asked)
    assert world.client().read(lifted)["acr"] == AAL2
    assert slug(add(world, {"challenge_id": lifted}, "phone")) == REFUSED


def test_a_refused_change_changes_nothing(world: World) -> None:
    phone, totp = strong_and_weak(world)
    permit = {"challenge_id": by_totp(world, totp)}
    patch(world, phone.device_id, state="suspended")
    refused = patch(world, phone.device_id, state="active", label="Mine now", **permit)
    assert slug(refused) == REFUSED
    read = world.client().get(f"/v1/authenticators/{phone.device_id}").get_json()
    assert (read["state"], read["label"]) == ("suspended", "Test phone")


def test_the_second_enrollment_opened_as_new_does_not_become_active(world: World) -> None:
    first, second = (world.client().enroll(type="totp") for _ in range(2))
    done = [world.client().confirm(e, code=_code(world, e)) for e in (first, second)]
    assert done[0].status_code == 200
    assert slug(done[1]) == REFUSED
    listed = world.client().get("/v1/authenticators?sub=alice").get_json()["authenticators"]
    assert len(listed) == 1


def test_a_phone_claimed_as_new_does_not_become_active_beside_another(world: World) -> None:
    enrollment, phone = (
        world.client().enroll(type="phone"),
        Phone("http://localhost:8000", world.clock.now),
    )
    code = world.claim(phone, enrollment["manual_code"].replace("-", "")).get_json()["check_code"]
    world.totp()
    assert slug(world.client().confirm(enrollment, check_code=code)) == REFUSED
    assert world.device(phone, "GET", "/v1/device").get_json()["state"] == "pending"


def test_a_step_up_that_became_too_weak_meanwhile_is_not_enough(world: World) -> None:
    totp = world.totp()
    enrollment = add(world, {"challenge_id": by_totp(world, totp)}, "phone").get_json()
    world.phone(pin=PIN, reason="an administrator adds a stronger one")
    late = Phone("http://localhost:8000", world.clock.now)
    code = world.claim(late, enrollment["manual_code"].replace("-", "")).get_json()["check_code"]
    assert slug(world.client().confirm(enrollment, check_code=code)) == REFUSED


def _code(world: World, enrollment: dict[str, Any]) -> str:
    return pyotp.TOTP(enrollment["secret"]).at(world.clock.now())
