"""Watching: each challenge once, long polls with what is known, patience with faults."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from mobile_stub.errors import PhoneError, Refused, Unreachable
from mobile_stub.phone import Phone
from tests.unit.mobile_stub.double_serving import DoubleTransport
from tests.unit.mobile_stub.service_double import ServiceDouble

LIST = "GET /v1/device/challenges"


class Sleeps:
    """Records pauses instead of taking them, and may act during one."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.acts: list[object] = []

    def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        if self.acts:
            act = self.acts.pop(0)
            assert callable(act)
            act()


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
def watcher(state_path: Path, transport: DoubleTransport, sleeps: Sleeps) -> Phone:
    return Phone(state_path, transport=transport, sleep=sleeps)


def ignore(_: PhoneError) -> None:
    """Take a fault and go on."""


def test_each_challenge_is_given_once_and_named_as_known(
    watcher: Phone, device: str, service: ServiceDouble, sleeps: Sleeps
) -> None:
    first = service.ask(device)
    later: list[str] = []
    sleeps.acts = [lambda: later.append(service.ask(device))]
    seen = [challenge.id for challenge in islice(watcher.watch(ignore), 2)]
    assert seen == [first, *later]
    lists = [target for _, target, _ in service.log if target.startswith("/v1/device/challenges?")]
    assert lists == [
        "/v1/device/challenges?wait=25",
        f"/v1/device/challenges?wait=25&known={first}",
        f"/v1/device/challenges?wait=25&known={first}",
    ]


def test_one_that_ended_is_known_no_more(
    watcher: Phone, device: str, service: ServiceDouble, sleeps: Sleeps
) -> None:
    first = service.ask(device)

    def end() -> None:
        service.asked[first].status = "cancelled"

    sleeps.acts = [end, lambda: service.ask(device)]
    list(islice(watcher.watch(ignore), 2))
    lists = [target for _, target, _ in service.log if target.startswith("/v1/device/challenges?")]
    assert lists[-1] == "/v1/device/challenges?wait=25"


def test_faults_are_told_and_the_pauses_grow_to_a_bound(
    watcher: Phone, device: str, service: ServiceDouble, transport: DoubleTransport, sleeps: Sleeps
) -> None:
    service.ask(device)
    transport.cut = ["GET /v1/device/challenges"] * 7
    faults: list[PhoneError] = []
    list(islice(watcher.watch(faults.append), 1))
    assert [type(fault) for fault in faults] == [Unreachable] * 7
    assert sleeps.taken == [1, 2, 4, 8, 16, 30, 30]


def failing_then_healed(service: ServiceDouble, status: int, headers: dict[str, str]) -> None:
    turns: Iterator[int] = iter([1])

    def answer() -> tuple[int, dict[str, str], None]:
        if next(turns, None) is not None:
            return status, headers, None
        del service.overrides[LIST]
        return 503, {}, None

    service.overrides[LIST] = answer


@pytest.mark.parametrize(("after", "pause"), [("7", 7), ("9999", 300), ("soon", 1), ("", 1)])
def test_retry_after_is_obeyed_within_reason(
    after: str, pause: float, watcher: Phone, device: str, service: ServiceDouble, sleeps: Sleeps
) -> None:
    service.ask(device)
    failing_then_healed(service, 429, {"Retry-After": after})
    list(islice(watcher.watch(ignore), 1))
    assert sleeps.taken[0] == pause


def test_an_unconfirmed_phone_waits_for_its_confirmation(
    watcher: Phone, device: str, service: ServiceDouble, sleeps: Sleeps
) -> None:
    service.devices[device].state = "pending"
    challenge_id = service.ask(device)
    sleeps.acts = [lambda: service.confirm(device)]
    assert [one.id for one in islice(watcher.watch(ignore), 1)] == [challenge_id]


def test_a_revoked_phone_stops_watching(
    watcher: Phone, device: str, service: ServiceDouble, sleeps: Sleeps
) -> None:
    del service.devices[device]
    with pytest.raises(Refused, match="does not accept this phone"):
        next(watcher.watch(ignore))
    assert sleeps.taken == []
