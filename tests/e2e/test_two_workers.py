"""Two worker processes over HTTP keep every promise of one process."""

from base64 import b64encode
from functools import partial

from tests.support.phone import Phone, PinKey
from tests.support.racing import race, statuses
from tests.support.world import ISSUER, World

AT_ONCE = 16


def test_one_totp_code_has_one_winner(workers: World, sub: str) -> None:
    totp, api = workers.totp(sub), workers.client()
    opened = [api.challenge(sub)["id"] for _ in range(AT_ONCE)]
    answers = race([partial(api.answer, id_, "totp", totp.code(1)) for id_ in opened])
    assert statuses(answers) == {200: 1, 403: AT_ONCE - 1}
    assert [api.read(id_)["status"] for id_ in opened].count("satisfied") == 1


def test_one_recovery_code_has_one_winner(workers: World, sub: str) -> None:
    codes, api = workers.recovery_codes(sub), workers.client()
    opened = [api.challenge(sub)["id"] for _ in range(AT_ONCE)]
    answers = race([partial(api.answer, id_, "recovery_code", codes[0]) for id_ in opened])
    assert statuses(answers) == {200: 1, 403: AT_ONCE - 1}


def test_many_guesses_get_exactly_five_tries(workers: World, sub: str) -> None:
    totp, api = workers.totp(sub), workers.client()
    challenge = api.challenge(sub)
    guess = partial(api.answer, challenge["id"], "totp", totp.wrong())
    answers = race([guess] * 24)
    assert statuses(answers) == {403: 5, 409: 19}
    assert api.read(challenge["id"])["reason"] == "attempts_exhausted"


def test_deny_against_approve_has_one_winner(workers: World, sub: str) -> None:
    phone, api = workers.phone(sub, pin=PinKey()), workers.client()
    for _ in range(3):
        challenge = api.challenge(sub)
        asked = workers.fetch(phone, challenge["id"])
        code = challenge["display_code"]
        tokens = [phone.answer(asked, code=code, pin=phone.pin) for _ in range(6)]
        tokens += [phone.answer(asked, "deny") for _ in range(6)]
        answers = race([partial(workers.send, phone, challenge["id"], t) for t in tokens])
        assert statuses(answers) == {200: 1, 409: 11}
        won = next(a.get_json()["status"] for a in answers if a.status_code == 200)
        assert api.read(challenge["id"])["status"] == won


def test_claims_by_different_keys_never_make_two_phones(workers: World, sub: str) -> None:
    api = workers.client()
    code = api.enroll(sub, type="phone")["uri"].rsplit("c=", 1)[1]
    phones = [Phone(ISSUER, workers.clock.now) for _ in range(AT_ONCE)]
    answers = race([partial(workers.claim, phone, code) for phone in phones])
    assert statuses(answers) == {201: 1, 409: AT_ONCE - 1}


def test_a_signed_request_is_believed_by_one_worker_only(workers: World, sub: str) -> None:
    phone = workers.phone(sub)
    body = {"provider": "none"}
    again = partial(workers.device, phone, "PUT", "/v1/device/push", body, jti="one-" + "x" * 20)
    assert statuses(race([again] * AT_ONCE)) == {204: 1, 401: AT_ONCE - 1}


def test_openings_under_one_key_make_one_challenge(workers: World, sub: str) -> None:
    workers.totp(sub)
    opening = partial(
        workers.client().post,
        "/v1/challenges",
        {"sub": sub},
        headers={"Idempotency-Key": f"key-{sub}"},
    )
    opened = race([opening] * AT_ONCE)
    assert statuses(opened) == {201: AT_ONCE}
    assert len({answer.get_json()["id"] for answer in opened}) == 1


def test_first_users_created_at_once_are_one(workers: World, sub: str) -> None:
    api = workers.client()
    start = partial(api.post, "/v1/enrollments", {"sub": sub, "type": "totp"})
    assert statuses(race([start] * AT_ONCE)) == {201: AT_ONCE}
    assert len(api.get(f"/v1/users?sub={sub}").get_json()["users"]) == 1


def test_a_hundred_calls_of_one_client_at_once_are_all_answered(workers: World, sub: str) -> None:
    totp, api = workers.totp(sub), workers.client()
    challenge = api.challenge(sub)
    calls = [
        partial(api.post, "/v1/challenges", {"sub": sub}),
        partial(api.get, f"/v1/challenges/{challenge['id']}"),
        partial(api.get, f"/v1/authenticators/{totp.id}"),
        partial(api.post, "/v1/enrollments", {"sub": sub + "2", "type": "totp"}),
    ]
    answers = race(calls * 25)
    assert statuses(answers) == {201: 50, 200: 50}


def test_a_hundred_tokens_at_once_are_all_issued(workers: World) -> None:
    api = workers.client("token taker")
    app = workers.app.test_client()
    basic = "Basic " + b64encode(f"{api.client_id}:{api.secret}".encode()).decode()
    ask = partial(
        app.post,
        "/oauth2/token",
        data="grant_type=client_credentials",
        headers={"Authorization": basic},
        content_type="application/x-www-form-urlencoded",
    )
    answers = race([ask] * 100)
    assert statuses(answers) == {200: 100}
    assert len({answer.get_json()["access_token"] for answer in answers}) == 100
