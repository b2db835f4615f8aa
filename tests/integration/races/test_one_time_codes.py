"""One code is good for one challenge, however many are answered with it at once."""

from functools import partial

from mfa_service.persistence.models import Authenticator
from tests.integration.races.rows import column
from tests.support.racing import race, slugs, statuses
from tests.support.world import World

AT_ONCE = 16


def satisfied(world: World, challenge_ids: list[str]) -> int:
    api = world.client()
    return [api.read(id_)["status"] for id_ in challenge_ids].count("satisfied")


def test_one_totp_code_on_many_challenges_satisfies_one(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    code = totp.next()
    opened = [api.challenge()["id"] for _ in range(AT_ONCE)]
    answers = race([partial(api.answer, id_, "totp", code) for id_ in opened])
    assert statuses(answers) == {200: 1, 403: AT_ONCE - 1}
    assert slugs(answers) == {"proof-rejected"}
    assert satisfied(any_world, opened) == 1


def test_a_lost_race_costs_an_attempt_and_is_no_consecutive_failure(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    code = totp.next()
    opened = [api.challenge()["id"] for _ in range(AT_ONCE)]
    race([partial(api.answer, id_, "totp", code) for id_ in opened])
    left = sorted(api.read(id_)["attempts_left"] for id_ in opened)
    assert left == [4] * (AT_ONCE - 1) + [5]
    assert column(any_world, Authenticator.failures, Authenticator.id == totp.id) == [0]


def test_one_totp_code_in_many_one_call_openings_satisfies_one(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    answer = {"method": "totp", "code": totp.next()}
    body = {"sub": "alice", "answer": answer}
    opened = race([partial(api.post, "/v1/challenges", body) for _ in range(AT_ONCE)])
    assert statuses(opened) == {201: AT_ONCE}
    states = [response.get_json()["status"] for response in opened]
    assert (states.count("satisfied"), states.count("pending")) == (1, AT_ONCE - 1)


def test_one_totp_code_through_two_clients_satisfies_one(any_world: World) -> None:
    totp, one, two = any_world.totp(), any_world.client(), any_world.client("gateway")
    code = totp.next()
    pairs = [(api, api.challenge()["id"]) for api in (one, two) for _ in range(AT_ONCE // 2)]
    answers = race([partial(api.answer, id_, "totp", code) for api, id_ in pairs])
    assert statuses(answers) == {200: 1, 403: AT_ONCE - 1}


def test_one_totp_code_typed_into_page_and_phone_is_spent_once(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    step_up = api.challenge(purpose="manage")
    api.answer(step_up["id"], "totp", totp.next())
    phone = any_world.phone(challenge_id=step_up["id"])
    proof = {"method": "totp", "code": totp.next()}
    opened = [api.challenge(expires_in=600) for _ in range(AT_ONCE // 2)]
    asked = [api.challenge(expires_in=600) for _ in range(AT_ONCE // 2)]
    by_page = [partial(api.answer, c["id"], **proof) for c in opened]
    by_phone = [partial(any_world.approve, phone, c, proof=proof) for c in asked]
    answers = race([*by_page, *by_phone])
    assert statuses(answers) == {200: 1, 403: AT_ONCE - 1}


def test_one_recovery_code_on_many_challenges_satisfies_one(any_world: World) -> None:
    codes, api = any_world.recovery_codes(), any_world.client()
    opened = [api.challenge()["id"] for _ in range(AT_ONCE)]
    answers = race([partial(api.answer, id_, "recovery_code", codes[0]) for id_ in opened])
    assert statuses(answers) == {200: 1, 403: AT_ONCE - 1}
    assert satisfied(any_world, opened) == 1
    (user,) = api.get("/v1/users?sub=alice").get_json()["users"]
    assert user["recovery_codes_left"] == 9


def test_different_recovery_codes_on_many_challenges_all_count(any_world: World) -> None:
    codes, api = any_world.recovery_codes(), any_world.client()
    opened = [api.challenge()["id"] for _ in codes]
    answers = race(
        [
            partial(api.answer, id_, "recovery_code", code)
            for id_, code in zip(opened, codes, strict=True)
        ]
    )
    assert statuses(answers) == {200: 10}
    (user,) = api.get("/v1/users?sub=alice").get_json()["users"]
    assert user["recovery_codes_left"] == 0
