"""Parallel guesses buy nothing: attempts are counted before anything is compared."""

import secrets
from functools import partial
from typing import Any

import pytest
from werkzeug.test import TestResponse

from mfa_service.persistence.models import Authenticator, Device
from tests.integration.races.rows import column
from tests.support.phone import Phone, PinKey, thumbprint
from tests.support.racing import race, slugs, statuses
from tests.support.world import World

GUESSES = 16


def attempts_left(answers: list[TestResponse]) -> list[int]:
    """Return what the refusals said, lowest first."""
    return sorted(r.get_json()["attempts_left"] for r in answers if r.status_code == 403)


def test_many_wrong_codes_at_once_get_exactly_five_tries(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    challenge = api.challenge()
    guess = partial(api.answer, challenge["id"], "totp", totp.wrong())
    answers = race([guess] * GUESSES)
    assert statuses(answers) == {403: 5, 409: GUESSES - 5}
    assert slugs(answers) == {"proof-rejected", "challenge-not-open"}
    assert attempts_left(answers) == [0, 1, 2, 3, 4]
    ended = api.read(challenge["id"])
    assert (ended["status"], ended["reason"]) == ("failed", "attempts_exhausted")


def test_many_wrong_recovery_codes_at_once_get_five_tries_at_most(any_world: World) -> None:
    """Who was compared when the fifth try ended the challenge is told that it ended."""
    any_world.recovery_codes()
    api = any_world.client()
    challenge = api.challenge()
    guess = partial(api.answer, challenge["id"], "recovery_code", "A" * 16)
    answers = race([guess] * GUESSES)
    assert set(statuses(answers)) == {403, 409}
    assert 1 <= statuses(answers)[403] <= 5
    ended = api.read(challenge["id"])
    assert (ended["reason"], ended["attempts_left"]) == ("attempts_exhausted", 0)


def test_page_and_phone_share_the_five_tries(any_world: World) -> None:
    phone, api = any_world.phone(), any_world.client()
    challenge = api.challenge()
    wrong = "000000" if challenge["display_code"] != "000000" else "000001"
    asked = any_world.fetch(phone, challenge["id"])
    by_phone = [
        partial(any_world.send, phone, challenge["id"], phone.answer(asked, code=wrong))
        for _ in range(GUESSES // 2)
    ]
    by_page = [partial(api.answer, challenge["id"], "totp", "123456")] * (GUESSES // 2)
    answers = race([*by_phone, *by_page])
    assert statuses(answers) == {403: 5, 409: GUESSES - 5}
    assert attempts_left(answers) == [0, 1, 2, 3, 4]


def test_a_right_code_among_wrong_ones_wins_or_stays_unspent(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    challenge, code = api.challenge(), totp.next()
    guess = partial(api.answer, challenge["id"], "totp", totp.wrong())
    right = partial(api.answer, challenge["id"], "totp", code)
    *wrong, answer = race([*[guess] * 7, right])
    ended = api.read(challenge["id"])["status"]
    refused = statuses(wrong).get(403, 0)
    assert set(statuses([*wrong, answer])) <= {200, 403, 409}
    if answer.status_code == 200:
        assert (ended, refused < 5) == ("satisfied", True)
    else:
        assert (answer.status_code, ended, refused) == (409, "failed", 5)
        assert api.answer(api.challenge()["id"], "totp", code).status_code == 200


def test_a_right_recovery_code_among_wrong_ones_wins_or_stays_unspent(any_world: World) -> None:
    codes, api = any_world.recovery_codes(), any_world.client()
    challenge = api.challenge()
    guess = partial(api.answer, challenge["id"], "recovery_code", "A" * 16)
    right = partial(api.answer, challenge["id"], "recovery_code", codes[0])
    *wrong, answer = race([*[guess] * 7, right])
    assert statuses(wrong).get(403, 0) <= 5
    won = answer.status_code == 200
    assert api.read(challenge["id"])["status"] == ("satisfied" if won else "failed")
    again = api.answer(api.challenge()["id"], "recovery_code", codes[0])
    assert (answer.status_code, again.status_code) in {(200, 403), (409, 200)}


def wrong_pins(world: World, phone_pin: PinKey, challenges: int, each: int) -> list[TestResponse]:
    """Answer several challenges at once with the right display code and a wrong PIN."""
    phone = world.phone(pin=phone_pin)
    calls = []
    for _ in range(challenges):
        challenge = world.client().challenge(expires_in=600)
        asked = world.fetch(phone, challenge["id"])
        for _ in range(each):
            token = phone.answer(asked, code=challenge["display_code"], pin=PinKey())
            calls.append(partial(world.send, phone, challenge["id"], token))
    return race(calls)


def test_wrong_pins_over_many_challenges_are_compared_ten_times(any_world: World) -> None:
    answers = wrong_pins(any_world, PinKey(), challenges=6, each=4)
    assert statuses(answers) == {403: 24}
    assert column(any_world, Device.pin_failures) == [10]
    assert column(any_world, Device.pin) == ["disabled"]


def test_nine_wrong_pins_at_once_leave_the_pin_set(any_world: World) -> None:
    assert statuses(wrong_pins(any_world, PinKey(), challenges=3, each=3)) == {403: 9}
    assert column(any_world, Device.pin_failures) == [9]
    assert column(any_world, Device.pin) == ["set"]


def pin_change(phone: Phone, old: PinKey) -> tuple[dict[str, Any], str]:
    """Return the body of a PIN change whose new proof is right, and the `jti` it is bound to."""
    jti, new = secrets.token_urlsafe(16), PinKey()
    text = f"stepup-pin/1.set.{phone.device_id}.{jti}.{thumbprint(new.jwk)}"
    proofs = {"pin_proof": new.sign(text), "old_pin_proof": old.sign(text)}
    return {"pin_jwk": new.jwk, **proofs}, jti


def test_wrong_old_pins_of_parallel_changes_are_compared_ten_times(any_world: World) -> None:
    phone = any_world.phone(pin=PinKey())
    calls = []
    for _ in range(GUESSES):
        body, jti = pin_change(phone, PinKey())
        calls.append(partial(any_world.device, phone, "PUT", "/v1/device/pin", body, jti=jti))
    assert statuses(race(calls)) == {403: GUESSES}
    assert column(any_world, Device.pin_failures) == [10]
    assert column(any_world, Device.pin) == ["disabled"]


def test_parallel_changes_from_one_old_pin_succeed_once(any_world: World) -> None:
    phone = any_world.phone(pin=PinKey())
    assert phone.pin is not None
    calls = []
    for _ in range(8):
        body, jti = pin_change(phone, phone.pin)
        calls.append(partial(any_world.device, phone, "PUT", "/v1/device/pin", body, jti=jti))
    counted = statuses(race(calls))
    assert counted[204] == 1
    assert set(counted) <= {204, 401, 403}


@pytest.mark.parametrize("method", ["totp", "recovery_code"])
def test_consecutive_failures_over_many_challenges_stop_at_twenty(
    any_world: World, method: str
) -> None:
    api = any_world.client()
    if method == "totp":
        wrong = any_world.totp().wrong()
    else:
        any_world.recovery_codes()
        wrong = "A" * 16
    opened = [api.challenge()["id"] for _ in range(6)]
    answers = race([partial(api.answer, id_, method, wrong) for id_ in opened for _ in range(4)])
    assert statuses(answers) == {403: 24}
    assert column(any_world, Authenticator.failures) == [20]
    assert column(any_world, Authenticator.state) == ["suspended"]
    assert column(any_world, Authenticator.suspended_by) == ["limit"]


def test_nineteen_failures_at_once_leave_the_authenticator_in_use(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    opened = [api.challenge()["id"] for _ in range(5)]
    guesses = [partial(api.answer, id_, "totp", totp.wrong()) for id_ in opened for _ in range(4)]
    assert statuses(race(guesses[:19])) == {403: 19}
    assert api.answer(api.challenge()["id"], "totp", totp.next()).status_code == 200
    assert column(any_world, Authenticator.failures) == [0]
