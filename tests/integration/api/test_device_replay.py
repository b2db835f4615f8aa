"""A signed request works once, whichever worker it reaches (contract section 6)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from werkzeug.test import TestResponse

from tests.support.phone import Phone, PinKey
from tests.support.world import MASTER_KEYS, World, close, make_world

BODY = json.dumps({"provider": "none"}).encode()


@dataclass
class Workers:
    """Two applications over one database."""

    first: World
    second: World

    def send(
        self, world: World, authorization: str, method: str, path: str, body: bytes, media: str
    ) -> TestResponse:
        headers = {"Authorization": authorization}
        return world.app.test_client().open(
            path, method=method, data=body or None, content_type=media, headers=headers
        )

    def twice(
        self,
        phone: Phone,
        method: str,
        path: str,
        body: bytes = b"",
        media: str = "application/json",
    ) -> tuple[int, int]:
        """Send one and the same request to both and return the statuses."""
        signed = phone.authorization(method, path, body)
        first = self.send(self.first, signed, method, path, body, media)
        second = self.send(self.second, signed, method, path, body, media)
        return first.status_code, second.status_code

    def advance(self, seconds: int) -> None:
        """Let time pass for both, and let them tidy."""
        for world in (self.first, self.second):
            world.clock.advance(seconds)
            world.services.housekeeping.run()


@pytest.fixture
def any_workers(any_url: str) -> Iterator[Workers]:
    made = Workers(make_world(any_url), make_world(any_url))
    yield made
    close(made.first)
    close(made.second)


@pytest.fixture
def workers(sqlite_url: str) -> Iterator[Workers]:
    made = Workers(make_world(sqlite_url), make_world(sqlite_url))
    yield made
    close(made.first)
    close(made.second)


@pytest.fixture
def rolled_workers(sqlite_url: str) -> Iterator[Workers]:
    """Return two applications of which the second has a new master key before the old one."""
    rolled = f"k2:{'QkJC' * 10}QkI=,{MASTER_KEYS}"
    made = Workers(make_world(sqlite_url), make_world(sqlite_url, MFA_MASTER_KEYS=rolled))
    yield made
    close(made.first)
    close(made.second)


def test_a_put_works_once(any_workers: Workers) -> None:
    phone = any_workers.first.phone()
    assert any_workers.twice(phone, "PUT", "/v1/device/push", BODY) == (204, 401)


def test_a_delete_works_once(workers: Workers) -> None:
    phone = workers.first.phone()
    assert workers.twice(phone, "DELETE", "/v1/device") == (204, 401)


def test_a_rotation_works_once(any_workers: Workers) -> None:
    world, phone = any_workers.first, any_workers.first.phone()
    successor = Phone(phone.issuer, world.clock.now, device_id=phone.device_id)
    body = phone.rotation(successor.key).encode()
    assert any_workers.twice(phone, "POST", "/v1/device/keys", body, "application/jose") == (
        200,
        401,
    )


@pytest.mark.parametrize("decision", ["deny", "report_fraud", "approve"])
def test_a_final_answer_works_once(any_workers: Workers, decision: str) -> None:
    world, phone = any_workers.first, any_workers.first.phone()
    challenge = world.client().challenge()
    asked = world.fetch(phone, challenge["id"])
    answer = phone.answer(asked, decision, code=challenge["display_code"]).encode()
    path = f"/v1/device/challenges/{challenge['id']}/answer"
    assert any_workers.twice(phone, "POST", path, answer, "application/jose") == (200, 401)


def test_a_wrong_answer_sent_again_costs_no_second_attempt(workers: Workers) -> None:
    world, phone = workers.first, workers.first.phone()
    challenge = world.client().challenge()
    asked = world.fetch(phone, challenge["id"])
    wrong = "000000" if challenge["display_code"] != "000000" else "000001"
    answer, path = (
        phone.answer(asked, code=wrong).encode(),
        f"/v1/device/challenges/{asked['challenge_id']}/answer",
    )
    assert workers.twice(phone, "POST", path, answer, "application/jose") == (403, 401)
    assert world.client().read(challenge["id"])["attempts_left"] == 4


def test_a_wrong_old_pin_sent_again_is_counted_once(workers: Workers) -> None:
    world, pin = workers.first, PinKey()
    phone = world.phone(pin=pin)
    body, signed = phone.pin_change(PinKey(), old=PinKey())
    headers = (signed, "PUT", "/v1/device/pin", body, "application/json")
    statuses = [workers.send(at, *headers).status_code for at in (workers.first, workers.second)]
    assert statuses == [403, 401]


@pytest.mark.parametrize("seconds", [1, 59, 60])
def test_a_request_is_remembered_as_long_as_its_time_is_good(
    workers: Workers, seconds: int
) -> None:
    phone = workers.first.phone()
    signed = phone.authorization("PUT", "/v1/device/push", BODY)
    request = (signed, "PUT", "/v1/device/push", BODY, "application/json")
    assert workers.send(workers.first, *request).status_code == 204
    workers.advance(seconds)
    assert workers.send(workers.second, *request).status_code == 401


def test_two_phones_may_use_the_same_jti(workers: Workers) -> None:
    world = workers.first
    for phone in (world.phone(), world.phone("bob")):
        response = world.device(phone, "PUT", "/v1/device/push", {"provider": "none"}, jti="same")
        assert response.status_code == 204


def test_a_jti_is_refused_for_five_minutes_even_in_another_request(workers: Workers) -> None:
    world, phone = workers.first, workers.first.phone()
    body = {"provider": "none"}
    assert world.device(phone, "PUT", "/v1/device/push", body, jti="once").status_code == 204
    workers.advance(299)
    assert world.device(phone, "PUT", "/v1/device/push", body, jti="once").status_code == 401


def test_a_request_is_remembered_when_the_master_key_changes_meanwhile(
    rolled_workers: Workers,
) -> None:
    phone = rolled_workers.first.phone()
    assert rolled_workers.twice(phone, "PUT", "/v1/device/push", BODY) == (204, 401)
