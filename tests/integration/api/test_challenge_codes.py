"""TOTP and recovery codes as people type them, and how often they may be wrong."""

import re

import pytest

from tests.support.problems import fresh_subject, problem
from tests.support.world import Api, Totp, World


@pytest.fixture
def sub() -> str:
    return fresh_subject()


@pytest.fixture
def totp(shared_world: World, sub: str) -> Totp:
    totp = shared_world.totp(sub)
    shared_world.clock.advance(90)
    return totp


def answer(totp: Totp, sub: str, code: str, method: str = "totp") -> int:
    """Open a challenge of its own, answer it once, and return the status."""
    api = totp.world.client()
    return api.answer(api.challenge(sub)["id"], method, code).status_code


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_a_totp_of_the_last_this_or_the_next_step_is_right(sub: str, totp: Totp, step: int) -> None:
    assert answer(totp, sub, totp.code(step)) == 200


@pytest.mark.parametrize("step", [-3, -2, 2, 3])
def test_a_totp_of_any_other_step_is_wrong(sub: str, totp: Totp, step: int) -> None:
    assert answer(totp, sub, totp.code(step)) == 403


def test_the_steps_of_accepted_codes_increase_strictly(sub: str, totp: Totp) -> None:
    codes = {step: totp.code(step) for step in (-1, 0, 1)}
    assert answer(totp, sub, codes[0]) == 200
    assert [answer(totp, sub, codes[step]) for step in (0, -1)] == [403, 403]
    assert answer(totp, sub, codes[1]) == 200


@pytest.mark.parametrize("text", ["{} {}", " {}{} ", "{}   {}"])
def test_spaces_in_a_totp_are_forgiven(sub: str, totp: Totp, text: str) -> None:
    code = totp.code()
    assert answer(totp, sub, text.format(code[:3], code[3:])) == 200


def test_of_two_totps_either_may_answer_and_each_code_works_once(sub: str, totp: Totp) -> None:
    second = totp.world.totp(sub, reason="test")
    totp.world.clock.advance(30)
    codes = [totp.code(), second.code()]
    assert [answer(totp, sub, code) for code in codes] == [200, 200]
    assert [answer(totp, sub, code) for code in codes] == [403, 403]


def test_authenticator_id_chooses_which_totp_is_asked(sub: str, totp: Totp) -> None:
    second, api = totp.world.totp(sub, reason="test"), totp.world.client()
    totp.world.clock.advance(30)
    opened = api.challenge(sub)
    wrong = api.answer(opened["id"], "totp", second.code(), authenticator_id=totp.id)
    right = api.answer(opened["id"], "totp", second.code(), authenticator_id=second.id)
    assert (wrong.status_code, right.status_code) == (403, 200)


def authenticator(api: Api, authenticator_id: str) -> dict[str, object]:
    return dict(api.get(f"/v1/authenticators/{authenticator_id}").get_json())


def fail(totp: Totp, sub: str, times: int) -> None:
    """Give wrong codes, five per challenge."""
    api = totp.world.client()
    while times:
        opened = api.challenge(sub)
        for _ in range(min(times, 5)):
            assert api.answer(opened["id"], "totp", totp.wrong()).status_code == 403
            times -= 1


def test_twenty_consecutive_wrong_totps_suspend_it_by_limit(sub: str, totp: Totp) -> None:
    fail(totp, sub, 19)
    assert authenticator(totp.world.client(), totp.id)["state"] == "active"
    fail(totp, sub, 1)
    api = totp.world.client()
    found = authenticator(api, totp.id)
    assert (found["state"], found["suspended_by"]) == ("suspended", "limit")
    problem(api.post("/v1/challenges", {"sub": sub}), 409, "acr-unattainable")


def test_a_right_code_starts_the_count_anew(sub: str, totp: Totp) -> None:
    fail(totp, sub, 19)
    assert answer(totp, sub, totp.next()) == 200
    fail(totp, sub, 19)
    assert answer(totp, sub, totp.next()) == 200


