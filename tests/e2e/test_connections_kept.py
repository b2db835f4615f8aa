"""A connection that sends one request after the other, or falls silent (ADR 0047)."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.e2e.test_waiting_without_threads import FEW, MANY, SOON, Scene, scene
from tests.support.leash import free_port
from tests.support.patience import until
from tests.support.processes import ServerProcess
from tests.support.remote import served

__all__ = ["scene"]


@pytest.mark.parametrize("pause", [0, 0.001, 0.02])
def test_each_request_on_a_connection_is_answered_whenever_it_comes(
    scene: Scene, pause: float
) -> None:
    with scene.polls(1, wait=0) as (poll,):
        for _ in range(20):
            assert poll.answer()["status"] == "pending"
            time.sleep(pause)
            poll.ask()
        assert poll.answer()["status"] == "pending"


def test_requests_sent_all_at_once_are_answered_in_turn(scene: Scene) -> None:
    with scene.polls(1, wait=0) as (poll,):
        poll.ask(20)
        assert [poll.answer()["status"] for _ in range(21)] == ["pending"] * 21


def test_a_connection_that_waits_may_have_asked_before_and_may_ask_again(scene: Scene) -> None:
    with scene.polls(1, wait=0) as (asking,), scene.polls(1) as (waiting,):
        assert asking.answer()["status"] == "pending"
        scene.cancel()
        for poll in (asking, waiting):
            poll.ask()
        assert [waiting.answer()["status"] for _ in range(2)] == ["cancelled"] * 2
        assert asking.answer()["status"] == "cancelled"


def test_answered_connections_hold_no_thread(scene: Scene) -> None:
    with scene.polls(MANY, wait=0) as polls:
        for _ in range(2):
            assert {poll.answer()["status"] for poll in polls} == {"pending"}
            for poll in polls:
                poll.ask()


BUSY = """
import sys, time
from gunicorn.app.base import BaseApplication
class Server(BaseApplication):
    def load_config(self):
        self.cfg.set("bind", f"127.0.0.1:{sys.argv[1]}")
        self.cfg.set("worker_class", "mfa_service.serving_worker.Worker")
        self.cfg.set("threads", 4)
        self.cfg.set("control_socket_disable", True)
    def load(self):
        def app(environ, start_response):
            time.sleep(0.02)  # longer than a thread stays, so none is ever seen waiting
            start_response("200 OK", [("Content-Length", "2")])
            return [b"ok"]
        app.extensions = {"mfa": type("Mfa", (), {"wake_up": type("Up", (), {"shut": int})})}
        return app
Server().run()
"""


def test_connections_that_ask_without_pause_leave_a_thread_to_others(tmp_path: Path) -> None:
    port, ended = free_port(), threading.Event()
    command = [sys.executable, "-c", BUSY, str(port)]
    answered: list[int] = []

    def ask(connection: HTTPConnection) -> int:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def ask_until_the_end() -> None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=SOON)) as connection:
            while not ended.is_set():
                answered.append(ask(connection))

    with (
        ServerProcess(command, port=port, env={}, folder=tmp_path).await_answer(),
        ThreadPoolExecutor(4) as pool,
    ):
        busy = [pool.submit(ask_until_the_end) for _ in range(4)]
        try:
            until(lambda: len(answered) > 20)
            before = len(answered)
            for _ in range(5):
                with closing(HTTPConnection("127.0.0.1", port, timeout=SOON)) as other:
                    assert ask(other) == 200
            meanwhile = len(answered) - before
        finally:
            ended.set()
        assert [one.result() for one in busy] == [None] * 4
    assert meanwhile < 5 * 20, "each of the others waited for more than five rounds"


def _libraries(pid: int) -> set[str]:
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {Path(line.split()[-1]).name for line in lines if line.endswith(".so")}


def test_what_workers_need_is_loaded_before_they_are_forked(
    sqlite_url: str, tmp_path: Path
) -> None:
    with served(sqlite_url, tmp_path, workers=1) as server:
        (worker,) = server.workers()
        shared = _libraries(server.pid)
        assert len(shared) > FEW
        # The factors are found by name, when the application is made: Argon2 comes with one.
        assert _libraries(worker) - shared <= {"_ffi.abi3.so"}
