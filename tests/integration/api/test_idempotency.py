"""Idempotency keys: the first answer under a key is the only one (contract section 1)."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.problems import fresh_subject, problem
from tests.support.world import AAL2, Api, World

DAY = 86_400


@pytest.fixture
def sub(shared_world: World) -> str:
    sub = fresh_subject()
    shared_world.totp(sub)
    return sub


@pytest.fixture
def api(shared_world: World) -> Api:
    return shared_world.client()


def keyed(api: Api, key: str, path: str, body: Any) -> TestResponse:
    return api.post(path, body, headers={"Idempotency-Key": key})


def same(first: TestResponse, second: TestResponse) -> None:
    """Fail unless a replay has the status, body and Location of the first answer."""
    assert (first.status_code, first.data) == (second.status_code, second.data)
    for name in ("Location", "Content-Type", "Cache-Control"):
        assert first.headers.get(name) == second.headers.get(name)


def test_a_replay_of_opening_gets_the_first_answer_and_opens_nothing(api: Api, sub: str) -> None:
    first, second = (keyed(api, f"open-{sub}", "/v1/challenges", {"sub": sub}) for _ in range(2))
    assert first.status_code == 201
    same(first, second)
    api.call("DELETE", f"/v1/challenges/{first.get_json()['id']}")
    same(first, keyed(api, f"open-{sub}", "/v1/challenges", {"sub": sub}))


def test_a_replay_of_an_answer_spends_nothing(api: Api, sub: str) -> None:
    opened = api.challenge(sub)
    path, wrong = f"/v1/challenges/{opened['id']}/answers", {"method": "totp", "code": ""}
    first, second = (keyed(api, f"wrong-{sub}", path, wrong) for _ in range(2))
    assert problem(first, 403, "proof-rejected")["attempts_left"] == 4
    same(first, second)
    assert api.read(opened["id"])["attempts_left"] == 4
    api.call("DELETE", f"/v1/challenges/{opened['id']}")
    same(first, keyed(api, f"wrong-{sub}", path, wrong))


def test_a_replay_of_a_right_answer_gets_it_again(shared_world: World, api: Api) -> None:
    sub = fresh_subject()
    totp = shared_world.totp(sub)
    opened = api.challenge(sub)
    body = {"method": "totp", "code": totp.next()}
    path = f"/v1/challenges/{opened['id']}/answers"
    first, second = (keyed(shared_world.client(), f"right-{sub}", path, body) for _ in range(2))
    assert first.get_json()["status"] == "satisfied"
    same(first, second)


def test_a_replay_of_an_enrollment_and_its_confirmation_gets_the_first_answers(api: Api) -> None:
    sub = fresh_subject()
    body = {"sub": sub, "type": "totp"}
    first, second = (keyed(api, f"e-{sub}", "/v1/enrollments", body) for _ in range(2))
    same(first, second)
    assert first.get_json()["secret"]
    path, wrong = f"/v1/enrollments/{first.get_json()['id']}/confirm", {"code": "000000"}
    one, two = (keyed(api, f"c-{sub}", path, wrong) for _ in range(2))
    problem(one, 403, "proof-rejected")
    same(one, two)


def test_a_409_is_stored(shared_world: World, api: Api) -> None:
    sub = fresh_subject()
    first = keyed(api, f"none-{sub}", "/v1/challenges", {"sub": sub})
    problem(first, 409, "acr-unattainable")
    shared_world.totp(sub)
    same(first, keyed(api, f"none-{sub}", "/v1/challenges", {"sub": sub}))
    assert keyed(api, f"again-{sub}", "/v1/challenges", {"sub": sub}).status_code == 201


def test_a_403_of_the_binding_rule_is_stored(api: Api, sub: str) -> None:
    body = {"sub": sub, "type": "totp"}
    first, second = (keyed(api, f"b-{sub}", "/v1/enrollments", body) for _ in range(2))
    problem(first, 403, "binding-requires-step-up")
    same(first, second)


NOT_STORED = {
    "422": ({"sub": 1}, 422),
    "400": (b"{", 400),
    "415": (b"sub", 415),
}


@pytest.mark.parametrize(("body", "status"), NOT_STORED.values(), ids=NOT_STORED.keys())
def test_a_fault_of_the_request_is_not_stored(api: Api, sub: str, body: Any, status: int) -> None:
    key = f"faulty-{sub}"
    media = {"Content-Type": "text/plain"} if status == 415 else {}
    headers = {"Idempotency-Key": key, **media}
    assert api.post("/v1/challenges", body, headers=headers).status_code == status
    assert keyed(api, key, "/v1/challenges", {"sub": sub}).status_code == 201


def test_another_body_under_the_key_is_422(api: Api, sub: str) -> None:
    key = f"reused-{sub}"
    first = keyed(api, key, "/v1/challenges", {"sub": sub})
    other = keyed(api, key, "/v1/challenges", {"sub": sub, "acr_values": [AAL2]})
    problem_of_reuse(other)
    same(first, keyed(api, key, "/v1/challenges", {"sub": sub}))


def problem_of_reuse(response: TestResponse) -> None:
    assert response.status_code == 422
    assert response.get_json()["type"].endswith("/idempotency-key-reused")


def test_bodies_are_compared_as_bytes(api: Api, sub: str) -> None:
    key, raw = f"bytes-{sub}", f'{{"sub":"{sub}"}}'.encode()
    assert keyed(api, key, "/v1/challenges", raw).status_code == 201
    problem_of_reuse(keyed(api, key, "/v1/challenges", raw + b" "))


def test_the_same_key_on_another_path_is_independent(api: Api, sub: str) -> None:
    key = f"path-{sub}"
    first, second = (api.challenge(sub) for _ in range(2))
    body = {"method": "totp", "code": ""}
    for opened in (first, second):
        response = keyed(api, key, f"/v1/challenges/{opened['id']}/answers", body)
        assert response.get_json()["attempts_left"] == 4
    assert keyed(api, key, "/v1/challenges", {"sub": sub}).status_code == 201
    assert [api.read(c["id"])["attempts_left"] for c in (first, second)] == [4, 4]


def test_the_same_key_of_another_client_is_independent(
    shared_world: World, api: Api, sub: str
) -> None:
    key, body = f"client-{sub}", {"sub": sub}
    first = keyed(api, key, "/v1/challenges", body)
    second = keyed(shared_world.client("another"), key, "/v1/challenges", body)
    assert first.get_json()["id"] != second.get_json()["id"]


def test_a_key_means_nothing_to_a_call_that_takes_none(api: Api, sub: str) -> None:
    opened, headers = api.challenge(sub), {"Idempotency-Key": f"get-{sub}"}
    path = f"/v1/challenges/{opened['id']}"
    assert api.get(path, headers=headers).get_json()["status"] == "pending"
    api.call("DELETE", path, headers=headers)
    assert api.get(path, headers=headers).get_json()["status"] == "cancelled"


def test_the_caller_is_proven_before_a_stored_answer_is_given(api: Api, sub: str) -> None:
    key = f"proof-{sub}"
    assert keyed(api, key, "/v1/challenges", {"sub": sub}).status_code == 201
    token, api.token = api.token, "stolen"
    problem(keyed(api, key, "/v1/challenges", {"sub": sub}), 401, "unauthenticated")
    api.token = token


KEYS = ["k", "k" * 255, "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", "0191-uuid", "a\\b"]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_1_to_255_visible_ascii_characters(api: Api, sub: str, key: str) -> None:
    key = key[: 255 - len(sub)] + sub if len(key) > 200 else sub + key
    first, second = (keyed(api, key, "/v1/challenges", {"sub": sub}) for _ in range(2))
    assert first.status_code == 201
    same(first, second)


def test_a_quoted_key_is_the_same_as_the_bare_one(api: Api, sub: str) -> None:
    first = keyed(api, f'"quoted-{sub}"', "/v1/challenges", {"sub": sub})
    assert first.status_code == 201
    same(first, keyed(api, f"quoted-{sub}", "/v1/challenges", {"sub": sub}))


BAD_KEYS = ["", '""', "k" * 256, '"' + "k" * 256 + '"', "a b", "ä", "a\x01", "a\x7f", " "]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_any_other_key_is_422(api: Api, sub: str, key: str) -> None:
    environ = {"HTTP_IDEMPOTENCY_KEY": key}
    response = api.post("/v1/challenges", {"sub": sub}, environ_overrides=environ)
    problem(response, 422, "invalid-request")


def test_a_key_is_kept_for_24_hours(world: World) -> None:
    world.totp("alice")
    first = keyed(world.client(), "day", "/v1/challenges", {"sub": "alice"})
    world.clock.advance(DAY - 1)
    world.services.housekeeping.run()
    same(first, keyed(world.client(), "day", "/v1/challenges", {"sub": "alice"}))
    world.clock.advance(2)
    anew = keyed(world.client(), "day", "/v1/challenges", {"sub": "alice"})
    assert anew.get_json()["id"] != first.get_json()["id"]


@pytest.mark.parametrize("kind", ["totp", "phone", "recovery_codes"])
def test_a_one_time_secret_can_be_replayed_for_600_seconds_then_it_has_expired(
    world: World, kind: str
) -> None:
    body = {"sub": "alice", "type": kind}
    first = keyed(world.client(), "secret", "/v1/enrollments", body)
    assert first.status_code == 201
    world.clock.advance(599)
    same(first, keyed(world.client(), "secret", "/v1/enrollments", body))
    world.clock.advance(1)
    for tidied in (False, True):
        if tidied:
            world.services.housekeeping.run()
        late = keyed(world.client(), "secret", "/v1/enrollments", body)
        problem(late, 409, "idempotency-expired")
    other = keyed(world.client(), "secret", "/v1/enrollments", {**body, "label": "x"})
    problem_of_reuse(other)


def test_an_answer_without_a_one_time_secret_is_replayed_for_24_hours(world: World) -> None:
    world.totp("alice")
    body = {"sub": "alice", "type": "totp"}
    first = keyed(world.client(), "refused", "/v1/enrollments", body)
    problem(first, 403, "binding-requires-step-up")
    world.clock.advance(DAY - 1)
    same(first, keyed(world.client(), "refused", "/v1/enrollments", body))
