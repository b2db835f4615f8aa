"""Requests that are put aside while they wait: asked again, they are the same request."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from mfa_service.adapters.wakeup_memory import MemoryWakeUp
from mfa_service.services.parking import Parked, Visit, visiting
from tests.support.database import execute
from tests.support.phone import Phone, PinKey
from tests.support.problems import problem
from tests.support.world import ISSUER, Api, World

WAIT = 25


@pytest.fixture
def api(world: World) -> Api:
    world.totp()
    return world.client()


def asked(api: Api, challenge: dict[str, Any], visit: Visit, **options: Any) -> TestResponse:
    with visiting(visit):
        return api.get(f"/v1/challenges/{challenge['id']}?wait={WAIT}", **options)


def put_aside(api: Api, challenge: dict[str, Any], visit: Visit, **options: Any) -> Parked:
    with pytest.raises(Parked) as parked:
        asked(api, challenge, visit, **options)
    return parked.value


def called(parked: Parked) -> bool:
    """Tell whether the place was told of."""
    calls: list[bool] = []
    parked.place.when_told(lambda: calls.append(True))
    return bool(calls)


def test_a_request_that_waits_is_put_aside_and_answered_once_something_changed(api: Api) -> None:
    challenge, visit = api.challenge(), Visit()
    parked = put_aside(api, challenge, visit)
    assert parked.seconds == WAIT
    assert not called(parked)
    api.call("DELETE", f"/v1/challenges/{challenge['id']}")
    assert called(parked)
    assert asked(api, challenge, visit).get_json()["status"] == "cancelled"


def test_being_told_of_nothing_new_puts_it_aside_for_the_rest_of_its_time(
    world: World, api: Api
) -> None:
    challenge, visit = api.challenge(), Visit()
    put_aside(api, challenge, visit)
    world.clock.advance(10)
    assert put_aside(api, challenge, visit).seconds == WAIT - 10
    world.clock.advance(WAIT - 10)
    assert asked(api, challenge, visit).get_json()["status"] == "pending"


def test_it_waits_no_longer_than_the_challenge_lives(world: World, api: Api) -> None:
    challenge, visit = api.challenge(expires_in=30), Visit()
    world.clock.advance(20)
    assert put_aside(api, challenge, visit).seconds == 10
    world.clock.advance(10)
    assert asked(api, challenge, visit).get_json()["status"] == "expired"


def test_a_change_between_being_told_and_being_asked_again_is_not_missed(api: Api) -> None:
    challenge, visit = api.challenge(), Visit()
    put_aside(api, challenge, visit).place.close()
    api.answer(challenge["id"], "totp", "000000")
    assert asked(api, challenge, visit).get_json()["attempts_left"] == 4


def test_who_asks_is_judged_when_the_request_arrives(world: World, api: Api) -> None:
    challenge, visit = api.challenge(expires_in=600), Visit()
    world.clock.advance(290)
    put_aside(api, challenge, visit)
    world.clock.advance(WAIT)
    assert asked(api, challenge, visit).status_code == 200
    problem(asked(api, challenge, Visit()), 401, "unauthenticated")


def test_what_one_request_has_proven_serves_no_other(api: Api) -> None:
    challenge, visit = api.challenge(), Visit()
    put_aside(api, challenge, visit)
    stranger = Api(api.app, "no token", api.client_id, api.secret)
    problem(asked(stranger, challenge, Visit()), 401, "unauthenticated")


def test_it_is_one_request_in_the_log_and_in_its_answer(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    challenge, visit = api.challenge(), Visit()
    with caplog.at_level("INFO", logger="mfa_service.requests"):
        caplog.clear()
        put_aside(api, challenge, visit)
        assert caplog.records == []
        kept = visit.request_id
        api.call("DELETE", f"/v1/challenges/{challenge['id']}")
        assert asked(api, challenge, visit).headers["X-Request-Id"] == kept
    assert kept
    assert [record.message for record in caplog.records] == ["answered"] * 2


def test_a_phone_is_put_aside_and_asked_again_although_its_proof_is_old_by_then(
    world: World,
) -> None:
    phone, visit, api = world.phone(pin=PinKey()), Visit(), world.client()
    with pytest.raises(Parked):
        phone_asks(world, phone, visit)
    challenge = api.challenge()
    world.clock.advance(WAIT - 1)
    assert len(phone_asks(world, phone, visit).get_json()["challenges"]) == 1
    assert challenge["status"] == "pending"


def phone_asks(world: World, phone: Phone, visit: Visit) -> TestResponse:
    with visiting(visit):
        return world.device(phone, "GET", f"/v1/device/challenges?wait={WAIT}")


def test_when_all_places_are_taken_the_answer_comes_at_once(api: Api, world: World) -> None:
    challenge = api.challenge()
    wake_up = world.services.wake_up
    while wake_up.park("other") is not None:
        pass
    assert asked(api, challenge, Visit()).get_json()["status"] == "pending"


def test_a_fault_gives_the_place_back(api: Api, world: World) -> None:
    challenge, visit = api.challenge(), Visit()
    put_aside(api, challenge, visit).place.close()
    execute(world, "DELETE FROM challenge")
    problem(asked(api, challenge, visit), 404, "not-found")
    assert world.services.wake_up.topics() == ()


def test_a_stopping_process_puts_nothing_aside(api: Api, world: World) -> None:
    challenge, visit = api.challenge(), Visit()
    parked = put_aside(api, challenge, visit)
    world.services.wake_up.shut()
    assert called(parked)
    parked.place.close()
    assert asked(api, challenge, visit).get_json()["status"] == "pending"


def test_the_watcher_tells_only_those_who_saw_something_else(
    two_worlds: tuple[World, World],
) -> None:
    here, there = two_worlds
    here.totp()
    api = here.client()
    changed, same = api.challenge(), api.challenge()
    places = [put_aside(api, each, Visit()) for each in (changed, same)]
    phone, visit = here.phone("carol"), Visit()
    with pytest.raises(Parked) as by_phone:
        phone_asks(here, phone, visit)
    here.services.watcher.look()
    assert not any(map(called, [*places, by_phone.value]))
    theirs = Api(there.app, api.token, api.client_id, api.secret)
    theirs.call("DELETE", f"/v1/challenges/{changed['id']}")
    theirs.challenge("carol")
    here.clock.advance(3)
    here.services.watcher.look()
    assert [called(each) for each in (*places, by_phone.value)] == [True, False, True]


def test_a_place_that_was_told_before_anybody_listens_calls_at_once() -> None:
    wake_up, calls = MemoryWakeUp(1), list[int]()
    place = wake_up.park("topic")
    assert place is not None
    wake_up.tell("topic")
    place.when_told(lambda: calls.append(1))
    assert calls == [1]


def test_the_watcher_tells_who_waits_for_an_enrollment_only_when_it_changed(
    two_worlds: tuple[World, World],
) -> None:
    here, there = two_worlds
    api = here.client()
    enrollment, caller = api.enroll(type="phone"), here.services.tokens.caller(api.token)
    with visiting(Visit()), pytest.raises(Parked) as parked:
        here.services.enrollment.read(caller, enrollment["id"], wait=WAIT)
    here.services.watcher.look()
    assert not called(parked.value)
    code = enrollment["manual_code"].replace("-", "")
    there.claim(Phone(ISSUER, there.clock.now, PinKey()), code, push={"provider": "none"})
    here.services.watcher.look()
    assert called(parked.value)
