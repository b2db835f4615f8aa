"""Attacks that annoy, lock out, or lie about time and place."""

import email.utils
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forging import problem, slug
from tests.support.phone import Phone
from tests.support.processes import ServerProcess, start_service
from tests.support.world import ISSUER, MASTER_KEYS, World, close, make_world

FCM = {"provider": "fcm", "token": "t"}


def test_many_clients_together_notify_a_phone_only_six_times_in_five_minutes(
    world: World,
) -> None:
    world.phone(push=FCM)
    for number in range(6):
        for _ in range(3):
            api = world.client(f"client {number}")
            challenge = api.challenge()
            world.services.outbox.deliver()
            api.call("DELETE", f"/v1/challenges/{challenge['id']}")
    assert len(world.senders["fcm"].sent) == 6


def test_many_clients_together_have_two_pending_notifications(world: World) -> None:
    world.phone(push=FCM)
    states = [world.client(f"client {n}").challenge()["push"]["state"] for n in range(4)]
    assert states == ["queued", "queued", "suppressed", "suppressed"]


def test_what_was_not_notified_can_still_be_answered(world: World) -> None:
    phone = world.phone(push=FCM)
    challenges = [world.client(f"client {n}").challenge() for n in range(3)]
    assert challenges[2]["push"]["state"] == "suppressed"
    assert world.approve(phone, challenges[2]).get_json() == {"status": "satisfied"}


@pytest.mark.parametrize("who", ["nobody", "another client", "a forged token"])
def test_a_stranger_cannot_lock_a_user_out_with_wrong_codes(world: World, who: str) -> None:
    totp, api = world.totp(), world.client()
    challenge = api.challenge()
    headers = {} if who == "nobody" else {"Authorization": "Bearer forged"}
    if who == "another client":
        headers = {"Authorization": f"Bearer {world.client('stranger').token}"}
    body = {"method": "totp", "code": totp.wrong()}
    path = f"/v1/challenges/{challenge['id']}/answers"
    for _ in range(25):
        response = world.app.test_client().post(path, json=body, headers=headers)
        assert response.status_code in {401, 404}
    assert api.read(challenge["id"])["attempts_left"] == 5
    assert api.answer(challenge["id"], "totp", totp.next()).status_code == 200


def test_an_unknown_subject_looks_like_one_without_authenticators(world: World) -> None:
    world.client().enroll("known", type="totp")
    answers = [world.client().post("/v1/challenges", {"sub": sub}) for sub in ("known", "unknown")]
    assert problem(answers[0]) == problem(answers[1])


def test_a_clock_that_jumps_back_makes_no_code_good_twice(world: World) -> None:
    totp = world.totp()
    code = totp.next()
    answer = {"method": "totp", "code": code}
    assert world.client().challenge(answer=answer)["status"] == "satisfied"
    world.clock.advance(-3600)
    early = {"method": "totp", "code": totp.code()}
    assert world.client().challenge(answer=early)["status"] == "pending"
    world.clock.advance(3600)
    assert world.client().challenge(answer=answer)["status"] == "pending"


def test_a_clock_that_jumps_does_not_revive_what_expired(world: World) -> None:
    totp, api = world.totp(), world.client()
    challenge = api.challenge()
    world.clock.advance(120)
    world.services.housekeeping.run()
    world.clock.advance(-60)
    response = world.client().answer(challenge["id"], "totp", totp.code(3))
    assert slug(response) == (409, "challenge-not-open")


ENDPOINTS = [
    "http://push.example.org/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://10.0.0.1/",
    "https://localhost/",
    "https://push.example.org:6379/",
    "https://user@push.example.org/",
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_phone_cannot_make_us_call_into_our_own_network(world: World, endpoint: str) -> None:
    phone = world.phone()
    keys = {"p256dh": "B" + "A" * 86, "auth": "A" * 22}
    body = {"provider": "webpush", "endpoint": endpoint, "keys": keys}
    response = world.device(phone, "PUT", "/v1/device/push", body)
    assert slug(response) == (422, "invalid-request")
    world.client().challenge()
    world.services.outbox.deliver()
    assert world.senders["webpush"].sent == []


def test_a_lost_reply_does_not_look_like_a_failure(world: World) -> None:
    phone, challenge = world.phone(), world.client().challenge()
    asked = world.fetch(phone, challenge["id"])
    token = phone.answer(asked, code=challenge["display_code"])
    world.send(phone, challenge["id"], token)
    again = world.send(phone, challenge["id"], token)
    assert (again.status_code, again.get_json()["status"]) == (409, "satisfied")


def test_after_a_lost_rotation_one_of_both_keys_works(world: World) -> None:
    phone = world.phone()
    successor = Phone(phone.issuer, world.clock.now, device_id=phone.device_id)
    world.device(phone, "POST", "/v1/device/keys", phone.rotation(successor.key))
    assert world.device(successor, "GET", "/v1/device").status_code == 200
    assert world.device(phone, "GET", "/v1/device").status_code == 401


@pytest.fixture
def served(sqlite_url: str, tmp_path: Path) -> Iterator[ServerProcess]:
    env = {
        "MFA_DATABASE_URL": sqlite_url,
        "MFA_MASTER_KEYS": MASTER_KEYS,
        "MFA_ISSUER": ISSUER,
    }
    with start_service(env, folder=tmp_path) as server:
        yield server


def ask(server: ServerProcess, phone: Phone) -> tuple[int, int]:
    """Return status and `Date` of an answer of the real server."""
    headers = {"Authorization": phone.authorization("GET", "/v1/device")}
    url = f"http://127.0.0.1:{server.port}/v1/device"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
            status, date = response.status, response.headers["Date"]
    except urllib.error.HTTPError as refusal:
        status, date = refusal.code, refusal.headers["Date"]
        refusal.close()
    return status, int(email.utils.parsedate_to_datetime(date).timestamp())


def test_a_clock_two_minutes_off_is_mended_by_the_date_of_the_refusal(
    served: ServerProcess, sqlite_url: str
) -> None:
    world = make_world(sqlite_url)
    try:
        phone = world.phone()
    finally:
        close(world)
    _, date = ask(served, phone)
    offset = 120
    phone.now = lambda: date + offset
    refused, later = ask(served, phone)
    offset = later - date
    assert (refused, ask(served, phone)[0]) == (401, 200)
