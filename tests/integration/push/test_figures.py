"""What is counted of messages: accepted, failed, again, dropped, and late."""

import pytest
from prometheus_client import REGISTRY

from mfa_service.domain.ports import PushRejected
from tests.support.world import Api, World

PHONE = {"provider": "fcm", "token": "t"}
RESULTS = ("accepted", "failed", "retried", "dropped")


def counted(provider: str = "fcm") -> dict[str, int]:
    """Return the figures of a provider as a scraper sees them."""
    found = {
        result: REGISTRY.get_sample_value(
            "mfa_pushes_total", {"provider": provider, "result": result}
        )
        for result in RESULTS
    }
    found["late"] = REGISTRY.get_sample_value("mfa_pushes_late_total", {"provider": provider})
    return {name: int(value or 0) for name, value in found.items()}


def risen(before: dict[str, int], provider: str = "fcm") -> dict[str, int]:
    after = counted(provider)
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


@pytest.fixture
def api(world: World) -> Api:
    world.phone(push=PHONE)
    return world.client()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, {"accepted": 1}), (10, {"accepted": 1}), (11, {"accepted": 1, "late": 1})],
)
def test_what_is_accepted_more_than_ten_seconds_after_it_was_asked_for_is_late(
    world: World, api: Api, seconds: int, expected: dict[str, int]
) -> None:
    api.challenge()
    before = counted()
    world.clock.advance(seconds)
    world.services.outbox.deliver()
    assert risen(before) == expected


def test_what_ends_before_it_could_be_sent_is_late(world: World, api: Api) -> None:
    api.challenge(expires_in=30)
    before = counted()
    world.clock.advance(30)
    world.services.outbox.deliver()
    assert risen(before) == {"failed": 1, "late": 1}


def test_what_would_be_tried_again_only_after_its_end_is_late(world: World, api: Api) -> None:
    world.senders["fcm"].error = PushRejected("later", retry_after=60)
    api.challenge(expires_in=30)
    before = counted()
    world.services.outbox.deliver()
    assert risen(before) == {"failed": 1, "late": 1}


def test_what_is_refused_for_good_has_failed_and_is_not_late(world: World, api: Api) -> None:
    world.senders["fcm"].error = PushRejected("no", final=True)
    api.challenge()
    before = counted()
    world.services.outbox.deliver()
    assert risen(before) == {"failed": 1}


def test_what_is_tried_again_is_counted_each_time(world: World, api: Api) -> None:
    world.senders["fcm"].error = PushRejected("later")
    api.challenge()
    before = counted()
    for _ in range(2):
        world.services.outbox.deliver()
        world.clock.advance(30)
    assert risen(before) == {"retried": 2}


def test_a_message_for_a_challenge_that_has_ended_is_dropped(world: World, api: Api) -> None:
    opened = api.challenge()
    api.call("DELETE", f"/v1/challenges/{opened['id']}")
    before, of_nobody = counted(), counted("none")
    world.services.outbox.deliver()
    assert (risen(before), risen(of_nobody, "none")) == ({}, {"dropped": 1})


def test_the_figures_are_shown_to_who_scrapes_them(world: World, api: Api) -> None:
    api.challenge()
    world.services.outbox.deliver()
    shown = world.app.test_client().get("/metrics").get_data(as_text=True)
    assert 'mfa_pushes_total{provider="fcm",result="accepted"}' in shown
    assert 'mfa_push_seconds_count{provider="fcm"}' in shown