def test_an_accepted_code_again_costs_an_attempt_but_is_no_consecutive_failure(
    sub: str, totp: Totp
) -> None:
    code = totp.code()
    assert answer(totp, sub, code) == 200
    for _ in range(5):
        opened = (api := totp.world.client()).challenge(sub)
        for left in (4, 3, 2, 1, 0):
            found = problem(api.answer(opened["id"], "totp", code), 403, "proof-rejected")
            assert found["attempts_left"] == left
    assert answer(totp, sub, totp.next()) == 200


def test_the_count_is_kept_over_challenges_of_all_clients(sub: str, totp: Totp) -> None:
    apis = [totp.world.client(), totp.world.client("another")]
    for turn in range(20):
        api = apis[turn % 2]
        assert api.answer(api.challenge(sub)["id"], "totp", totp.wrong()).status_code == 403
    assert authenticator(apis[0], totp.id)["suspended_by"] == "limit"


def test_failures_of_one_totp_do_not_suspend_another_users(sub: str, totp: Totp) -> None:
    bob = fresh_subject()
    theirs = totp.world.totp(bob)
    fail(totp, sub, 20)
    assert answer(theirs, bob, theirs.next()) == 200


@pytest.fixture(scope="module")
def recovery(shared_world: World) -> tuple[str, list[str]]:
    sub = fresh_subject()
    return sub, shared_world.recovery_codes(sub)


def spend(world: World, sub: str, code: str) -> int:
    api = world.client()
    return api.answer(api.challenge(sub)["id"], "recovery_code", code).status_code


def test_recovery_codes_have_the_format_of_the_contract(
    recovery: tuple[str, list[str]],
) -> None:
    shape = re.compile(r"[0-9A-HJKMNP-TV-Z]{2}(-[0-9A-HJKMNP-TV-Z]{4}){4}")
    assert len(set(recovery[1])) == len(recovery[1]) <= 10
    assert all(shape.fullmatch(code) for code in recovery[1])


TYPED = {
    "as shown": lambda code: code,
    "in lower case": str.lower,
    "without dashes": lambda code: code.replace("-", ""),
    "with O I and L": lambda code: code.replace("0", "o").replace("1", "l"),
}


@pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED.keys())
def test_a_recovery_code_is_accepted_as_typed_and_once(
    shared_world: World, recovery: tuple[str, list[str]], typed: object
) -> None:
    assert callable(typed)
    sub, codes = recovery
    code = codes.pop()
    assert [spend(shared_world, sub, text) for text in (typed(code), code, typed(code))] == [
        200,
        403,
        403,
    ]


def test_one_recovery_code_is_used_up_and_the_set_stays(
    shared_world: World, recovery: tuple[str, list[str]]
) -> None:
    sub, codes = recovery
    api = shared_world.client()
    before = api.get(f"/v1/users?sub={sub}").get_json()["users"][0]
    assert spend(shared_world, sub, codes.pop()) == 200
    after = api.get(f"/v1/users?sub={sub}").get_json()["users"][0]
    assert after["recovery_codes_left"] == before["recovery_codes_left"] - 1
    assert after["authenticators"][0]["id"] == before["authenticators"][0]["id"]
    assert after["authenticators"][0]["codes_left"] == after["recovery_codes_left"]


def test_twenty_consecutive_wrong_recovery_codes_suspend_the_set(shared_world: World) -> None:
    sub = fresh_subject()
    codes, api = shared_world.recovery_codes(sub), shared_world.client()
    for _ in range(4):
        opened = api.challenge(sub)
        for _ in range(5):
            wrong = codes[0][:-4] + "ZZZZ"
            assert api.answer(opened["id"], "recovery_code", wrong).status_code == 403
    problem(api.post("/v1/challenges", {"sub": sub}), 409, "acr-unattainable")


def test_a_set_whose_codes_are_all_used_offers_nothing(shared_world: World) -> None:
    sub = fresh_subject()
    codes = shared_world.recovery_codes(sub)
    assert [spend(shared_world, sub, code) for code in codes] == [200] * 10
    api = shared_world.client()
    problem(api.post("/v1/challenges", {"sub": sub}), 409, "acr-unattainable")
