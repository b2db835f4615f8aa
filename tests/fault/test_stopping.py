"""SIGTERM: running requests get their answer, and the process is gone within ten seconds."""

import http.client
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.leash import is_running
from tests.support.processes import ServerProcess, start_service
from tests.support.remote import environment, remote_world, served

PROMISED_SECONDS = 10
TO_GET_GOING = 0.7


def stopped(server: ServerProcess) -> tuple[int, float]:
    """Tell a server to stop; return its exit status and the seconds until it was gone."""
    started = time.monotonic()
    os.kill(server.pid, signal.SIGTERM)
    while is_running(server.pid):
        time.sleep(0.02)
    seconds = time.monotonic() - started
    return server.await_end(), seconds


def test_a_stop_answers_who_waits_and_ends_in_time(sqlite_url: str, tmp_path: Path) -> None:
    with (
        served(sqlite_url, tmp_path, workers=2) as server,
        remote_world(server.url, sqlite_url) as world,
        ThreadPoolExecutor(12) as pool,
    ):
        phone, api = world.phone(), world.client()
        challenge = api.challenge()
        read = f"/v1/challenges/{challenge['id']}?wait=30"
        waiting = [pool.submit(api.get, read) for _ in range(8)]
        path = f"/v1/device/challenges?wait=30&known={challenge['id']}"
        by_phone = pool.submit(world.device, phone, "GET", path)
        time.sleep(TO_GET_GOING)
        workers = server.workers()
        status, seconds = stopped(server)
        answers = [future.result() for future in waiting]
        assert {a.get_json()["status"] for a in answers} == {"pending"}
        assert len(by_phone.result().get_json()["challenges"]) == 1
    assert (status, seconds < PROMISED_SECONDS) == (0, True)
    assert not any(is_running(pid) for pid in workers)


def test_a_stop_waits_for_nobody_who_says_nothing(sqlite_url: str, tmp_path: Path) -> None:
    """Idle connections, silent ones, and half a request that is never finished."""
    half = b"POST /v1/challenges HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"
    with start_service(environment(sqlite_url), folder=tmp_path) as server, ExitStack() as open_:
        for _ in range(4):
            idle = http.client.HTTPConnection("127.0.0.1", server.port)
            open_.callback(idle.close)
            idle.request("GET", "/healthz")
            assert idle.getresponse().read() == b'{"status": "ok"}'
        for said in (b"", half):
            peer = socket.create_connection(("127.0.0.1", server.port))
            open_.callback(peer.close)
            peer.sendall(said)
        time.sleep(TO_GET_GOING)
        status, seconds = stopped(server)
    assert (status, seconds < PROMISED_SECONDS) == (0, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_either_signal_ends_the_foreground_process_well(
    number: signal.Signals, sqlite_url: str, tmp_path: Path
) -> None:
    with start_service(environment(sqlite_url), folder=tmp_path) as server:
        os.kill(server.pid, number)
        assert server.await_end(PROMISED_SECONDS) == 0


def test_a_killed_worker_is_replaced(sqlite_url: str, tmp_path: Path) -> None:
    with (
        served(sqlite_url, tmp_path, workers=2) as server,
        remote_world(server.url, sqlite_url) as world,
    ):
        world.totp()
        victim, *_ = server.workers()
        os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while len(set(server.workers()) - {victim}) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        server.await_answer("/readyz")
        assert world.client().challenge()["status"] == "pending"
