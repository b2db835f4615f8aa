"""Enrollments raced: one phone a code, one first authenticator, one use of a step-up."""

from functools import partial
from typing import Any

import pytest
from werkzeug.test import TestResponse

from mfa_service.persistence.models import Authenticator, Challenge, Enrollment, User
from tests.integration.races.rows import column
from tests.support.phone import Phone, PinKey, jws, public_jwk
from tests.support.racing import race, slugs, statuses
from tests.support.world import ISSUER, Api, Totp, World

AT_ONCE = 16
CLAIM = "/v1/device/enrollments/claim"


def code_of(enrollment: dict[str, Any]) -> str:
    return str(enrollment["uri"]).rsplit("c=", 1)[1]


def listed(api: Api, sub: str = "alice") -> list[str]:
    """Return the states of a subject's authenticators."""
    found = api.get(f"/v1/authenticators?sub={sub}").get_json()["authenticators"]
    return [authenticator["state"] for authenticator in found]


def claiming(world: World, phone: Phone, code: str) -> partial[TestResponse]:
    client, token = world.app.test_client(), phone.claim(code)
    return partial(client.post, CLAIM, data=token, content_type="application/jose")


def test_claims_of_one_code_by_different_keys_never_make_two_phones(any_world: World) -> None:
    api = any_world.client()
    enrollment = api.enroll(type="phone")
    phones = [Phone(ISSUER, any_world.clock.now) for _ in range(AT_ONCE)]
    answers = race([claiming(any_world, phone, code_of(enrollment)) for phone in phones])
    assert statuses(answers) == {201: 1, 409: AT_ONCE - 1}
    assert slugs(answers) == {"enrollment-not-open"}
    assert api.get(f"/v1/enrollments/{enrollment['id']}").get_json()["state"] == "expired"
    first = next(n for n, answer in enumerate(answers) if answer.status_code == 201)
    phones[first].device_id = answers[first].get_json()["device_id"]
    assert any_world.device(phones[first], "GET", "/v1/device").status_code == 401
    assert listed(api) == []


def test_claims_of_one_code_by_one_key_get_the_same_answer(any_world: World) -> None:
    api = any_world.client()
    enrollment, phone = api.enroll(type="phone"), Phone(ISSUER, any_world.clock.now)
    answers = race([claiming(any_world, phone, code_of(enrollment)) for _ in range(AT_ONCE)])
    assert statuses(answers) == {201: AT_ONCE}
    assert len({answer.text for answer in answers}) == 1
    check_code = answers[0].get_json()["check_code"]
    assert api.confirm(enrollment, check_code=check_code).status_code == 200
    assert listed(api) == ["active"]


def test_one_key_on_many_codes_becomes_one_phone(any_world: World) -> None:
    api, phone = any_world.client(), Phone(ISSUER, any_world.clock.now)
    codes = [code_of(api.enroll(f"user{n}", type="phone")) for n in range(8)]
    answers = race([claiming(any_world, phone, code) for code in codes])
    assert statuses(answers) == {201: 1, 403: 7}


@pytest.mark.parametrize("attempt", range(2))
def test_a_second_claim_against_the_confirmation_leaves_one_phone_or_none(
    any_world: World, attempt: int
) -> None:
    api, phone = any_world.client(), Phone(ISSUER, any_world.clock.now)
    enrollment = api.enroll(type="phone")
    check_code = any_world.claim(phone, code_of(enrollment)).get_json()["check_code"]
    thief = Phone(ISSUER, any_world.clock.now)
    calls = [
        claiming(any_world, thief, code_of(enrollment)),
        partial(api.confirm, enrollment, check_code=check_code),
    ]
    answers = race(calls[:: 1 if attempt % 2 else -1])
    confirmed = 200 in statuses(answers)
    assert statuses(answers) == ({200: 1, 409: 1} if confirmed else {409: 2})
    seen = any_world.device(phone, "GET", "/v1/device").status_code
    assert (seen, listed(api)) == ((200, ["active"]) if confirmed else (401, []))


def test_wrong_check_codes_at_once_get_five_tries_and_revoke_the_phone(any_world: World) -> None:
    api, phone = any_world.client(), Phone(ISSUER, any_world.clock.now)
    enrollment = api.enroll(type="phone")
    right = any_world.claim(phone, code_of(enrollment)).get_json()["check_code"]
    wrong = "000000" if right != "000000" else "000001"
    answers = race([partial(api.confirm, enrollment, check_code=wrong)] * AT_ONCE)
    assert statuses(answers) == {403: 5, 409: AT_ONCE - 5}
    assert any_world.device(phone, "GET", "/v1/device").status_code == 401


def test_a_right_check_code_many_times_confirms_once(any_world: World) -> None:
    api, phone = any_world.client(), Phone(ISSUER, any_world.clock.now)
    enrollment = api.enroll(type="phone")
    right = any_world.claim(phone, code_of(enrollment)).get_json()["check_code"]
    answers = race([partial(api.confirm, enrollment, check_code=right)] * 8)
    assert statuses(answers) == {200: 1, 409: 7}


