"""The table of faults in an answer (contract section 3): status, slug and what it costs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.phone import PinKey
from tests.support.problems import fresh_subject, problem
from tests.support.world import AAL1, AAL2, Api, Totp, World

FULL_WIDTH = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}


@dataclass
class Case:
    """Alice with a TOTP and recovery codes, and a challenge that offers both."""

    world: World
    api: Api
    sub: str
    totp: Totp
    codes: list[str]
    opened: dict[str, Any]


@pytest.fixture(scope="module")
def codes(shared_world: World) -> tuple[str, list[str]]:
    """Return a subject with recovery codes, which are slow to make."""
    sub = fresh_subject()
    return sub, shared_world.recovery_codes(sub)


@pytest.fixture
def case(shared_world: World, codes: tuple[str, list[str]]) -> Iterator[Case]:
    sub, left = codes
    totp = shared_world.totp(sub, reason="test")
    shared_world.clock.advance(90)
    api = shared_world.client()
    opened = api.challenge(sub, methods=["totp", "recovery_code"])
    yield Case(shared_world, api, sub, totp, left, opened)
    api = shared_world.client()
    for other in api.get(f"/v1/authenticators?sub={sub}").get_json()["authenticators"]:
        if other["type"] == "totp":
            api.call("DELETE", f"/v1/authenticators/{other['id']}?reason=test")


def used_totp(case: Case) -> dict[str, Any]:
    code = case.totp.code()
    before = case.api.challenge(case.sub)
    assert case.api.answer(before["id"], "totp", code).status_code == 200
    return {"method": "totp", "code": code}


def used_recovery_code(case: Case) -> dict[str, Any]:
    code = case.codes.pop()
    before = case.api.challenge(case.sub)
    assert case.api.answer(before["id"], "recovery_code", code).status_code == 200
    return {"method": "recovery_code", "code": code}


def another_users(case: Case) -> dict[str, Any]:
    return {"method": "totp", "code": case.world.totp(fresh_subject()).next()}


def of_a_suspended_one(case: Case) -> dict[str, Any]:
    case.api.call("PATCH", f"/v1/authenticators/{case.totp.id}", {"state": "suspended"})
    return {"method": "totp", "code": case.totp.code()}


def of_another_authenticator(case: Case) -> dict[str, Any]:
    other = case.world.totp(case.sub, reason="test")
    return {"method": "totp", "code": other.code(1), "authenticator_id": case.totp.id}


def with_an_unknown_authenticator(case: Case) -> dict[str, Any]:
    return {"method": "totp", "code": case.totp.code(), "authenticator_id": "aut_unknown"}


def shaped(text: str) -> Callable[[Case], dict[str, Any]]:
    return lambda _: {"method": "totp", "code": text}


def recovery(text: str) -> Callable[[Case], dict[str, Any]]:
    return lambda _: {"method": "recovery_code", "code": text}


WRONG: dict[str, Callable[[Case], dict[str, Any]]] = {
    "a wrong TOTP": lambda case: {"method": "totp", "code": case.totp.wrong()},
    "a TOTP of two steps ago": lambda case: {"method": "totp", "code": case.totp.code(-2)},
    "a TOTP two steps ahead": lambda case: {"method": "totp", "code": case.totp.code(2)},
    "a TOTP in full width digits": lambda case: {
        "method": "totp",
        "code": case.totp.code().translate(FULL_WIDTH),
    },
    "an empty TOTP": shaped(""),
    "a TOTP of five digits": shaped("12345"),
    "a TOTP of seven digits": shaped("1234567"),
    "a TOTP of letters": shaped("abcdef"),
    "a TOTP with a sign": shaped("+12345"),
    "64 characters": shaped("1" * 64),
    "a used TOTP": used_totp,
    "another user's TOTP": another_users,
    "a suspended TOTP": of_a_suspended_one,
    "another authenticator's TOTP": of_another_authenticator,
    "an unknown authenticator": with_an_unknown_authenticator,
    "a used recovery code": used_recovery_code,
    "an empty recovery code": recovery(""),
    "a recovery code of a wrong shape": recovery("AB-12"),
    "a recovery code of an unknown selector": recovery("ZZ-0000-0000-0000-0000"),
    "a wrong recovery code": lambda case: {
        "method": "recovery_code",
        "code": case.codes[0][:-4] + "0000",
    },
    "a passkey where none is offered": lambda _: {"method": "webauthn", "credential": {"id": "x"}},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_answer_is_proof_rejected_and_costs_one_attempt(
    case: Case, wrong: Callable[[Case], dict[str, Any]]
) -> None:
    proof = wrong(case)
    response = case.api.post(f"/v1/challenges/{case.opened['id']}/answers", proof)
    assert problem(response, 403, "proof-rejected")["attempts_left"] == 4
    found = case.api.read(case.opened["id"])
    assert (found["status"], found["attempts_left"]) == ("pending", 4)


def test_every_wrong_answer_gets_the_same_body(case: Case) -> None:
    bodies = []
    for wrong in WRONG.values():
        opened = case.api.challenge(case.sub, methods=["totp", "recovery_code"])
        current = Case(case.world, case.api, case.sub, case.totp, case.codes, opened)
        proof = wrong(current)
        case.api.call("PATCH", f"/v1/authenticators/{case.totp.id}", {"state": "active"})
        response = case.api.post(f"/v1/challenges/{opened['id']}/answers", proof)
        body = problem(response, 403, "proof-rejected")
        del body["instance"]
        bodies.append(body)
        case.world.clock.advance(30)
        case.world.client()
    assert bodies == [bodies[0]] * len(WRONG)


def test_a_method_that_was_not_asked_for_costs_an_attempt_though_the_code_is_right(
    case: Case,
) -> None:
    opened = case.api.challenge(case.sub, methods=["recovery_code"])
    response = case.api.answer(opened["id"], "totp", case.totp.code())
    assert problem(response, 403, "proof-rejected")["attempts_left"] == 4
    assert case.api.answer(case.opened["id"], "totp", case.totp.code()).status_code == 200


def cancelled(case: Case) -> None:
    case.api.call("DELETE", f"/v1/challenges/{case.opened['id']}")


def expired(case: Case) -> None:
    case.world.clock.advance(120)
    case.world.client()


def satisfied(case: Case) -> None:
    case.api.answer(case.opened["id"], "totp", case.totp.code(-1))


def failed(case: Case) -> None:
    for _ in range(5):
        case.api.answer(case.opened["id"], "totp", "")


def read(case: Case) -> dict[str, Any]:
    """Return the challenge without its token, which is signed anew at each reading."""
    found = case.api.read(case.opened["id"])
    return {name: value for name, value in found.items() if name != "result_token"}


@pytest.mark.parametrize("end", [cancelled, expired, satisfied, failed], ids=lambda f: f.__name__)
def test_an_answer_to_an_ended_challenge_is_409_and_spends_nothing(
    case: Case, end: Callable[[Case], None]
) -> None:
    end(case)
    before, code, recovery_code = read(case), case.totp.code(), case.codes[-1]
    assert before["status"] == end.__name__
    for method, text in (("totp", code), ("recovery_code", recovery_code), ("totp", "wrong")):
        response = case.api.answer(case.opened["id"], method, text)
        problem(response, 409, "challenge-not-open")
    assert read(case) == before
    for method, text in (("totp", code), ("recovery_code", case.codes.pop())):
        opened = case.api.challenge(case.sub)
        assert case.api.answer(opened["id"], method, text).status_code == 200


def test_the_fifth_wrong_answer_is_403_and_ends_the_challenge(case: Case) -> None:
    for left in (4, 3, 2, 1, 0):
        response = case.api.answer(case.opened["id"], "totp", case.totp.wrong())
        assert problem(response, 403, "proof-rejected")["attempts_left"] == left
    found = case.api.read(case.opened["id"])
    assert (found["status"], found["reason"]) == ("failed", "attempts_exhausted")
    response = case.api.answer(case.opened["id"], "totp", case.totp.code())
    problem(response, 409, "challenge-not-open")


def test_wrong_answers_of_all_methods_share_the_attempts(shared_world: World) -> None:
    sub, pin = fresh_subject(), PinKey()
    phone, api = shared_world.phone(sub, pin=pin), shared_world.client()
    totp = shared_world.totp(sub, reason="test")
    opened = api.challenge(sub)
    api.answer(opened["id"], "totp", totp.wrong())
    api.answer(opened["id"], "recovery_code", "none offered")
    shared_world.approve(phone, opened, code="000000" if opened["display_code"][0] != "0" else "1")
    shared_world.approve(phone, opened, pin=PinKey())
    assert api.read(opened["id"])["attempts_left"] == 1
    assert shared_world.approve(phone, opened, pin=pin).status_code == 200
    assert api.read(opened["id"])["attempts_left"] == 1


def test_an_accepted_proof_that_leaves_the_level_out_of_reach_fails_with_200(
    shared_world: World,
) -> None:
    sub, pin, api = fresh_subject(), PinKey(), shared_world.client()
    phone = shared_world.phone(sub, pin=pin)
    totp = shared_world.totp(sub, reason="test")
    opened = api.challenge(sub, acr_values=[AAL2])
    path = f"/v1/authenticators/{phone.device_id}"
    assert api.call("PATCH", path, {"state": "suspended"}).status_code == 200
    assert api.read(opened["id"])["status"] == "pending"
    response = api.answer(opened["id"], "totp", totp.next())
    assert response.status_code == 200
    found = response.get_json()
    assert (found["status"], found["reason"]) == ("failed", "unmet_authentication_requirements")
    assert "result_token" not in found
    assert "acr" not in found


def test_a_proof_that_is_not_enough_leaves_the_challenge_pending_until_the_rest_comes(
    shared_world: World,
) -> None:
    sub, pin, api = fresh_subject(), PinKey(), shared_world.client()
    phone = shared_world.phone(sub, pin=pin)
    totp = shared_world.totp(sub, reason="test")
    opened = api.challenge(sub, acr_values=[AAL2])
    first = api.answer(opened["id"], "totp", totp.next()).get_json()
    assert (first["status"], first["attempts_left"]) == ("pending", 5)
    assert "acr" not in first
    accepted_at = shared_world.clock.now()
    shared_world.clock.advance(20)
    assert shared_world.approve(phone, opened, pin=pin).get_json() == {"status": "satisfied"}
    done = api.read(opened["id"])
    assert done["amr"] == ["mca", "mfa", "otp", "pin", "swk", "user"]
    assert (done["acr"], done["auth_time"]) == (AAL2, accepted_at + 20)


def test_a_proof_that_was_enough_ends_the_challenge_at_the_lower_level_too(case: Case) -> None:
    opened = case.api.challenge(case.sub, acr_values=[AAL1], prior=case.world.prior())
    done = case.api.answer(opened["id"], "recovery_code", case.codes.pop()).get_json()
    assert (done["status"], done["acr"]) == ("satisfied", AAL1)
