"""Open and answer in one call: right, wrong, and not enough."""

import pytest

from tests.support.phone import PinKey
from tests.support.problems import fresh_subject, problem
from tests.support.world import AAL2, World

FCM = {"provider": "fcm", "token": "t"}


@pytest.fixture
def sub() -> str:
    return fresh_subject()


def sent(world: World) -> int:
    """Deliver what is due and return how many notifications went out so far."""
    world.services.outbox.deliver()
    return len(world.senders["fcm"].sent)


def test_a_right_answer_satisfies_at_once_and_nobody_is_pushed(world: World, sub: str) -> None:
    world.phone(sub, pin=PinKey(), push=FCM)
    totp = world.totp(sub, reason="test")
    answer = {"method": "totp", "code": totp.next()}
    body = {"sub": sub, "acr_values": [AAL2], "prior": world.prior(), "answer": answer}
    response = world.client().post("/v1/challenges", body)
    assert response.status_code == 201
    found = response.get_json()
    assert (found["status"], found["acr"], found["attempts_left"]) == ("satisfied", AAL2, 5)
    assert found["result_token"]
    assert "display_code" not in found
    assert response.headers["Location"].endswith(found["id"])
    assert (found["push"]["state"], sent(world)) == ("none", 0)


def test_a_wrong_answer_costs_an_attempt_and_then_the_phone_is_pushed(
    world: World, sub: str
) -> None:
    pin = PinKey()
    phone = world.phone(sub, pin=pin, push=FCM)
    totp = world.totp(sub, reason="test")
    found = world.client().challenge(sub, answer={"method": "totp", "code": totp.wrong()})
    assert (found["status"], found["attempts_left"]) == ("pending", 4)
    assert (found["push"]["state"], sent(world)) == ("queued", 1)
    assert world.approve(phone, found, pin=pin).get_json() == {"status": "satisfied"}


def test_an_answer_that_is_not_enough_leaves_it_pending_and_pushes_the_phone(
    world: World, sub: str
) -> None:
    pin = PinKey()
    phone = world.phone(sub, pin=pin, push=FCM)
    totp = world.totp(sub, reason="test")
    answer = {"method": "totp", "code": totp.next()}
    found = world.client().challenge(sub, acr_values=[AAL2], answer=answer)
    assert (found["status"], found["attempts_left"]) == ("pending", 5)
    assert (found["push"]["state"], sent(world)) == ("queued", 1)
    world.approve(phone, found, pin=pin)
    done = world.client().read(found["id"])
    assert done["amr"] == ["mca", "mfa", "otp", "pin", "swk", "user"]


def test_a_wrong_answer_without_a_phone_can_be_followed_by_a_right_one(
    world: World, sub: str
) -> None:
    totp, api = world.totp(sub), world.client()
    found = api.challenge(sub, answer={"method": "totp", "code": totp.wrong()})
    assert (found["status"], found["attempts_left"]) == ("pending", 4)
    assert api.answer(found["id"], "totp", totp.next()).get_json()["status"] == "satisfied"


def test_a_recovery_code_answers_in_one_call_and_once(world: World, sub: str) -> None:
    codes, api = world.recovery_codes(sub), world.client()
    answer = {"method": "recovery_code", "code": codes[0]}
    statuses = [api.challenge(sub, answer=answer)["status"] for _ in range(2)]
    assert statuses == ["satisfied", "pending"]


def test_an_answer_by_a_method_that_is_not_offered_costs_an_attempt(world: World, sub: str) -> None:
    totp, api = world.totp(sub), world.client()
    codes = world.recovery_codes(sub, reason="test")
    answer = {"method": "recovery_code", "code": codes[0]}
    found = api.challenge(sub, methods=["totp"], answer=answer)
    assert (found["status"], found["attempts_left"]) == ("pending", 4)
    assert api.answer(found["id"], "totp", totp.next()).status_code == 200
    assert api.challenge(sub, answer=answer)["status"] == "satisfied"


def test_an_answer_to_what_is_unattainable_is_not_spent(world: World, sub: str) -> None:
    totp, api = world.totp(sub), world.client()
    answer = {"method": "totp", "code": totp.next()}
    body = {"sub": sub, "acr_values": [AAL2], "answer": answer}
    problem(api.post("/v1/challenges", body), 409, "acr-unattainable")
    assert api.challenge(sub, answer=answer)["status"] == "satisfied"


def test_wrong_one_call_answers_count_towards_the_limit_of_the_authenticator(
    world: World, sub: str
) -> None:
    totp, api = world.totp(sub), world.client()
    for _ in range(20):
        api.challenge(sub, answer={"method": "totp", "code": totp.wrong()})
    found = api.get(f"/v1/authenticators/{totp.id}").get_json()
    assert (found["state"], found["suspended_by"]) == ("suspended", "limit")
