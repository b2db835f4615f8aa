"""One worker with 48 threads: hundreds wait, are silent, or go away, and nobody is held up."""

import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from mfa_service.serving import THREADS
from tests.support.leash import free_port
from tests.support.processes import ServerProcess, installed
from tests.support.remote import environment, remote_world, served
from tests.support.world import Api, World

SOON, WAIT = 15, 30
FEW, MANY = 10, 5 * THREADS  # the service has some sockets of its own


@pytest.fixture
def one_worker(sqlite_url: str, tmp_path: Path) -> Iterator[tuple[ServerProcess, World]]:
    with (
        served(sqlite_url, tmp_path, workers=1) as server,
        remote_world(server.url, sqlite_url) as world,
    ):
        world.totp()
        yield server, world


class Poll:
    """A connection that waits for a challenge."""

    def __init__(self, port: int, api: Api, challenge_id: str, *, wait: int = WAIT) -> None:
        self._peer = socket.create_connection(("127.0.0.1", port), timeout=SOON)
        self._request = (
            f"GET /v1/challenges/{challenge_id}?wait={wait} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {api.token}\r\n\r\n"
        ).encode()
        self._received = b""

    def ask(self, times: int = 1) -> None:
        self._peer.sendall(self._request * times)

    def answer(self) -> dict[str, Any]:
        """Return the next answer."""
        while b"\r\n\r\n" not in self._received:
            self._more()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(self._received) < length:
            self._more()
        body, self._received = self._received[:length], self._received[length:]
        return dict(json.loads(body))

    def has_an_answer(self) -> bool:
        """Tell whether something has come."""
        looking = select.poll()  # `select` itself cannot look at the thousandth file
        looking.register(self._peer, select.POLLIN)
        return bool(looking.poll(0))

    def close(self) -> None:
        self._peer.close()

    def _more(self) -> None:
        more = self._peer.recv(65_536)
        assert more, "the server hung up"
        self._received += more


@contextmanager
def polls(
    server: ServerProcess, api: Api, challenge_id: str, count: int, *, wait: int = WAIT
) -> Iterator[list[Poll]]:
    with ExitStack() as open_:
        made = [Poll(server.port, api, challenge_id, wait=wait) for _ in range(count)]
        for poll in made:
            open_.callback(poll.close)
            poll.ask()
        yield made


def until(held: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not held():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def sockets_of(server: ServerProcess) -> int:
    """Return how many sockets the worker has open."""
    (worker,) = server.workers()
    count = 0
    for file in Path(f"/proc/{worker}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            count += str(file.readlink()).startswith("socket:")
    return count


def test_five_times_as_many_wait_as_there_are_threads_and_all_are_told(
    one_worker: tuple[ServerProcess, World],
) -> None:
    server, world = one_worker
    api = world.client()
    challenge = api.challenge()
    with polls(server, api, challenge["id"], MANY) as waiting:
        until(lambda: sockets_of(server) >= MANY)
        assert api.read(challenge["id"])["status"] == "pending"
        assert api.call("DELETE", f"/v1/challenges/{challenge['id']}").status_code == 204
        assert {poll.answer()["status"] for poll in waiting} == {"cancelled"}


def test_who_goes_away_is_forgotten(one_worker: tuple[ServerProcess, World]) -> None:
    server, world = one_worker
    api = world.client()
    challenge = api.challenge()
    with polls(server, api, challenge["id"], 20):
        until(lambda: sockets_of(server) >= 20)
    until(lambda: sockets_of(server) < FEW)
    assert api.read(challenge["id"])["status"] == "pending"


def test_what_is_sent_while_it_waits_is_answered_after_it(
    one_worker: tuple[ServerProcess, World],
) -> None:
    server, world = one_worker
    api = world.client()
    challenge = api.challenge()
    with polls(server, api, challenge["id"], 1) as (poll,):
        time.sleep(0.5)
        poll.ask(2)
        time.sleep(0.5)
        api.answer(challenge["id"], "totp", "000000")
        assert poll.answer()["attempts_left"] == 4
        api.call("DELETE", f"/v1/challenges/{challenge['id']}")
        assert [poll.answer()["status"] for _ in range(2)] == ["cancelled", "cancelled"]


def test_a_wait_ends_when_its_time_is_up_and_the_connection_serves_on(
    one_worker: tuple[ServerProcess, World],
) -> None:
    server, world = one_worker
    api = world.client()
    challenge = api.challenge()
    with polls(server, api, challenge["id"], 1, wait=1) as (poll,):
        assert poll.answer()["status"] == "pending"
        poll.ask()
        assert poll.answer()["status"] == "pending"


def test_connections_on_which_nothing_comes_take_no_thread(
    one_worker: tuple[ServerProcess, World],
) -> None:
    server, world = one_worker
    api = world.client()
    challenge = api.challenge()
    with ExitStack() as open_:
        for _ in range(MANY):
            peer = socket.create_connection(("127.0.0.1", server.port), timeout=SOON)
            open_.callback(peer.close)
        until(lambda: sockets_of(server) >= MANY)
        with polls(server, api, challenge["id"], 1, wait=0) as (poll,):
            # If each held a thread for gunicorn's 5 s, the answer would take longer than `SOON`.
            assert poll.answer()["status"] == "pending"
    until(lambda: sockets_of(server) < FEW)


def test_where_few_files_may_be_open_few_wait_and_others_are_answered(
    sqlite_url: str, tmp_path: Path
) -> None:
    port = free_port()
    serve = f"{installed('mfa')} serve --host 127.0.0.1 --port {port} --workers 1"
    command = ["sh", "-c", f"ulimit -n 320 && exec {serve}"]
    env = environment(sqlite_url)
    with (
        ServerProcess(command, port=port, env=env, folder=tmp_path).await_answer() as server,
        remote_world(server.url, sqlite_url) as world,
    ):
        world.totp()
        api = world.client()
        challenge = api.challenge()
        with polls(server, api, challenge["id"], 80) as waiting:
            time.sleep(1)
            at_once = [poll for poll in waiting if poll.has_an_answer()]
            assert 10 < len(at_once) < 70
            assert {poll.answer()["status"] for poll in at_once} == {"pending"}
            assert api.call("DELETE", f"/v1/challenges/{challenge['id']}").status_code == 204
            others = [poll for poll in waiting if poll not in at_once]
            assert {poll.answer()["status"] for poll in others} == {"cancelled"}
