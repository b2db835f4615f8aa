"""One worker with 48 threads: hundreds wait, are silent, or go away, and nobody is held up."""

import json
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mfa_service.serving import THREADS
from tests.support.leash import free_port
from tests.support.patience import until
from tests.support.processes import ServerProcess, installed
from tests.support.remote import environment, remote_world, served
from tests.support.world import Api

SOON, WAIT = 15, 30
FEW, MANY = 10, 5 * THREADS  # the service has some sockets of its own


class Poll:
    """A connection that waits for a challenge."""

    def __init__(self, port: int, api: Api, challenge_id: str, *, wait: int) -> None:
        self._peer = socket.create_connection(("127.0.0.1", port), timeout=SOON)
        self._request = (
            f"GET /v1/challenges/{challenge_id}?wait={wait} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {api.token}\r\n\r\n"
        ).encode()
        self._received = b""

    def ask(self, times: int = 1, *, body: bytes = b"") -> None:
        length = f"Content-Length: {len(body)}\r\n\r\n".encode()
        with_body = self._request.removesuffix(b"\r\n") + length + body
        self._peer.sendall((with_body if body else self._request) * times)

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


@dataclass(frozen=True)
class Scene:
    """A service with one worker, a client, and a challenge for which one may wait."""

    server: ServerProcess
    api: Api
    challenge_id: str

    @contextmanager
    def polls(self, count: int, *, wait: int = WAIT) -> Iterator[list[Poll]]:
        """Lend connections that wait."""
        with ExitStack() as open_:
            made = [
                Poll(self.server.port, self.api, self.challenge_id, wait=wait) for _ in range(count)
            ]
            for poll in made:
                open_.callback(poll.close)
                poll.ask()
            yield made

    def cancel(self) -> None:
        """Tell everybody."""
        path = f"/v1/challenges/{self.challenge_id}"
        assert self.api.call("DELETE", path).status_code == 204

    def sockets(self) -> int:
        """Return how many sockets the worker has open."""
        (worker,) = self.server.workers()
        count = 0
        for file in Path(f"/proc/{worker}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                count += str(file.readlink()).startswith("socket:")
        return count


@contextmanager
def scene_at(server: ServerProcess, url: str) -> Iterator[Scene]:
    with remote_world(server.url, url) as world:
        world.totp()
        api = world.client()
        yield Scene(server, api, api.challenge()["id"])


@pytest.fixture
def scene(sqlite_url: str, tmp_path: Path) -> Iterator[Scene]:
    with served(sqlite_url, tmp_path, workers=1) as server, scene_at(server, sqlite_url) as made:
        yield made


def test_five_times_as_many_wait_as_there_are_threads_and_all_are_told(scene: Scene) -> None:
    with scene.polls(MANY) as waiting:
        until(lambda: scene.sockets() >= MANY)
        assert scene.api.read(scene.challenge_id)["status"] == "pending"
        scene.cancel()
        assert {poll.answer()["status"] for poll in waiting} == {"cancelled"}


def test_who_goes_away_is_forgotten(scene: Scene) -> None:
    with scene.polls(20):
        until(lambda: scene.sockets() >= 20)
    until(lambda: scene.sockets() < FEW)
    assert scene.api.read(scene.challenge_id)["status"] == "pending"


def test_who_goes_away_in_the_moment_of_being_told_harms_nobody(scene: Scene) -> None:
    workers = scene.server.workers()
    for _ in range(3):
        with scene.polls(MANY) as waiting:
            until(lambda: scene.sockets() >= MANY)
            with ThreadPoolExecutor(1) as pool:
                wrong = pool.submit(scene.api.answer, scene.challenge_id, "totp", "000000")
                until(lambda: any(poll.has_an_answer() for poll in waiting))
                for poll in waiting:
                    poll.close()
                wrong.result()
        until(lambda: scene.sockets() < FEW)
    assert scene.server.workers() == workers


def test_what_is_sent_while_it_waits_is_answered_after_it(scene: Scene) -> None:
    with scene.polls(1) as (poll,):
        time.sleep(0.5)
        poll.ask(2)
        time.sleep(0.5)
        scene.api.answer(scene.challenge_id, "totp", "000000")
        assert poll.answer()["attempts_left"] == 4
        scene.cancel()
        assert [poll.answer()["status"] for _ in range(2)] == ["cancelled", "cancelled"]


def test_a_wait_ends_when_its_time_is_up_and_the_connection_serves_on(scene: Scene) -> None:
    with scene.polls(1, wait=1) as (poll,):
        assert poll.answer()["status"] == "pending"
        poll.ask()
        assert poll.answer()["status"] == "pending"


def test_a_request_with_a_body_waits_and_is_answered_too(scene: Scene) -> None:
    with scene.polls(1, wait=1) as (poll,):
        assert poll.answer()["status"] == "pending"
        poll.ask(body=b"{}")
        assert poll.answer()["status"] == "pending"


def test_connections_on_which_nothing_comes_take_no_thread(scene: Scene) -> None:
    with ExitStack() as open_:
        for _ in range(MANY):
            peer = socket.create_connection(("127.0.0.1", scene.server.port), timeout=SOON)
            open_.callback(peer.close)
        until(lambda: scene.sockets() >= MANY)
        with scene.polls(1, wait=0) as (poll,):
            # If each held a thread for gunicorn's 5 s, the answer would take longer than `SOON`.
            assert poll.answer()["status"] == "pending"
    until(lambda: scene.sockets() < FEW)


def test_where_few_files_may_be_open_few_wait_and_others_are_answered(
    sqlite_url: str, tmp_path: Path
) -> None:
    port = free_port()
    serve = f"{installed('mfa')} serve --host 127.0.0.1 --port {port} --workers 1"
    command = ["sh", "-c", f"ulimit -n 320 && exec {serve}"]
    env = environment(sqlite_url)
    with (
        ServerProcess(command, port=port, env=env, folder=tmp_path).await_answer() as server,
        scene_at(server, sqlite_url) as scene,
        scene.polls(80) as waiting,
    ):
        time.sleep(1)
        at_once = [poll for poll in waiting if poll.has_an_answer()]
        assert 10 < len(at_once) < 70
        assert {poll.answer()["status"] for poll in at_once} == {"pending"}
        scene.cancel()
        others = [poll for poll in waiting if poll not in at_once]
        assert {poll.answer()["status"] for poll in others} == {"cancelled"}
