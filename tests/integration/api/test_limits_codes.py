"""Twenty consecutive wrong codes suspend an authenticator, whatever lies between (contract 7)."""

from collections.abc import Iterator

import pytest

from tests.support.forging import slug
from tests.support.world import Totp, World


def state(world: World, authenticator_id: str) -> tuple[str, str | None]:
    found = world.client().get(f"/v1/authenticators/{authenticator_id}").get_json()
    return found["state"], found["suspended_by"]


FULL_WIDTH = "123456".translate({0x30 + digit: 0xFF10 + digit for digit in range(10)})
ACTIVE, SUSPENDED = ("active", None), ("suspended", "limit")


def fail(world: World, totp: Totp, times: int, **members: str) -> None:
    """Give a wrong code so often."""
    for challenge_id in fives(world, times, "totp"):
        response = world.client().answer(challenge_id, "totp", totp.wrong(), **members)
        assert slug(response) == (403, "proof-rejected")


def fives(world: World, times: int, method: str) -> Iterator[str]:
    """Yield the id of a challenge so often, a new one after five times."""
    for number in range(0, times, 5):
        challenge = world.client().challenge(methods=[method])
        yield from [str(challenge["id"])] * min(5, times - number)


def succeed(world: World, totp: Totp) -> None:
    answer = {"method": "totp", "code": totp.next()}
    assert world.client().challenge(answer=answer)["status"] == "satisfied"


def test_twenty_wrong_codes_suspend_a_totp(any_world: World) -> None:
    totp = any_world.totp()
    any_world.recovery_codes(reason="second")
    fail(any_world, totp, 19)
    before = state(any_world, totp.id)
    fail(any_world, totp, 1)
    assert (before, state(any_world, totp.id)) == (ACTIVE, SUSPENDED)


def test_a_suspended_totp_refuses_the_right_code(world: World) -> None:
    totp = world.totp()
    world.recovery_codes(reason="second")
    challenge = world.client().challenge()
    fail(world, totp, 20)
    response = world.client().answer(challenge["id"], "totp", totp.next())
    assert slug(response) == (403, "proof-rejected")


@pytest.mark.parametrize("permit", ["nothing", "a step-up", "an administrator"])
def test_what_a_limit_suspended_is_not_reactivated(world: World, permit: str) -> None:
    totp, phone = world.totp(), world.phone(reason="second")
    fail(world, totp, 20)
    body = {"state": "active"}
    if permit == "a step-up":
        body["challenge_id"] = world.step_up(phone)
    elif permit == "an administrator":
        body["reason"] = "identified"
    response = world.client().call("PATCH", f"/v1/authenticators/{totp.id}", body)
    assert slug(response) == (409, "authenticator-not-active")
    assert state(world, totp.id) == SUSPENDED


def test_a_right_code_starts_the_count_anew(world: World) -> None:
    totp = world.totp()
    fail(world, totp, 19)
    succeed(world, totp)
    fail(world, totp, 19)
    assert state(world, totp.id) == ACTIVE
    fail(world, totp, 1)
    assert state(world, totp.id) == SUSPENDED


def test_neither_time_nor_a_new_challenge_starts_it_anew(world: World) -> None:
    totp = world.totp()
    for _ in range(20):
        fail(world, totp, 1)
        world.clock.advance(86_400)
    assert state(world, totp.id) == SUSPENDED


def test_another_client_does_not_start_it_anew(world: World) -> None:
    totp = world.totp()
    fail(world, totp, 19)
    other = world.client("other").challenge()
    world.client("other").answer(other["id"], "totp", totp.wrong())
    assert state(world, totp.id) == SUSPENDED


def test_a_code_that_was_accepted_before_is_no_failure_but_costs_an_attempt(
    world: World,
) -> None:
    totp = world.totp()
    fail(world, totp, 19)
    succeed(world, totp)
    fail(world, totp, 19)
    challenge = world.client().challenge()
    left = [
        world.client().answer(challenge["id"], "totp", totp.code()).get_json()["attempts_left"]
        for _ in range(4)
    ]
    assert left == [4, 3, 2, 1]
    assert state(world, totp.id) == ACTIVE
    fail(world, totp, 1)
    assert state(world, totp.id) == SUSPENDED


