"""The processes that tests start: awaited, stopped, killed with their workers."""

import signal
import sys
from pathlib import Path

import pytest

from tests.support.leash import free_port, is_running
from tests.support.processes import ServerProcess

WITH_A_WORKER = """
import http.server, os, sys, time
if os.fork() == 0:
    time.sleep(600)
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""

SHOWS_ITS_ENVIRONMENT = """
import os
print("home", os.environ["HOME"], "leaked", os.environ.get("MFA_ISSUER"))
raise SystemExit(3)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "healthz").write_text("ok")
    return tmp_path


def server(script: str, folder: Path) -> ServerProcess:
    port = free_port()
    command = [sys.executable, "-u", "-c", script, str(port)]
    return ServerProcess(command, port=port, env={}, folder=folder)


def test_a_server_is_awaited_and_what_it_prints_is_kept(folder: Path) -> None:
    with server(WITH_A_WORKER, folder) as running:
        running.await_answer()
        assert '"GET /healthz HTTP/1.1" 200' in running.output()


def test_a_stopped_server_says_by_which_signal_it_ended(folder: Path) -> None:
    running = server(WITH_A_WORKER, folder).await_answer()
    assert running.stop() == -signal.SIGTERM
    assert not is_running(running.pid)


def test_killing_takes_the_workers_along(folder: Path) -> None:
    running = server(WITH_A_WORKER, folder).await_answer()
    (worker,) = running.workers()
    assert running.kill() == -signal.SIGKILL
    assert not is_running(worker)


def test_a_server_that_ends_while_starting_is_reported_with_its_output(folder: Path) -> None:
    with pytest.raises(RuntimeError, match="no such database"):
        server("raise SystemExit('no such database')", folder).await_answer()


def test_a_server_sees_nothing_of_the_developers_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MFA_ISSUER", "https://production.example")
    ended = server(SHOWS_ITS_ENVIRONMENT, folder)
    assert ended.await_end() == 3
    assert ended.output() == f"home {folder} leaked None\n"
