"""Notifying again, and what a fraud report holds back (contract sections 3 and 7)."""

from typing import Any

import pytest

from tests.support.phone import Phone, PinKey
from tests.support.problems import problem
from tests.support.world import Api, World

FCM = {"provider": "fcm", "token": "t"}
FIVE_MINUTES, DAY, HALF_AN_HOUR = 300, 86_400, 1800


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone(pin=PinKey(), push=FCM)


def opened(world: World, client: str = "as", **members: Any) -> dict[str, Any]:
    return world.client(client).challenge(**members)


def cancel(world: World, challenge: dict[str, Any], client: str = "as") -> None:
    world.client(client).call("DELETE", f"/v1/challenges/{challenge['id']}")


def pushed(world: World, client: str = "as") -> str:
    """Open a challenge, cancel it, and return the state of its notification."""
    challenge = opened(world, client)
    cancel(world, challenge, client)
    return str(challenge["push"]["state"])


def again(world: World, challenge: dict[str, Any], body: Any = None, client: str = "as") -> Any:
    return world.client(client).post(f"/v1/challenges/{challenge['id']}/push", body)


def throttled(response: Any) -> int:
    """Return the seconds to wait of a refusal."""
    problem(response, 429, "throttled")
    return int(response.headers["Retry-After"])


pytestmark = pytest.mark.usefixtures("phone")


def test_another_persons_pushes_do_not_count(world: World) -> None:
    world.phone("bob", push=FCM)
    for _ in range(4):
        pushed(world)
    challenge = opened(world, sub="bob")
    assert challenge["push"]["state"] == "queued"


def test_resending_is_202_and_counts(world: World) -> None:
    start, challenge = world.clock.now(), opened(world, expires_in=600)
    for seconds in (10, 20):
        world.clock.at = start + seconds
        response = again(world, challenge)
        assert response.status_code == 202
        assert response.get_json()["push"]["state"] == "queued"
    world.clock.at = start + 30
    assert throttled(again(world, challenge)) == FIVE_MINUTES - 30
    world.clock.at = start + FIVE_MINUTES - 1
    assert throttled(again(world, challenge)) == 1
    world.clock.at = start + FIVE_MINUTES
    assert again(world, challenge).status_code == 202
    world.services.outbox.deliver()
    assert len(world.senders["fcm"].sent) == 4


def test_a_refused_resend_is_not_counted_and_changes_nothing(world: World) -> None:
    start, challenge = world.clock.now(), opened(world, expires_in=600)
    again(world, challenge)
    again(world, challenge)
    world.services.outbox.deliver()
    for _ in range(5):
        world.clock.advance(10)
        throttled(again(world, challenge))
    assert world.client().read(challenge["id"])["push"]["state"] == "accepted"
    world.clock.at = start + FIVE_MINUTES
    assert again(world, challenge).status_code == 202


def test_a_resend_of_the_day_waits_for_the_end_of_the_day(world: World) -> None:
    start = world.clock.now()
    for _ in range(10):
        pushed(world)
        world.clock.advance(FIVE_MINUTES)
    challenge = opened(world)
    left = start + DAY - world.clock.now()
    assert throttled(again(world, challenge)) == left


def test_a_resend_can_name_the_phone(world: World, phone: Phone) -> None:
    other = world.phone(push={"provider": "fcm", "token": "u"}, reason="test")
    challenge = opened(world)
    world.services.outbox.deliver()
    del world.senders["fcm"].sent[:]
    response = again(world, challenge, {"authenticator_id": other.device_id})
    assert response.status_code == 202
    world.services.outbox.deliver()
    assert [message.address["token"] for message in world.senders["fcm"].sent] == ["u"]
    assert phone.device_id != other.device_id


def test_a_phone_that_is_not_offered_cannot_be_notified_again(world: World, phone: Phone) -> None:
    totp = world.totp(reason="test")
    challenge = opened(world)
    for other in ("aut_unknown", totp.id):
        response = again(world, challenge, {"authenticator_id": other})
        problem(response, 409, "authenticator-not-active")
    without = opened(world, methods=["totp"])
    problem(again(world, without), 409, "authenticator-not-active")
    path = f"/v1/authenticators/{phone.device_id}"
    world.client().call("PATCH", path, {"state": "suspended"})
    problem(again(world, challenge), 409, "authenticator-not-active")


def test_an_ended_challenge_is_not_pushed_again(world: World) -> None:
    challenge = opened(world)
    cancel(world, challenge)
    problem(again(world, challenge), 409, "challenge-not-open")


FAULTY: list[Any] = [{"authenticator_id": 1}, {"x": 1}, {"authenticator_id": None}]


@pytest.mark.parametrize("body", FAULTY, ids=str)
def test_a_faulty_body_of_a_resend_is_422(world: World, body: Any) -> None:
    problem(again(world, opened(world), body), 422, "invalid-request")


def report(world: World, phone: Phone, challenge: dict[str, Any]) -> None:
    token = phone.answer(world.fetch(phone, challenge["id"]), "report_fraud")
    assert world.send(phone, challenge["id"], token).status_code == 200


def test_after_a_fraud_report_nobody_is_pushed_for_30_minutes(world: World, phone: Phone) -> None:
    report(world, phone, opened(world))
    assert [pushed(world), pushed(world, "another")] == ["suppressed", "suppressed"]
    challenge = opened(world, expires_in=60)
    assert throttled(again(world, challenge)) == HALF_AN_HOUR
    asked = world.fetch(phone, challenge["id"])
    assert asked["fraud_reported"] is True
    world.clock.advance(HALF_AN_HOUR - 1)
    assert pushed(world) == "suppressed"
    world.clock.advance(1)
    assert pushed(world) == "queued"


def test_a_fraud_report_ends_what_is_pending_of_all_clients_and_offers_push(
    world: World, phone: Phone
) -> None:
    world.totp(reason="test")
    here, there = opened(world), opened(world, "another")
    without = opened(world, "another", methods=["totp"])
    report(world, phone, here)
    for client, challenge in (("as", here), ("another", there)):
        found: Api = world.client(client)
        state = found.read(challenge["id"])
        assert (state["status"], state["reason"]) == ("denied", "fraud_reported")
    assert world.client("another").read(without["id"])["status"] == "pending"
