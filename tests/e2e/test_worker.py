"""`mfa worker` beside `mfa serve`, on one database: who sends, how it is, and how it stops."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from mfa_service.app import create_app
from mfa_service.settings import Settings
from mfa_service.wiring import Ports
from tests.support.database import rows
from tests.support.leash import free_port
from tests.support.own_sender import installed_sender
from tests.support.patience import until
from tests.support.processes import ServerProcess, installed, start_service
from tests.support.remote import WallClock, environment, remote_world
from tests.support.world import World, close


@dataclass
class Place:
    """A service that leaves what is beside the requests to others."""

    env: dict[str, str]
    folder: Path
    world: World
    server: ServerProcess

    def worker(self, *options: str) -> ServerProcess:
        """Start `mfa worker` and return it once it is well."""
        port = free_port()
        command = [installed("mfa"), "worker", "--port", str(port), *options]
        worker = ServerProcess(command, port=port, env=self.env, folder=self.folder)
        return worker.await_answer("/healthz")

    def opened(self, token: str) -> dict[str, Any]:
        """Return a challenge for a new person whose phone has this token."""
        self.world.phone(token, push={"provider": "fcm", "token": token})
        return self.world.client().challenge(token)

    def state(self, challenge: dict[str, Any]) -> str:
        return str(self.world.client().read(challenge["id"])["push"]["state"])

    def sent(self) -> list[dict[str, Any]]:
        """Return what the relay was given, and by whom."""
        log = Path(self.env["RELAY_LOG"])
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def relayed(env: dict[str, str], folder: Path) -> dict[str, str]:
    """Return settings by which workers send, by a relay that an operator brought."""
    return env | {
        "MFA_BACKGROUND": "worker",
        "MFA_PUSH_SENDERS": "fcm",
        "PYTHONPATH": installed_sender(folder, fcm="Relay"),
        "RELAY_LOG": str(folder / "relay.log"),
    }


@pytest.fixture
def place(any_url: str, tmp_path: Path) -> Iterator[Place]:
    env = relayed(environment(any_url), tmp_path)
    with (
        start_service(env, folder=tmp_path, workers=2) as server,
        remote_world(server.url, any_url) as world,
    ):
        yield Place(env, tmp_path, world, server)


def test_workers_send_what_the_service_leaves_to_them(place: Place) -> None:
    waiting = place.opened("before")
    with place.worker() as one, place.worker() as two:
        until(lambda: place.state(waiting) == "accepted")
        for token in ("a", "b", "c"):
            opened = place.opened(token)
            until(lambda: place.state(opened) == "accepted")  # noqa: B023  # called here only
        sent = place.sent()
        assert sorted(each["token"] for each in sent) == ["a", "b", "before", "c"]
        assert {each["pid"] for each in sent} <= {one.pid, two.pid}
        dead = place.opened("dead")
        until(lambda: place.state(dead) == "failed")
        shown = [httpx.get(f"{each.url}/metrics", trust_env=False).text for each in (one, two)]
        assert any('mfa_pushes_total{provider="fcm",result="accepted"}' in text for text in shown)
        assert [each.stop() for each in (one, two)] == [0, 0]
        assert "Stopped." in one.output()
    left = place.opened("after")
    assert place.state(left) == "queued"


def test_a_worker_whose_provider_hangs_stops_in_time(sqlite_url: str, tmp_path: Path) -> None:
    env = relayed(environment(sqlite_url), tmp_path)
    local = create_app(Settings.load(environment(sqlite_url)), Ports.real())
    world = World(local, WallClock(), {})
    world.services.foundation.keys.ensure()
    world.phone(push={"provider": "fcm", "token": "hang"})
    world.client().challenge()
    worker = ServerProcess([installed("mfa"), "worker"], port=free_port(), env=env, folder=tmp_path)
    until(lambda: rows(world, "SELECT attempts FROM outbox") == [{"attempts": 1}])
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.await_end(10) == 0
    assert "is sent once more" in worker.output()
    close(world)


def test_a_worker_tells_how_it_is_and_nothing_to_strangers(sqlite_url: str, tmp_path: Path) -> None:
    env = environment(sqlite_url) | {"MFA_METRICS_TOKEN": "a-token"}
    port = free_port()
    command = [installed("mfa"), "worker", "--port", str(port)]
    with ServerProcess(command, port=port, env=env, folder=tmp_path) as worker:
        worker.await_answer()
        assert "MFA_BACKGROUND is not worker" in worker.output()
        with httpx.Client(base_url=worker.url, trust_env=False) as http:
            assert http.get("/healthz").json() == {"status": "ok"}
            assert http.get("/metrics").status_code == 200
            proxied = {"X-Forwarded-For": "192.0.2.1"}
            assert http.get("/metrics", headers=proxied).status_code == 403
            proven = proxied | {"Authorization": "Bearer a-token"}
            assert http.get("/metrics", headers=proven).status_code == 200
            wrong = proxied | {"Authorization": "Bearer another"}
            assert http.get("/metrics", headers=wrong).status_code == 403
            assert http.get("/v1/challenges").status_code == 404
            assert "Python" not in http.get("/healthz").headers["Server"]


def test_a_worker_without_a_port_listens_nowhere(sqlite_url: str, tmp_path: Path) -> None:
    port = free_port()
    command = [installed("mfa"), "worker"]
    env = environment(sqlite_url)
    worker = ServerProcess(command, port=port, env=env, folder=tmp_path)
    until(lambda: "Working for" in worker.output())
    sockets = [str(fd.readlink()) for fd in Path(f"/proc/{worker.pid}/fd").iterdir()]
    listening = Path(f"/proc/{worker.pid}/net/tcp").read_text()
    inodes = [line.split()[9] for line in listening.splitlines()[1:] if line.split()[3] == "0A"]
    assert not {f"socket:[{inode}]" for inode in inodes} & set(sockets)
    os.kill(worker.pid, signal.SIGINT)
    assert worker.await_end(10) == 0


def test_a_port_that_is_taken_stops_the_start(sqlite_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [installed("mfa"), "worker", "--port", str(port)]
        env = environment(sqlite_url)
        worker = ServerProcess(command, port=port, env=env, folder=tmp_path)
        assert worker.await_end() == 1
    assert "cannot listen" in worker.output()
