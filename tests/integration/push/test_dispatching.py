"""Who sends: a thread beside the requests, told at once, and never held up by one provider."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from mfa_service.background import BackgroundWork
from mfa_service.domain.ports import PushMessage, PushSender
from mfa_service.services.dispatching import Dispatcher
from mfa_service.services.loops import Loop
from mfa_service.services.outbox import OutboxService
from tests.support.database import rows
from tests.support.patience import SECONDS, until
from tests.support.ports import FakeSender
from tests.support.world import World, close, make_world

NEVER = 3600.0


@dataclass
class Slow(FakeSender):
    """A provider that keeps who sends to the token `slow` until it is let go."""

    provider: str = "fcm"
    begun_by: list[str] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)

    def send(self, message: PushMessage) -> None:
        self.begun_by.append(threading.current_thread().name)
        if message.address["token"] == "slow":
            assert self.let_go.wait(SECONDS)
        super().send(message)

    @property
    def tokens(self) -> list[str]:
        return sorted(str(message.address["token"]) for message in self.sent)


@contextmanager
def working(world: World, *, at_once: int = 4) -> Iterator[BackgroundWork]:
    """Run what is done beside the requests; it looks only when it is told."""
    work = BackgroundWork(world.services, at_once=at_once, pause=NEVER)
    work.start()
    try:
        yield work
    finally:
        assert work.stop(seconds=SECONDS)


def outbox_of(world: World, sender: PushSender) -> OutboxService:
    return OutboxService(world.services.foundation, {"fcm": sender})


def push_state(world: World, challenge_id: str) -> str:
    return str(world.client().read(challenge_id)["push"]["state"])


def ringing(world: World, *tokens: str) -> None:
    """Give one user each of these tokens, and open a challenge for each user."""
    for token in tokens:
        world.phone(token, push={"provider": "fcm", "token": token})
        world.client().challenge(token)


def test_no_request_waits_for_a_provider(world: World) -> None:
    provider = Slow()
    world.senders["fcm"] = provider
    world.phone(push={"provider": "fcm", "token": "slow"})
    with working(world):
        opened = world.client().challenge()
        until(lambda: bool(provider.begun_by))
        again = world.client().post(f"/v1/challenges/{opened['id']}/push")
        assert (again.status_code, push_state(world, opened["id"])) == (202, "queued")
        assert set(provider.begun_by) == {"push"}
        provider.let_go.set()
        until(lambda: push_state(world, opened["id"]) == "accepted")


def test_who_writes_a_message_wakes_who_sends_it(world: World) -> None:
    world.phone(push={"provider": "fcm", "token": "t"})
    with working(world):
        opened = world.client().challenge()
        until(lambda: push_state(world, opened["id"]) == "accepted")
        assert world.client().post(f"/v1/challenges/{opened['id']}/push").status_code == 202
        until(lambda: len(world.senders["fcm"].sent) == 2)


def test_a_worker_is_woken_by_who_serves_in_another_process(any_url: str) -> None:
    serving = make_world(any_url, MFA_BACKGROUND="worker")
    worker = make_world(any_url, MFA_BACKGROUND="worker")
    for each in (serving, worker):
        each.services.wake_up.start()
    until(lambda: worker.services.wake_up.hears)
    serving.phone(push={"provider": "fcm", "token": "t"})
    with working(worker):
        opened = serving.client().challenge()
        until(lambda: push_state(serving, opened["id"]) == "accepted")
    assert (len(worker.senders["fcm"].sent), serving.senders["fcm"].sent) == (1, [])
    for each in (serving, worker):
        each.services.wake_up.stop()
        close(each)


def test_a_provider_that_hangs_for_one_phone_holds_up_no_other(world: World) -> None:
    provider = Slow()
    world.senders["fcm"] = provider
    with working(world, at_once=2):
        ringing(world, "slow", "a", "b", "c")
        until(lambda: provider.tokens == ["a", "b", "c"])
        provider.let_go.set()
    assert provider.tokens == ["a", "b", "c", "slow"]


def test_what_nobody_here_can_send_now_is_left_to_others(world: World) -> None:
    provider = Slow()
    ringing(world, "slow", "other")
    dispatcher = Dispatcher(outbox_of(world, provider), lambda: None, at_once=1)
    assert (dispatcher.dispatch(), dispatcher.dispatch()) == (1, 0)
    (left,) = rows(world, "SELECT attempts FROM outbox WHERE attempts = 0")
    assert left["attempts"] == 0
    provider.let_go.set()
    assert dispatcher.finish(seconds=SECONDS)
    assert outbox_of(world, provider).deliver() == 1


def test_a_stop_waits_for_what_was_begun_and_says_if_it_was_in_vain(world: World) -> None:
    provider = Slow()
    ringing(world, "slow")
    dispatcher = Dispatcher(outbox_of(world, provider), lambda: None)
    dispatcher.dispatch()
    assert not dispatcher.finish(seconds=0.05)
    assert not dispatcher.is_stuck(seconds=0)  # seven more threads are free
    provider.let_go.set()
    assert dispatcher.finish(seconds=SECONDS)


def test_who_has_no_thread_that_comes_back_is_stuck(world: World) -> None:
    provider = Slow()
    ringing(world, "slow")
    dispatcher = Dispatcher(outbox_of(world, provider), lambda: None, at_once=1)
    dispatcher.dispatch()
    assert not dispatcher.is_stuck(seconds=SECONDS)
    until(lambda: dispatcher.is_stuck(seconds=0.05))
    provider.let_go.set()
    assert dispatcher.finish(seconds=SECONDS)
    assert not dispatcher.is_stuck(seconds=0)


@dataclass
class Broken:
    """An outbox whose rows cannot be handled."""

    taken: int = 0

    def take(self, most: int) -> list[None]:
        self.taken += 1
        return [None]

    def hand_over(self, row: None) -> None:
        raise RuntimeError("very-secret")


def test_a_fault_of_one_message_frees_its_thread_and_is_logged_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    freed = threading.Event()
    dispatcher = Dispatcher(Broken(), freed.set, at_once=1)  # type: ignore[arg-type]
    assert dispatcher.dispatch() == 1
    assert freed.wait(SECONDS)
    assert dispatcher.finish(seconds=SECONDS)
    assert [record.message for record in caplog.records] == ["a notification failed"]


def test_a_loop_that_is_told_while_it_works_works_once_more() -> None:
    calls: list[int] = []
    inside, go_on = threading.Event(), threading.Event()

    def call() -> None:
        calls.append(1)
        inside.set()
        assert go_on.wait(SECONDS)

    loop = Loop("test", call, seconds=NEVER)
    loop.start()
    loop.wake()
    assert inside.wait(SECONDS)
    loop.wake()
    go_on.set()
    until(lambda: len(calls) == 2)
    loop.stop()
    loop.join(SECONDS)
    assert (len(calls), loop.is_alive()) == (2, False)


def test_a_loop_whose_call_does_not_end_is_stuck() -> None:
    go_on = threading.Event()
    loop = Loop("test", lambda: go_on.wait(SECONDS), seconds=0)
    loop.start()
    assert not loop.is_stuck(seconds=SECONDS)
    until(lambda: loop.is_stuck(seconds=0.05))
    go_on.set()
    until(lambda: not loop.is_stuck(seconds=0.05))
    loop.stop()
    loop.join(SECONDS)
