"""A connection that sends one request after the other, or falls silent (ADR 0047)."""

import time
from pathlib import Path

import pytest

from tests.e2e.test_waiting_without_threads import FEW, MANY, Scene, scene
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
