"""Attacks by parallel tries, on each database: an attempt is paid before anything is compared."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest

from tests.support.phone import Phone, PinKey
from tests.support.world import ISSUER, Totp, World

Call = Callable[[], int]


def at_once(calls: Sequence[Call]) -> list[int]:
    """Run the calls in threads that all start together; return their statuses."""
    barrier = threading.Barrier(len(calls))

    def run(call: Call) -> int:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_parallel_guesses_get_no_more_than_the_five_attempts(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    challenge, code = api.challenge(), totp.wrong()
    statuses = at_once(
        [lambda: api.answer(challenge["id"], "totp", code).status_code for _ in range(12)]
    )
    assert Counter(statuses) == {403: 5, 409: 7}
    done = api.read(challenge["id"])
    assert (done["attempts_left"], done["status"]) == (0, "failed")


def test_parallel_guesses_over_many_challenges_get_no_more_than_twenty(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    ids = [api.challenge()["id"] for _ in range(6)]
    wrong = totp.wrong()

    def guess(id_: str) -> Call:
        return lambda: max(api.answer(id_, "totp", wrong).status_code for _ in range(5))

    at_once([guess(id_) for id_ in ids])
    found = api.get(f"/v1/authenticators/{totp.id}").get_json()
    assert (found["state"], found["suspended_by"]) == ("suspended", "limit")


def test_one_code_in_many_challenges_at_once_satisfies_one(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    ids = [api.challenge()["id"] for _ in range(6)]
    code = totp.next()

    def redeem(id_: str) -> Call:
        return lambda: api.answer(id_, "totp", code).status_code

    assert Counter(at_once([redeem(id_) for id_ in ids])) == {200: 1, 403: 5}


def test_one_recovery_code_redeemed_many_times_at_once_counts_once(any_world: World) -> None:
    codes, api = any_world.recovery_codes(), any_world.client()
    ids = [api.challenge()["id"] for _ in range(5)]

    def redeem(id_: str) -> Call:
        return lambda: api.answer(id_, "recovery_code", codes[0]).status_code

    statuses = at_once([redeem(id_) for id_ in ids])
    user = api.get("/v1/users?sub=alice").get_json()["users"][0]
    assert Counter(statuses) == {200: 1, 403: 4}
    assert user["recovery_codes_left"] == 9


def test_approving_against_denying_has_one_outcome(any_world: World) -> None:
    phones = (any_world.phone(), any_world.phone(reason="second phone"))
    for _ in range(3):
        challenge = any_world.client().challenge()
        asked = [any_world.fetch(phone, challenge["id"]) for phone in phones]
        tokens = (
            phones[0].answer(asked[0], code=challenge["display_code"]),
            phones[1].answer(asked[1], "deny"),
        )

        def send(number: int, id_: str = challenge["id"], made: Sequence[str] = tokens) -> Call:
            return lambda: any_world.send(phones[number], id_, made[number]).status_code

        statuses = at_once([send(0), send(1)])
        status = any_world.client().read(challenge["id"])["status"]
        assert sorted(statuses) == [200, 409]
        assert status == ("satisfied" if statuses[0] == 200 else "denied")


def test_one_approval_sent_many_times_at_once_is_accepted_once(any_world: World) -> None:
    phone, challenge = any_world.phone(), any_world.client().challenge()
    asked = any_world.fetch(phone, challenge["id"])
    token = phone.answer(asked, code=challenge["display_code"])
    statuses = at_once(
        [lambda: any_world.send(phone, challenge["id"], token).status_code for _ in range(6)]
    )
    assert Counter(statuses) == {200: 1, 409: 5}
    assert any_world.client().read(challenge["id"])["attempts_left"] == 5


def test_parallel_wrong_pins_get_no_more_than_ten(any_world: World) -> None:
    pin = PinKey()
    phone = any_world.phone(pin=pin)
    challenges = [any_world.client().challenge() for _ in range(12)]

    def guess(number: int) -> Call:
        return lambda: any_world.approve(phone, challenges[number], pin=PinKey()).status_code

    assert set(at_once([guess(number) for number in range(12)])) == {403}
    assert any_world.device(phone, "GET", "/v1/device").get_json()["pin"] == "disabled"
    late = any_world.approve(phone, any_world.client().challenge(), pin=pin)
    assert late.status_code == 403


def test_two_keys_that_claim_at_once_end_with_at_most_one_phone(any_world: World) -> None:
    enrollment = any_world.client().enroll(type="phone")
    code = enrollment["manual_code"].replace("-", "")
    phones = [Phone(ISSUER, any_world.clock.now) for _ in range(4)]

    def claim(phone: Phone) -> Call:
        return lambda: any_world.claim(phone, code).status_code

    statuses = at_once([claim(phone) for phone in phones])
    assert Counter(statuses) == {201: 1, 409: 3}
    read = any_world.client().get(f"/v1/enrollments/{enrollment['id']}").get_json()
    assert read["state"] == "expired"
    first = phones[statuses.index(201)]
    assert any_world.device(first, "GET", "/v1/device").status_code == 401


def test_two_enrollments_opened_as_new_and_confirmed_at_once_leave_one(any_world: World) -> None:
    api = any_world.client()
    enrollments = [api.enroll(type="totp") for _ in range(4)]
    codes = [Totp(any_world, pyotp.TOTP(made["secret"])).code() for made in enrollments]

    def confirm(number: int) -> Call:
        return lambda: api.confirm(enrollments[number], code=codes[number]).status_code

    statuses = at_once([confirm(number) for number in range(4)])
    listed = api.get("/v1/authenticators?sub=alice").get_json()["authenticators"]
    assert Counter(statuses) == {200: 1, 403: 3}
    assert len(listed) == 1


def test_five_parallel_guesses_of_a_check_code_are_all_there_are(any_world: World) -> None:
    api = any_world.client()
    enrollment, phone = api.enroll(type="phone"), Phone(ISSUER, any_world.clock.now)
    claimed = any_world.claim(phone, enrollment["manual_code"].replace("-", "")).get_json()
    wrong = f"{(int(claimed['check_code']) + 1) % 1_000_000:06}"
    statuses = at_once(
        [lambda: api.confirm(enrollment, check_code=wrong).status_code for _ in range(9)]
    )
    assert Counter(statuses) == {403: 5, 409: 4}
    assert any_world.device(phone, "GET", "/v1/device").status_code == 401


@pytest.mark.parametrize("kind", ["deny", "report_fraud"])
def test_a_cancelled_and_refused_challenge_has_one_outcome(any_world: World, kind: str) -> None:
    phone, api = any_world.phone(), any_world.client()
    challenge = api.challenge()
    token = phone.answer(any_world.fetch(phone, challenge["id"]), kind)
    path = f"/v1/challenges/{challenge['id']}"
    refused, cancelled = at_once(
        [
            lambda: any_world.send(phone, challenge["id"], token).status_code,
            lambda: api.call("DELETE", path).status_code,
        ]
    )
    status = api.read(challenge["id"])["status"]
    assert (refused, cancelled, status) in {(200, 409, "denied"), (409, 204, "cancelled")}
