"""Changes that cross each other never end in a fault of the store, and leave what fits together."""

from functools import partial

from mfa_service.persistence.models import Authenticator, Challenge, User
from tests.integration.races.rows import column
from tests.support.phone import Phone, PinKey
from tests.support.racing import race, statuses
from tests.support.world import ISSUER, Totp, World

FCM = {"provider": "fcm", "token": "t" * 40}
REASON = "crossing"


def test_openings_with_a_wrong_code_cross_a_change_of_the_authenticator(any_world: World) -> None:
    api = any_world.client()
    totp = any_world.totp()
    any_world.phone(push=FCM, reason=REASON)
    wrong = {"sub": "alice", "answer": {"method": "totp", "code": totp.wrong()}}
    opening = partial(api.post, "/v1/challenges", wrong)
    renaming = partial(api.call, "PATCH", f"/v1/authenticators/{totp.id}", {"label": "mine"})
    assert statuses(race([opening, renaming] * 8)) == {201: 8, 200: 8}


def test_answers_cross_the_erasure_of_the_person(any_world: World) -> None:
    codes, api = any_world.recovery_codes(), any_world.client()
    phone = any_world.phone(pin=PinKey(), reason=REASON)
    (user_id,) = column(any_world, User.id)
    opened = [api.challenge() for _ in range(4)]
    asked = [any_world.fetch(phone, challenge["id"]) for challenge in opened]
    tokens = [
        phone.answer(claims, code=challenge["display_code"], pin=phone.pin)
        for claims, challenge in zip(asked, opened, strict=True)
    ]
    calls = [
        *(
            partial(any_world.send, phone, c["id"], token)
            for c, token in zip(opened, tokens, strict=True)
        ),
        *(partial(api.answer, c["id"], "recovery_code", codes[0]) for c in opened),
        partial(api.call, "DELETE", f"/v1/users/{user_id}?reason={REASON}"),
    ]
    *answers, erased = race(calls)
    assert erased.status_code == 204
    assert set(statuses(answers)) <= {200, 401, 403, 404, 409}
    assert column(any_world, Authenticator.id, Authenticator.user_id == user_id) == []
    assert column(any_world, Challenge.id, Challenge.status == "pending") == []


def test_confirmations_cross_the_erasure_of_the_person(any_world: World) -> None:
    api = any_world.client()
    started = [api.enroll(type="totp", reason=REASON) for _ in range(6)]
    (user_id,) = column(any_world, User.id)
    calls = []
    for enrollment in started:
        code = Totp.of_secret(any_world, enrollment["secret"]).code()
        calls.append(partial(api.confirm, enrollment, code=code))
    erase = partial(api.call, "DELETE", f"/v1/users/{user_id}?reason={REASON}")
    *confirmed, erased = race([*calls, erase])
    assert erased.status_code == 204
    assert set(statuses(confirmed)) <= {200, 404, 409}
    assert column(any_world, Authenticator.id) == []


def test_a_claim_crosses_the_end_of_its_enrollment(any_world: World) -> None:
    api, phone = any_world.client(), Phone(ISSUER, any_world.clock.now)
    enrollment = api.enroll(type="phone")
    token = phone.claim(str(enrollment["uri"]).rsplit("c=", 1)[1])
    claim = partial(
        any_world.app.test_client().post,
        "/v1/device/enrollments/claim",
        data=token,
        content_type="application/jose",
    )
    cancel = partial(api.call, "DELETE", f"/v1/enrollments/{enrollment['id']}")
    claimed, cancelled = race([claim, cancel])
    assert (claimed.status_code in {201, 409}, cancelled.status_code) == (True, 204)
    states = set(column(any_world, Authenticator.state))
    assert states <= {"revoked"}


def test_a_phone_that_removes_itself_approves_nothing_afterwards(any_world: World) -> None:
    phone, api = any_world.phone(), any_world.client()
    challenge = api.challenge()
    asked = any_world.fetch(phone, challenge["id"])
    token = phone.answer(asked, code=challenge["display_code"])
    removed, answered = race(
        [
            partial(any_world.device, phone, "DELETE", "/v1/device"),
            partial(any_world.send, phone, challenge["id"], token),
        ]
    )
    assert removed.status_code == 204
    assert answered.status_code in {200, 401, 409}
    again = any_world.device(phone, "GET", "/v1/device/challenges")
    assert again.status_code == 401