def test_the_code_of_the_confirmation_is_one_that_was_accepted(world: World) -> None:
    totp = world.totp()
    for _ in range(5):
        challenge = world.client().challenge()
        for _ in range(5):
            world.client().answer(challenge["id"], "totp", totp.code())
    assert state(world, totp.id) == ACTIVE


def test_a_code_of_the_wrong_shape_is_a_failure(world: World) -> None:
    totp = world.totp()
    world.recovery_codes(reason="second")
    shapes = ["", "1", "12345", "1234567", "abcdef", FULL_WIDTH, "12 34 5", "123456\u00a0"]
    for number, challenge_id in enumerate(fives(world, 20, "totp")):
        code = shapes[number % len(shapes)]
        assert world.client().answer(challenge_id, "totp", code).status_code == 403
    assert state(world, totp.id) == SUSPENDED


def test_a_method_that_is_not_offered_costs_an_attempt_but_nobody_a_failure(
    world: World,
) -> None:
    totp = world.totp()
    world.recovery_codes(reason="second")
    for _ in range(5):
        challenge = world.client().challenge(methods=["recovery_code"])
        for _ in range(5):
            assert world.client().answer(challenge["id"], "totp", totp.wrong()).status_code == 403
    assert state(world, totp.id) == ACTIVE


def test_what_is_malformed_is_no_failure(world: World) -> None:
    totp = world.totp()
    challenge = world.client().challenge()
    for _ in range(20):
        response = world.client().answer(challenge["id"], "totp", "1" * 65)
        assert slug(response) == (422, "invalid-request")
    assert world.client().read(challenge["id"])["attempts_left"] == 5
    assert state(world, totp.id) == ACTIVE


def test_a_wrong_code_counts_at_each_of_several_totps(world: World) -> None:
    first, second = world.totp(), world.totp(reason="second")
    fail(world, first, 20)
    assert (state(world, first.id), state(world, second.id)) == (SUSPENDED, SUSPENDED)


def test_a_named_totp_is_counted_alone(world: World) -> None:
    first, second = world.totp(), world.totp(reason="second")
    fail(world, first, 20, authenticator_id=first.id)
    assert (state(world, first.id), state(world, second.id)) == (SUSPENDED, ACTIVE)


def test_the_right_code_of_one_totp_is_no_failure_of_the_other(world: World) -> None:
    first, second = world.totp(), world.totp(reason="second")
    for _ in range(21):
        succeed(world, first)
    assert (state(world, first.id), state(world, second.id)) == (ACTIVE, ACTIVE)
    fail(world, second, 19)
    succeed(world, first)
    fail(world, second, 1, authenticator_id=second.id)
    assert state(world, second.id) == SUSPENDED


def test_wrong_totps_within_a_phones_answer_count_too(world: World) -> None:
    phone, totp = world.phone(), world.totp(reason="second")
    for _ in range(20):
        proof = {"method": "totp", "code": totp.wrong()}
        assert world.approve(phone, world.client().challenge(), proof=proof).status_code == 403
    assert state(world, totp.id) == SUSPENDED


def test_twenty_wrong_recovery_codes_suspend_the_set(world: World) -> None:
    codes = world.recovery_codes()
    world.totp(reason="second")
    found = world.client().get("/v1/authenticators?sub=alice").get_json()["authenticators"]
    set_id = next(row["id"] for row in found if row["type"] == "recovery_codes")
    challenge = world.client().challenge()
    for number, challenge_id in enumerate(fives(world, 20, "recovery_code")):
        guess = f"00-{number:04}-0000-0000-0000"
        world.client().answer(challenge_id, "recovery_code", guess)
    assert state(world, set_id) == SUSPENDED
    right = world.client().answer(challenge["id"], "recovery_code", codes[0])
    assert slug(right) == (403, "proof-rejected")


def test_suspension_by_a_limit_is_audited_and_the_person_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    totp = world.totp()
    caplog.clear()
    fail(world, totp, 20)
    assert [r.message for r in caplog.records if "notify" in r.message] == [
        "notify: authenticator.disable"
    ]
