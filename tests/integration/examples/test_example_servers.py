"""The examples as programs: they say where they are, log no codes, and stop when told."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from examples.demo.processes import ROOT, clean_environment, free_port

SERVERS = {
    "examples.authorization_server": (
        "AS",
        {"AS_CLIENT_SECRET": "x", "STEPUP_CLIENT_ID": "x", "STEPUP_CLIENT_SECRET": "x"},
    ),
    "examples.relying_party": ("SHOP", {"SHOP_CLIENT_SECRET": "x"}),
    "examples.self_service_spa": ("SPA", {}),
    "examples.tour": ("TOUR", {}),
}


class Running:
    """One server process with its log."""

    def __init__(self, module: str, folder: Path) -> None:
        prefix, settings = SERVERS[module]
        port = free_port()
        self.address = f"http://localhost:{port}"
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module],
                env=clean_environment() | settings | {f"{prefix}_PORT": str(port)},
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def _wait(self) -> None:
        for _ in range(600):
            try:
                httpx.get(f"{self.address}/healthz", trust_env=False)
            except httpx.TransportError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.1)
            else:
                return
        raise AssertionError("not ready")


@pytest.fixture(params=SERVERS)
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    server = Running(request.param, tmp_path)
    yield server
    server.process.kill()
    server.process.wait()


def test_it_prints_its_address_and_stops_on_sigterm(running: Running) -> None:
    assert running.address in running.log.read_text()
    os.kill(running.process.pid, signal.SIGTERM)
    assert running.process.wait(timeout=10) == 0


def test_it_logs_paths_without_what_is_secret_in_their_query(running: Running) -> None:
    httpx.get(f"{running.address}/callback?code=a-secret&state=b", trust_env=False)
    text = running.log.read_text()
    assert "GET /callback" in text
    assert "a-secret" not in text


def test_its_pages_are_styled_from_its_own_address(running: Running) -> None:
    answer = httpx.get(f"{running.address}/style.css", trust_env=False)
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in answer.text


@pytest.mark.parametrize(
    ("module", "settings", "words"),
    [
        (
            "examples.authorization_server",
            {"AS_PORT": "x", "AS_ISSUER": "ftp://x"},
            [
                "AS_PORT is not a port",
                "AS_ISSUER must start with https:// or http://",
                "AS_CLIENT_SECRET is not set",
                "STEPUP_CLIENT_ID is not set",
                "STEPUP_CLIENT_SECRET is not set",
            ],
        ),
        ("examples.relying_party", {}, ["SHOP_CLIENT_SECRET is not set"]),
        (
            "examples.self_service_spa",
            {"SPA_ADDRESS": "localhost", "SPA_ASK_FOR_PASSWORDS_THAT_RFC_9700_FORBIDS": "yes"},
            [
                "SPA_ADDRESS must start with https:// or http://",
                "SPA_ASK_FOR_PASSWORDS_THAT_RFC_9700_FORBIDS must be 0 or 1",
            ],
        ),
        ("examples.tour", {"TOUR_SHOP": "x"}, ["TOUR_SHOP must start with https:// or http://"]),
    ],
)
def test_one_message_names_every_wrong_setting(
    module: str, settings: dict[str, str], words: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module],
        env=clean_environment() | settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"Cannot start: {'; '.join(words)}.\n"
