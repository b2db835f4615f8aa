"""Start the demo's programs as processes of their own, and stop exactly those again."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import httpx

from examples.demo.story import Deviation

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
STOP_SECONDS = 12
COMMAND_SECONDS = 60
LAST_LINES = 25
OURS = ("MFA_", "AS_", "SHOP_", "SPA_", "TOUR_", "STEPUP_", "MOBILE_STUB_")


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def script(name: str) -> str:
    """Return an installed command: beside this Python, or on the path."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise Deviation(f"the command {name} is not installed")
    return found


def clean_environment() -> dict[str, str]:
    """Return this process's environment without settings of ours and without proxies."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OURS) and not name.lower().endswith("_proxy")
    }


def run(
    command: Sequence[str], *, environment: Mapping[str, str], at: Path, typed: str = ""
) -> str:
    """Run a command to its end and return what it printed; raise `Deviation` if it failed."""
    done = subprocess.run(  # noqa: S603
        command,
        env=clean_environment() | dict(environment),
        cwd=at,
        input=typed,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()
        raise Deviation(f"{Path(command[0]).name} {command[1]} failed: {words}")
    return done.stdout


class Processes:
    """Running servers, each with a log of its own. Leaving the `with` block stops them all."""

    def __init__(self, logs: Path, *, stop_seconds: float = STOP_SECONDS) -> None:
        self._logs = logs
        self._stop_seconds = stop_seconds
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        """Start with nothing."""
        return self

    def __exit__(self, *_cause: object) -> None:
        """Stop what runs, in reverse order."""
        running = list(reversed(self._running.values()))
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(self._stop_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        at: Path,
        ready: str,
    ) -> None:
        """Start a server and wait until the address `ready` answers; else raise `Deviation`.

        An answer is 200, or 401 where the server is a gate that asks who one is.
        """
        with self._log(name).open("wb") as log:
            process = subprocess.Popen(  # noqa: S603
                command,
                env=clean_environment() | dict(environment) | {"PYTHONUNBUFFERED": "1"},
                cwd=at,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running[name] = process
        deadline = time.monotonic() + START_SECONDS
        with httpx.Client(trust_env=False, timeout=5) as client:
            while not _answers(client, ready):
                if process.poll() is not None:
                    raise Deviation(f"the {name} stopped with status {process.returncode}")
                if time.monotonic() > deadline:
                    raise Deviation(f"the {name} was not ready after {START_SECONDS} s")
                time.sleep(0.1)

    def logs(self) -> dict[str, str]:
        """Return what each server wrote so far."""
        return {name: self._log(name).read_text("utf-8", "replace") for name in self._running}

    def last_words(self) -> str:
        """Return the end of every log, for a failure."""
        parts = []
        for name, text in self.logs().items():
            status = self._running[name].poll()
            state = "running" if status is None else f"stopped with status {status}"
            lines = "\n".join(f"  {line}" for line in text.splitlines()[-LAST_LINES:])
            parts.append(f"--- {name} ({state}), the end of its log:\n{lines}")
        return "\n".join(parts)

    def _log(self, name: str) -> Path:
        return self._logs / f"{name.replace(' ', '-')}.log"


def _answers(client: httpx.Client, address: str) -> bool:
    try:
        return client.get(address).status_code in {httpx.codes.OK, httpx.codes.UNAUTHORIZED}
    except httpx.TransportError:
        return False