def test_of_enrollments_opened_as_the_first_one_becomes_active(any_world: World) -> None:
    api = any_world.client()
    calls = []
    for _ in range(8):
        enrollment = api.enroll(type="totp")
        code = Totp.of_secret(any_world, enrollment["secret"]).code()
        calls.append(partial(api.confirm, enrollment, code=code))
    answers = race(calls)
    assert statuses(answers) == {200: 1, 403: 7}
    assert slugs(answers) == {"binding-requires-step-up"}
    assert listed(api) == ["active"]


def test_a_first_phone_and_first_codes_at_once_leave_one_of_them(any_world: World) -> None:
    api, phone = any_world.client(), Phone(ISSUER, any_world.clock.now)
    enrollment = api.enroll(type="phone")
    check_code = any_world.claim(phone, code_of(enrollment)).get_json()["check_code"]
    confirmed, codes = race(
        [
            partial(api.confirm, enrollment, check_code=check_code),
            partial(api.post, "/v1/enrollments", {"sub": "alice", "type": "recovery_codes"}),
        ]
    )
    assert sorted((confirmed.status_code, codes.status_code)) in ([200, 403], [201, 403])
    assert listed(api) == ["active"]


def test_first_users_created_at_once_are_one(any_world: World) -> None:
    api = any_world.client()
    start = partial(api.post, "/v1/enrollments", {"sub": "alice", "type": "totp"})
    assert statuses(race([start] * AT_ONCE)) == {201: AT_ONCE}
    assert len(column(any_world, User.id, User.sub == "alice")) == 1
    assert len(set(column(any_world, Enrollment.user_id))) == 1


def test_a_step_up_pays_for_one_enrollment(any_world: World) -> None:
    phone, api = any_world.phone(pin=PinKey()), any_world.client()
    body = {"sub": "alice", "type": "totp", "challenge_id": any_world.step_up(phone)}
    answers = race([partial(api.post, "/v1/enrollments", body)] * AT_ONCE)
    assert statuses(answers) == {201: 1, 403: AT_ONCE - 1}
    assert slugs(answers) == {"binding-requires-step-up"}


def test_a_step_up_pays_for_one_change_of_any_kind(any_world: World) -> None:
    phone, api = any_world.phone(pin=PinKey()), any_world.client()
    totp = any_world.totp(challenge_id=any_world.step_up(phone))
    suspended = any_world.totp(challenge_id=any_world.step_up(phone))
    api.call("PATCH", f"/v1/authenticators/{suspended.id}", {"state": "suspended"})
    paid = any_world.step_up(phone)
    resume = {"state": "active", "challenge_id": paid}
    new = {"sub": "alice", "type": "recovery_codes", "challenge_id": paid}
    calls = [
        partial(api.call, "PATCH", f"/v1/authenticators/{suspended.id}", resume),
        partial(api.post, "/v1/enrollments", new),
        partial(api.call, "DELETE", f"/v1/authenticators/{totp.id}?challenge_id={paid}"),
    ]
    answers = race([*calls, *calls[1:], *calls[1:]])
    assert len([a for a in answers if a.status_code < 300]) == 1
    assert {a.status_code for a in answers} <= {200, 201, 204, 403, 404}
    assert len(column(any_world, Challenge.spent_for, Challenge.id == paid)) == 1
    changed = {
        "resumed": "suspended" not in listed(api),
        "added": len(column(any_world, Authenticator.id, Authenticator.type == "recovery_codes")),
        "removed": len(column(any_world, Authenticator.id, Authenticator.state == "revoked")),
    }
    assert sum(changed.values()) == 1


def test_new_sets_of_recovery_codes_at_once_leave_one_that_works(any_world: World) -> None:
    api = any_world.client()
    body = {"sub": "alice", "type": "recovery_codes", "reason": "lost"}
    answers = race([partial(api.post, "/v1/enrollments", body)] * 6)
    assert statuses(answers) == {201: 6}
    sets = [answer.get_json()["codes"] for answer in answers]
    answered = [
        api.answer(api.challenge()["id"], "recovery_code", codes[0]).status_code for codes in sets
    ]
    assert sorted(answered) == [200, 403, 403, 403, 403, 403]
    assert listed(api) == ["active"]


def test_confirmations_at_once_never_exceed_twenty_authenticators(any_world: World) -> None:
    api = any_world.client()
    started = [api.enroll(type="totp", reason="stock") for _ in range(24)]
    calls = []
    for enrollment in started:
        code = Totp.of_secret(any_world, enrollment["secret"]).code()
        calls.append(partial(api.confirm, enrollment, code=code))
    assert statuses(race(calls)) == {200: 20, 409: 4}
    assert listed(api) == ["active"] * 20


def test_parallel_rotations_leave_one_key_that_works(any_world: World) -> None:
    phone = any_world.phone()
    successors = [Phone(ISSUER, any_world.clock.now, device_id=phone.device_id) for _ in range(8)]
    calls = []
    for successor in successors:
        header = {"alg": "ES256", "typ": "stepup-rotate+jwt", "jwk": public_jwk(successor.key)}
        claims = {"iss": phone.device_id, "aud": ISSUER, **successor.times()}
        token = jws(header, claims, successor.key)
        calls.append(partial(any_world.device, phone, "POST", "/v1/device/keys", token))
    answers = race(calls)
    assert statuses(answers)[200] == 1
    assert set(statuses(answers)) <= {200, 401, 403}
    seen = [any_world.device(p, "GET", "/v1/device").status_code for p in (phone, *successors)]
    assert (seen[0], seen.count(200)) == (401, 1)
