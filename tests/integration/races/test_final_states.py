"""A challenge ends once, whoever answers at the same moment, and the losers spend nothing."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from werkzeug.test import TestResponse

from mfa_service.persistence.models import AuditEvent, Challenge
from tests.integration.races.rows import column
from tests.support.phone import Phone, PinKey
from tests.support.racing import race, statuses
from tests.support.world import World

Call = Callable[[], TestResponse]
ENDS = {
    "approve": ("satisfied", None),
    "deny": ("denied", "user_denied"),
    "report_fraud": ("denied", "fraud_reported"),
    "cancel": ("cancelled", None),
}


def sendings(
    world: World, phone: Phone, challenge: dict[str, Any], decision: str, times: int
) -> list[Call]:
    """Return calls that send the same decision, each with a JWS of its own."""
    asked = world.fetch(phone, challenge["id"])
    code = challenge["display_code"] if decision == "approve" else None
    tokens = [phone.answer(asked, decision, code=code, pin=phone.pin) for _ in range(times)]
    return [partial(world.send, phone, challenge["id"], token) for token in tokens]


@pytest.mark.parametrize("attempt", range(2))
def test_approve_against_deny_against_report_against_cancel_has_one_winner(
    any_world: World, attempt: int
) -> None:
    phone, api = any_world.phone(pin=PinKey()), any_world.client()
    challenge = api.challenge()
    calls: list[tuple[str, Call]] = [
        ("cancel", partial(api.call, "DELETE", f"/v1/challenges/{challenge['id']}"))
    ]
    for decision in ("approve", "deny", "report_fraud"):
        made = sendings(any_world, phone, challenge, decision, 3)
        calls += [(decision, call) for call in made]
    calls = calls[attempt:] + calls[:attempt]
    answers = race([call for _, call in calls])
    won = [
        name
        for (name, _), answer in zip(calls, answers, strict=True)
        if answer.status_code in {200, 204}
    ]
    assert len(won) == 1
    assert {a.status_code for a in answers} <= {200, 204, 409}
    ended = api.read(challenge["id"])
    assert (ended["status"], ended["reason"]) == ENDS[won[0]]


def test_an_approval_that_lost_to_a_denial_spends_neither_code(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    step_up = api.challenge(purpose="manage")
    api.answer(step_up["id"], "totp", totp.next())
    phone = any_world.phone(challenge_id=step_up["id"])
    challenge, code = api.challenge(), totp.next()
    asked = any_world.fetch(phone, challenge["id"])
    proof = {"method": "totp", "code": code}
    approval = phone.answer(asked, code=challenge["display_code"], proof=proof)
    approve: Call = partial(any_world.send, phone, challenge["id"], approval)
    approved, *denied = race([approve, *sendings(any_world, phone, challenge, "deny", 5)])
    assert statuses([approved, *denied]) == {200: 1, 409: 5}
    later = api.answer(api.challenge(methods=["totp"])["id"], "totp", code)
    assert later.status_code == (403 if approved.status_code == 200 else 200)


def test_a_code_against_an_approval_satisfies_once_and_the_loser_spends_nothing(
    any_world: World,
) -> None:
    codes = any_world.recovery_codes()
    api = any_world.client("admin")
    phone = any_world.phone(api=api, reason="second factor")
    challenge = api.challenge()
    by_code: list[Call] = [
        partial(api.answer, challenge["id"], "recovery_code", code) for code in codes[:4]
    ]
    answers = race([*by_code, *sendings(any_world, phone, challenge, "approve", 4)])
    assert statuses(answers) == {200: 1, 409: 7}
    (user,) = api.get("/v1/users?sub=alice").get_json()["users"]
    by_page = statuses(answers[:4]).get(200, 0)
    assert user["recovery_codes_left"] == 10 - by_page
    assert api.read(challenge["id"])["amr"] == (
        ["otp", "recovery"] if by_page else ["mca", "swk", "user"]
    )


def test_the_same_approval_many_times_is_accepted_once(any_world: World) -> None:
    phone, api = any_world.phone(), any_world.client()
    challenge = api.challenge()
    asked = any_world.fetch(phone, challenge["id"])
    token = phone.answer(asked, code=challenge["display_code"])
    answers = race([partial(any_world.send, phone, challenge["id"], token)] * 16)
    assert statuses(answers) == {200: 1, 409: 15}
    refused = [a.get_json() for a in answers if a.status_code == 409]
    assert {(r["status"], r.get("reason")) for r in refused} == {("satisfied", None)}


def test_an_ended_challenge_is_audited_as_ended_once(any_world: World) -> None:
    phone, api = any_world.phone(), any_world.client()
    challenge = api.challenge()
    race(sendings(any_world, phone, challenge, "approve", 8))
    mine = AuditEvent.challenge_id == challenge["id"]
    assert column(any_world, AuditEvent.result, mine).count("satisfied") == 1


def test_two_phones_of_one_user_satisfy_once(any_world: World) -> None:
    first, api = any_world.phone(pin=PinKey()), any_world.client()
    second = any_world.phone(pin=PinKey(), challenge_id=any_world.step_up(first))
    challenge = api.challenge()
    calls = [
        call
        for phone in (first, second)
        for call in sendings(any_world, phone, challenge, "approve", 4)
    ]
    assert statuses(race(calls)) == {200: 1, 409: 7}


def test_a_fraud_report_against_new_challenges_leaves_none_that_rings(any_world: World) -> None:
    push = {"provider": "fcm", "token": "t" * 40}
    phone, api = any_world.phone(push=push), any_world.client()
    reported = api.challenge()
    (report,) = sendings(any_world, phone, reported, "report_fraud", 1)
    opening: Call = partial(api.post, "/v1/challenges", {"sub": "alice"})
    answer, *opened = race([report, *[opening] * 6])
    assert (answer.status_code, statuses(opened)) == (200, {201: 6})
    left = Challenge.status == "pending"
    assert set(column(any_world, Challenge.push_state, left)) <= {"suppressed"}
    assert any_world.services.outbox.deliver() <= 1
