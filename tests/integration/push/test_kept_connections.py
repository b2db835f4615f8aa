"""Connections to push services are used again, and never for more than they were judged for."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpcore
import pytest

from mfa_service.adapters.guarded_connections import (
    Answer,
    BoundedConnection,
    Deadline,
    Keeping,
    Kept,
    Line,
)
from mfa_service.adapters.guarded_http import GuardedHttp, NotReached
from tests.support.push_service import (
    ORIGIN,
    PUBLIC_ADDRESS,
    PushService,
    Rerouted,
    push_service,
)
from tests.support.racing import race

URL = f"{ORIGIN}/push/one-browser"
ORIGIN_OF_URL = httpcore.URL(URL).origin
JUDGED = (PUBLIC_ADDRESS, 443)
Post = Callable[[], Answer]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushService]:
    """Return a push service that takes whatever comes."""
    with push_service(tmp_path, lambda: 0, b"") as made:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        made.answers = [(201, {})] * 20
        yield made


@contextmanager
def posting(
    service: PushService, keeping: Keeping, addresses: list[str] | None = None
) -> Iterator[Post]:
    """Lend what posts to the service, over connections that it keeps."""
    leads_to = [PUBLIC_ADDRESS] if addresses is None else addresses
    network = Rerouted(service)
    with closing(
        GuardedHttp(
            frozenset(), lambda _host, _port: leads_to, seconds=5, keeping=keeping, network=network
        )
    ) as http:
        yield partial(http.post, URL, [], b"x")


def bounded_line(service: PushService) -> Line:
    """Return a connection to the service that no guard judges."""
    deadline = Deadline()

    class Bounded(Rerouted):
        def connect_tcp(self, *where: Any, **how: Any) -> httpcore.NetworkStream:
            return BoundedConnection(super().connect_tcp(*where, **how), deadline)

    tls = ssl.create_default_context()
    return Line(ORIGIN_OF_URL, tls, Bounded(service), deadline, Keeping(1))


def test_the_next_message_goes_over_the_same_connection(service: PushService) -> None:
    with posting(service, Keeping(1)) as post:
        assert [post().status for _ in range(3)] == [201] * 3
    assert (service.connected, len(service.asked)) == ([JUDGED], 3)


@pytest.mark.parametrize("keeping", [Keeping(0), Keeping(1, idle=0), Keeping(1, old=0)])
def test_what_is_not_to_be_kept_or_was_kept_long_enough_is_not_used_again(
    service: PushService, keeping: Keeping
) -> None:
    with posting(service, keeping) as post:
        assert [post().status for _ in range(2)] == [201] * 2
    assert service.connected == [JUDGED] * 2


@pytest.mark.parametrize("header", [{"Connection": "close"}, {"Transfer-Encoding": "chunked"}])
def test_a_connection_that_ends_or_whose_answer_goes_on_is_not_used_again(
    service: PushService, header: dict[str, str]
) -> None:
    service.answers = [(201, header), (201, {})]
    with posting(service, Keeping(1)) as post:
        assert [post().status for _ in range(2)] == [201] * 2
    assert service.connected == [JUDGED] * 2


def test_a_connection_that_was_closed_meanwhile_costs_no_message(service: PushService) -> None:
    with posting(service, Keeping(1)) as post:
        post()
        service.hangs_up = 1
        assert post().status == 201
    assert service.connected == [JUDGED] * 2


def test_a_new_connection_that_breaks_is_a_failure_and_nothing_is_repeated(
    service: PushService,
) -> None:
    service.hangs_up = 1
    with posting(service, Keeping(1)) as post, pytest.raises(NotReached, match="RemoteProtocol"):
        post()
    assert service.connected == [JUDGED]


def test_when_one_turns_out_to_be_dead_the_others_to_the_same_origin_are_not_tried(
    service: PushService,
) -> None:
    kept, lines = Kept(4), [bounded_line(service) for _ in range(3)]
    for line in lines:
        line.post(URL, [], b"x", until=time.monotonic() + 20)
        kept.give(line)
    assert kept.take(ORIGIN_OF_URL) is lines[2]
    with pytest.raises(httpcore.ReadTimeout), kept.doubted(ORIGIN_OF_URL):
        raise httpcore.ReadTimeout
    assert kept.take(ORIGIN_OF_URL) is None
    assert [line.is_sound() for line in lines] == [False, False, True]
    lines[2].close()


def test_the_one_that_is_idle_longest_makes_room(service: PushService) -> None:
    kept, lines = Kept(2), [bounded_line(service) for _ in range(3)]
    for line in lines:
        line.post(URL, [], b"x", until=time.monotonic() + 20)
        kept.give(line)
    assert [kept.take(ORIGIN_OF_URL) for _ in range(3)] == [lines[2], lines[1], None]
    assert [line.is_sound() for line in lines] == [False, True, True]
    for line in lines:
        line.close()


def test_each_of_those_who_post_at_once_has_a_connection_of_its_own(service: PushService) -> None:
    with posting(service, Keeping(2)) as post:
        assert [answer.status for answer in race([post] * 8)] == [201] * 8
    assert len(service.asked) == 8


def test_a_name_that_leads_inward_later_leads_us_nowhere_else(service: PushService) -> None:
    """DNS rebinding: what is kept goes to the address that was judged, a new one is judged anew."""
    addresses = [PUBLIC_ADDRESS]
    with posting(service, Keeping(1), addresses) as post:
        post()
        addresses[:] = ["10.0.0.7"]
        assert post().status == 201
        service.hangs_up = 1
        with pytest.raises(NotReached, match="private") as refused:
            post()
    assert refused.value.unsafe
    assert service.connected == [JUDGED]


@pytest.mark.parametrize("origin", ["https://other.example", f"{ORIGIN}:8443"])
def test_another_origin_has_to_prove_itself_on_a_connection_of_its_own(
    service: PushService, origin: str
) -> None:
    with closing(
        GuardedHttp(
            frozenset(),
            lambda _host, _port: [PUBLIC_ADDRESS],
            seconds=5,
            keeping=Keeping(4),
            network=Rerouted(service),
        )
    ) as http:
        http.post(URL, [], b"x")
        if origin.startswith(ORIGIN):
            assert http.post(f"{origin}/x", [], b"x").status == 201
        else:
            with pytest.raises(NotReached, match="ConnectError"):
                http.post(f"{origin}/x", [], b"x")
    assert len(service.connected) == 2


def test_each_exchange_on_a_connection_has_an_end_of_its_own(service: PushService) -> None:
    line = bounded_line(service)
    assert line.post(URL, [], b"x", until=time.monotonic() + 20).status == 201
    with pytest.raises(httpcore.TimeoutException):
        line.post(URL, [], b"x", until=time.monotonic() - 1)
    assert not line.is_sound()


@pytest.mark.parametrize(
    ("status", "headers", "is_short"),
    [
        (201, {"content-length": "0"}, True),
        (404, {"content-length": "4096"}, True),
        (204, {}, True),
        (201, {}, False),
        (201, {"content-length": "4097"}, False),
        (201, {"content-length": "9" * 20}, False),
        (201, {"content-length": "0", "transfer-encoding": "chunked"}, False),
        (201, {"content-length": "-1"}, False),
        (201, {"content-length": "\u0663"}, False),
    ],
)
def test_only_an_answer_whose_little_end_is_known_is_read(
    status: int, headers: dict[str, str], *, is_short: bool
) -> None:
    assert Answer(status, headers).is_short is is_short
