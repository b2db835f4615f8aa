"""Notifications raced: the limits count what parallel requests ask for."""

from functools import partial

from mfa_service.persistence.models import Challenge, Outbox, PushSent
from tests.integration.races.rows import column
from tests.support.database import execute
from tests.support.racing import race, slugs, statuses
from tests.support.world import World

FCM = {"provider": "fcm", "token": "t" * 40}


def test_challenges_opened_at_once_ring_the_phone_once(any_world: World) -> None:
    any_world.phone(push=FCM)
    opening = partial(any_world.client().post, "/v1/challenges", {"sub": "alice"})
    opened = race([opening] * 12)
    states = sorted(answer.get_json()["push"]["state"] for answer in opened)
    assert states == ["queued"] + ["suppressed"] * 11
    assert (len(column(any_world, PushSent.id)), len(column(any_world, Outbox.id))) == (1, 1)


def test_challenges_of_many_clients_at_once_ring_the_phone_twice(any_world: World) -> None:
    any_world.phone(push=FCM)
    clients = [any_world.client(f"client {n}") for n in range(6)]
    opened = race([partial(api.post, "/v1/challenges", {"sub": "alice"}) for api in clients])
    states = sorted(answer.get_json()["push"]["state"] for answer in opened)
    assert states == ["queued"] * 2 + ["suppressed"] * 4


def test_workers_that_deliver_at_once_notify_once(any_world: World) -> None:
    any_world.phone(push=FCM)
    any_world.client().challenge()
    taken = race([any_world.services.outbox.deliver] * 8)
    assert (max(taken), sum(taken)) == (1, 1)
    assert len(any_world.senders["fcm"].sent) == 1
    assert column(any_world, Challenge.push_state) == ["accepted"]


def test_many_messages_are_sent_once_each_by_many_who_send(any_world: World) -> None:
    any_world.phone(push=FCM)
    any_world.client().challenge()
    copy = (
        "INSERT INTO outbox (id, challenge_id, authenticator_id, queued_at, due_at, expires_at,"
        " attempts) SELECT id || :number, challenge_id, authenticator_id, queued_at, due_at,"
        " expires_at, 0 FROM outbox WHERE id NOT LIKE '%-%'"
    )
    for number in range(59):
        assert execute(any_world, copy, number=f"-{number}") == 1
    taken = race([any_world.services.outbox.deliver] * 6)
    assert (max(taken) <= 40, sum(taken)) == (True, 60)
    assert len(any_world.senders["fcm"].sent) == 60
    assert column(any_world, Outbox.id) == []


def test_resends_at_once_stop_at_three_in_five_minutes(any_world: World) -> None:
    any_world.phone(push=FCM)
    api = any_world.client()
    path = f"/v1/challenges/{api.challenge()['id']}/push"
    answers = race([partial(api.post, path)] * 8)
    assert statuses(answers) == {202: 2, 429: 6}
    assert slugs(answers) == {"throttled"}
    assert {a.headers["Retry-After"] for a in answers if a.status_code == 429} == {"300"}
    assert len(column(any_world, PushSent.id)) == 3
