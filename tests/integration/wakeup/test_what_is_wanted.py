"""Only what somebody elsewhere waits for is carried: it costs who sends and all who hear."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mfa_service.adapters.wakeup_carried import CarriedWakeUp
from mfa_service.adapters.wakeup_memory import MemoryWakeUp
from tests.support.patience import until

BELIEVED = 0.6
SECONDS = 10


class Wire:
    """Carries texts between the processes of a test and remembers them."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.is_deaf = False
        self._inboxes: list[queue.SimpleQueue[str]] = []

    def publish(self, text: str) -> None:
        self.sent.append(text)
        for inbox in () if self.is_deaf else self._inboxes:
            inbox.put(text)

    def texts(self, stopped: threading.Event) -> Iterator[str | None]:
        inbox: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._inboxes.append(inbox)
        yield None
        while not stopped.is_set():
            try:
                yield inbox.get(timeout=0.02)
            except queue.Empty:
                continue

    def close(self) -> None:
        """Keep nothing."""

    def carried(self, topic: str) -> bool:
        return any(f'"{topic}"' in text for text in self.sent)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@contextmanager
def settled(wire: Wire, name: str) -> Iterator[CarriedWakeUp]:
    """Lend a process that has heard for long enough to know what is waited for."""
    made = CarriedWakeUp(MemoryWakeUp(10), wire, name=name, believed_seconds=BELIEVED)
    made.start()
    try:
        until(lambda: made.hears)
        time.sleep(BELIEVED)
        yield made
    finally:
        made.stop()


def test_what_nobody_waits_for_elsewhere_is_not_carried(wire: Wire) -> None:
    with settled(wire, "one") as one:
        here = one.subscribe("challenge:a")
        one.tell("challenge:a", "user:b")
        assert here is not None
        assert here.wait(SECONDS)
        until(lambda: wire.carried("?challenge"))
    assert not wire.carried("challenge:a")
    assert not wire.carried("user:b")


def test_a_process_that_has_just_begun_to_hear_carries_everything(wire: Wire) -> None:
    one = CarriedWakeUp(MemoryWakeUp(10), wire, name="one", believed_seconds=SECONDS)
    one.start()
    until(lambda: one.hears)
    one.tell("challenge:a")
    until(lambda: wire.carried("challenge:a"))
    one.stop()


def test_who_waits_is_told_for_as_long_as_they_wait_and_only_of_their_kind(wire: Wire) -> None:
    with settled(wire, "one") as one, settled(wire, "two") as two:
        place = two.subscribe("challenge:a")
        assert place is not None
        until(lambda: wire.carried("?challenge"))
        time.sleep(BELIEVED * 3)
        one.tell("user:b")
        until(lambda: _told(one, "challenge:a", place.wait))
        place.close()
    assert not wire.carried("user:b")


def test_nothing_is_carried_any_more_once_nobody_waits(wire: Wire) -> None:
    with settled(wire, "one") as one, settled(wire, "two") as two:
        place = two.subscribe("challenge:a")
        assert place is not None
        until(lambda: _told(one, "challenge:a", place.wait))
        place.close()
        time.sleep(BELIEVED * 2)
        one.tell("challenge:late")
        time.sleep(BELIEVED / 2)
    assert not wire.carried("challenge:late")


def test_until_others_can_know_who_waits_the_database_is_looked_at_often(wire: Wire) -> None:
    with settled(wire, "one") as one:
        seen = [one.hears]
        for topic in ("challenge:a", "challenge:b"):
            assert one.subscribe(topic) is not None
            seen.append(one.hears)
            until(lambda: one.hears)
    assert seen == [True, False, True], "others know already that somebody waits for a challenge"


def test_a_lost_word_that_somebody_waits_is_said_again(wire: Wire) -> None:
    with settled(wire, "one") as one, settled(wire, "two") as two:
        wire.is_deaf = True
        place = two.subscribe("challenge:a")
        assert place is not None
        until(lambda: wire.carried("?challenge"))
        wire.is_deaf = False
        until(lambda: _told(one, "challenge:a", place.wait))


def _told(one: CarriedWakeUp, topic: str, heard: object) -> bool:
    one.tell(topic)
    assert callable(heard)
    return bool(heard(0.1))
