"""A phone denies, or reports fraud: final, and what a report holds back (contract 3, 6)."""

from typing import Any

import pytest

from tests.support.forging import slug
from tests.support.phone import Phone, PinKey
from tests.support.world import World

FCM = {"provider": "fcm", "token": "t"}


def refuse(world: World, phone: Phone, challenge: dict[str, Any], decision: str) -> Any:
    shown = world.fetch(phone, challenge["id"])
    return world.send(phone, challenge["id"], phone.answer(shown, decision))


def report(world: World, phone: Phone) -> None:
    response = refuse(world, phone, world.client().challenge(), "report_fraud")
    assert response.get_json() == {"status": "denied"}


def outcome(world: World, challenge: dict[str, Any], client: str = "as") -> tuple[str, str | None]:
    read = world.client(client).read(challenge["id"])
    return read["status"], read["reason"]


REASONS = [("deny", "user_denied"), ("report_fraud", "fraud_reported")]


@pytest.mark.parametrize(("decision", "reason"), REASONS)
def test_a_refusal_is_final_and_costs_nothing(any_world: World, decision: str, reason: str) -> None:
    phone, challenge = any_world.phone(), any_world.client().challenge()
    response = refuse(any_world, phone, challenge, decision)
    assert (response.status_code, response.get_json()) == (200, {"status": "denied"})
    read = any_world.client().read(challenge["id"])
    assert (read["status"], read["reason"], read["attempts_left"]) == ("denied", reason, 5)


@pytest.mark.parametrize(("decision", "reason"), REASONS)
def test_after_a_refusal_nothing_else_counts(world: World, decision: str, reason: str) -> None:
    phone, challenge = world.phone(pin=PinKey()), world.client().challenge()
    totp = world.totp(reason="second")
    approval = phone.answer(world.fetch(phone, challenge["id"]), code=challenge["display_code"])
    refuse(world, phone, challenge, decision)
    assert slug(world.send(phone, challenge["id"], approval)) == (409, "challenge-not-open")
    by_code = world.client().answer(challenge["id"], "totp", totp.next())
    assert slug(by_code) == (409, "challenge-not-open")
    assert outcome(world, challenge) == ("denied", reason)


@pytest.mark.parametrize(("decision", "reason"), REASONS)
def test_the_same_refusal_again_tells_status_and_reason(
    world: World, decision: str, reason: str
) -> None:
    phone, challenge = world.phone(), world.client().challenge()
    token = phone.answer(world.fetch(phone, challenge["id"]), decision)
    world.send(phone, challenge["id"], token)
    again = world.send(phone, challenge["id"], token)
    assert slug(again) == (409, "challenge-not-open")
    assert (again.get_json()["status"], again.get_json()["reason"]) == ("denied", reason)


@pytest.mark.parametrize("decision", ["deny", "report_fraud"])
def test_another_phone_is_not_told_of_a_refusal(world: World, decision: str) -> None:
    first = world.phone()
    second = world.phone(reason="second phone")
    challenge = world.client().challenge()
    late = second.answer(world.fetch(second, challenge["id"]), "deny")
    refuse(world, first, challenge, decision)
    response = world.send(second, challenge["id"], late)
    assert slug(response) == (409, "challenge-not-open")
    assert "reason" not in response.get_json()


@pytest.mark.parametrize("decision", ["deny", "report_fraud"])
def test_a_refusal_needs_no_pin_and_no_code(world: World, decision: str) -> None:
    phone = world.phone(pin=PinKey())
    challenge = world.client().challenge(acr_values=["urn:stepup:acr:aal2"])
    assert refuse(world, phone, challenge, decision).status_code == 200


def test_a_denial_ends_only_its_own_challenge(world: World) -> None:
    phone = world.phone()
    denied, other = (world.client().challenge() for _ in range(2))
    refuse(world, phone, denied, "deny")
    assert outcome(world, other) == ("pending", None)
    assert world.approve(phone, other).status_code == 200


def test_a_report_ends_what_asks_this_users_phones_for_every_client(any_world: World) -> None:
    phone = any_world.phone()
    any_world.totp(reason="second")
    other = any_world.client("other").challenge()
    codes_only = any_world.client().challenge(methods=["totp"])
    report(any_world, phone)
    assert outcome(any_world, other, "other") == ("denied", "fraud_reported")
    assert outcome(any_world, codes_only) == ("pending", None)


def test_a_report_leaves_other_users_alone(world: World) -> None:
    phone, stranger = world.phone(), world.phone("bob")
    challenge = world.client().challenge("bob")
    report(world, phone)
    assert outcome(world, challenge) == ("pending", None)
    assert world.approve(stranger, challenge).status_code == 200


def test_a_report_leaves_ended_challenges_alone(world: World) -> None:
    phone = world.phone()
    challenge = world.client().challenge()
    world.approve(phone, challenge)
    report(world, phone)
    assert outcome(world, challenge) == ("satisfied", None)


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, "suppressed"), (1799, "suppressed"), (1800, "queued")]
)
def test_no_phone_is_notified_for_30_minutes_after_a_report(
    world: World, seconds: int, state: str
) -> None:
    phone = world.phone(push=FCM)
    report(world, phone)
    world.services.outbox.deliver()
    before = len(world.senders["fcm"].sent)
    world.clock.advance(seconds)
    challenge = world.client().challenge()
    world.services.outbox.deliver()
    assert challenge["push"]["state"] == state
    assert len(world.senders["fcm"].sent) == before + (state == "queued")


def test_no_other_phone_of_the_user_is_notified_either(world: World) -> None:
    phone = world.phone()
    world.phone(reason="second phone", push=FCM)
    report(world, phone)
    assert world.client("other").challenge()["push"]["state"] == "suppressed"


def test_nobody_is_notified_again_after_a_report(world: World) -> None:
    phone = world.phone(push=FCM)
    report(world, phone)
    challenge = world.client().challenge()
    response = world.client().post(f"/v1/challenges/{challenge['id']}/push", {})
    assert slug(response) == (429, "throttled")
    assert int(response.headers["Retry-After"]) == 1800


def test_the_opened_app_still_shows_and_answers_requests_after_a_report(world: World) -> None:
    pin = PinKey()
    phone = world.phone(pin=pin, push=FCM)
    report(world, phone)
    challenge = world.client().challenge()
    assert world.fetch(phone, challenge["id"])["fraud_reported"] is True
    bare = world.approve(phone, challenge)
    assert (bare.status_code, bare.get_json()["attempts_left"]) == (403, 5)
    assert world.approve(phone, challenge, pin=pin).get_json() == {"status": "satisfied"}


def test_a_second_report_starts_the_30_minutes_anew(world: World) -> None:
    phone = world.phone(push=FCM)
    report(world, phone)
    world.clock.advance(1000)
    report(world, phone)
    world.clock.advance(1799)
    assert world.client().challenge()["push"]["state"] == "suppressed"


def test_a_denial_holds_nothing_back(world: World) -> None:
    phone = world.phone(push=FCM)
    refuse(world, phone, world.client().challenge(), "deny")
    challenge = world.client().challenge()
    assert challenge["push"]["state"] == "queued"
    assert "fraud_reported" not in world.fetch(phone, challenge["id"])
