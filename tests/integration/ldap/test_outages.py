"""A directory that is away, slow or mad: said clearly, only to its own clients, and soon over."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from werkzeug.test import TestResponse

from mfa_service.domain.ports import DirectoryFault
from mfa_service.services.directory_clients import RETRY_SECONDS
from tests.support.clients import oauth_error
from tests.support.directory import SECRET, Staff, ask, directory_of, granted, staff
from tests.support.mute import Talk, an_odd_message, drips, mute, nonsense
from tests.support.slapd import Slapd
from tests.support.tcp_gate import TcpGate
from tests.support.world import World, close, make_world


def is_away(answer: TestResponse) -> bool:
    """Tell whether a token request was told that the directory does not answer."""
    oauth_error(answer, 503, "temporarily_unavailable")
    return answer.headers["Retry-After"] == str(RETRY_SECONDS)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_directory_is_said_to_be_away_and_is_back_by_itself(
    people: Staff, how: signal.Signals
) -> None:
    token = people.token()
    ours = people.world.client("as", ("mfa:challenge",))
    people.server.stop(how)
    assert people.reads(token) == 503
    assert is_away(people.ask())
    assert is_away(people.ask("nobody"))
    assert granted(people.ask(ours.client_id, ours.secret))
    assert people.reads(ours.token) == 404
    people.server.start()
    people.world.clock.advance(RETRY_SECONDS)
    assert granted(people.ask())
    assert people.reads(token) == 404


def test_the_api_says_so_in_its_own_words(people: Staff) -> None:
    token = people.token()
    people.server.stop()
    answer = people.world.app.test_client().get(
        "/v1/challenges/chl_nobodys", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 503
    assert answer.get_json()["type"].endswith("/problems/unavailable")
    assert answer.headers["Retry-After"] == str(RETRY_SECONDS)


def test_a_restart_between_two_requests_is_not_noticed(people: Staff) -> None:
    token = people.token()
    people.server.stop()
    people.server.start()
    assert people.reads(token) == 404
    assert granted(people.ask())


@pytest.fixture
def behind_gate(server: Slapd, sqlite_url: str) -> Iterator[tuple[Staff, TcpGate]]:
    """Lend a service whose way to the directory can be cut."""
    with TcpGate(("127.0.0.1", server.port)) as gate:
        url = f"ldap://127.0.0.1:{gate.port}"
        world = make_world(sqlite_url, **server.env | {"MFA_LDAP_URL": url})
        yield staff(server, world), gate
        close(world)


def test_cut_connections_are_replaced_without_a_refusal(
    behind_gate: tuple[Staff, TcpGate],
) -> None:
    people, gate = behind_gate
    for _ in range(3):
        assert granted(people.ask())
        gate.cut()


def test_a_cut_way_ends_live_tokens_until_it_is_open_again(
    behind_gate: tuple[Staff, TcpGate],
) -> None:
    people, gate = behind_gate
    token = people.token()
    gate.shut()
    assert people.reads(token) == 503
    gate.open()
    people.world.clock.advance(RETRY_SECONDS)
    assert people.reads(token) == 404


@pytest.mark.parametrize("talk", [None, drips, nonsense, an_odd_message])
def test_a_server_that_is_no_directory_is_a_fault_within_the_time_out(
    server: Slapd, talk: Talk | None
) -> None:
    with mute(talk) as useless:
        directory = directory_of(
            server.env | {"MFA_LDAP_URL": useless.url, "MFA_LDAP_TIMEOUT": "1"}
        )
        with pytest.raises(DirectoryFault):
            directory.find("svc")
        assert not directory.stands()


def test_a_silent_directory_is_asked_once_and_not_by_everybody(
    server: Slapd, sqlite_url: str
) -> None:
    with mute() as silent:
        settings = server.env | {"MFA_LDAP_URL": silent.url, "MFA_LDAP_TIMEOUT": "1"}
        world = make_world(sqlite_url, **settings)
        assert all(is_away(ask(world, "svc", SECRET)) for _ in range(5))
        assert silent.callers == 1
        close(world)


def test_while_clients_of_a_silent_directory_wait_nobody_else_does(
    server: Slapd, sqlite_url: str
) -> None:
    """Two ask, six wait for their turn, and all the others are refused before any of them."""
    with mute() as silent:
        settings = {"MFA_LDAP_URL": silent.url, "MFA_LDAP_TIMEOUT": "30", "MFA_LDAP_POOL": "2"}
        world = make_world(sqlite_url, **server.env | settings)
        ours = world.client("as", ("mfa:challenge",))
        with ThreadPoolExecutor(40) as threads:
            asking = [threads.submit(ask, world, f"svc-{n}", SECRET) for n in range(40)]
            refused = waited_for(asking, most_left=2)
            assert all(is_away(answer) for answer in refused)
            assert granted(ask(world, ours.client_id, ours.secret))
            assert sum(not future.done() for future in asking) == 2
            assert silent.callers == 2
            silent.hang_up()
            assert all(is_away(future.result()) for future in asking)
        close(world)


def waited_for(asking: list[Future[TestResponse]], *, most_left: int) -> list[TestResponse]:
    """Return the answers that came, once all but so many have come."""
    tick = threading.Event()
    while sum(not future.done() for future in asking) > most_left:
        tick.wait(0.02)
    return [future.result() for future in asking if future.done()]


def test_a_service_starts_while_its_directory_is_away(server: Slapd, sqlite_url: str) -> None:
    server.stop()
    world: World = make_world(sqlite_url, **server.env)
    assert world.app.test_client().get("/readyz").status_code == 200
    assert is_away(ask(world, "svc", SECRET))
    close(world)
