"""A server as an operating-system process: started on loopback, awaited, stopped or killed."""

import http.client
import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.leash import Leash, free_port, minimal_environment

_START_SECONDS = 60
_STOP_SECONDS = 15


class ServerProcess:
    """A running server with its own process group; what it prints is kept in a file.

    As a context manager it is stopped at the end of the block.
    """

    def __init__(
        self, command: Sequence[str], *, port: int, env: Mapping[str, str], folder: Path
    ) -> None:
        """Start `command` in `folder`, with `env` on top of an environment that is otherwise bare.

        Returns before the server answers: call `await_answer`, or `await_end` if it must refuse.
        """
        self.port = port
        self._log_file = folder / f"server-{port}.log"
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=minimal_environment(folder) | {"PYTHONUNBUFFERED": "1"} | dict(env),
                start_new_session=True,
            )
        self._leash = Leash(-self._process.pid, "KILL")

    @property
    def pid(self) -> int:
        """Return the process that was started; workers are its children."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Return the address without a trailing slash; WebAuthn needs the name, not the number."""
        return f"http://localhost:{self.port}"

    def output(self) -> str:
        """Return all that the server and its workers have printed so far, on both streams."""
        return self._log_file.read_text(errors="replace")

    def workers(self) -> list[int]:
        """Return the ids of the direct children, lowest first (Linux)."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return sorted(int(child) for child in children.split())

    def await_answer(self, path: str = "/healthz", *statuses: int) -> Self:
        """Return when `path` answers 200, or one of `statuses`.

        Raises RuntimeError with the output if it never does.
        """
        deadline = time.monotonic() + _START_SECONDS
        while self._status_of(path) not in (statuses or (http.HTTPStatus.OK,)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                message = f"the server on port {self.port} did not start:\n{self.output()}"
                self.kill()
                raise RuntimeError(message)
            time.sleep(0.05)
        return self

    def await_end(self, seconds: float = _START_SECONDS) -> int:
        """Return the exit status of a server that ends by itself within `seconds`."""
        status = self._process.wait(timeout=seconds)
        self._leash.let_go()
        return status

    def stop(self) -> int:
        """Ask it to end and return its exit status; negative is the signal that was needed."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return self.kill()
        return self.await_end()

    def kill(self) -> int:
        """End it and its workers as a power cut would: no handler runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        return self.await_end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _status_of(self, path: str) -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def start_service(
    env: Mapping[str, str], *, folder: Path, workers: int = 1, port: int | None = None
) -> ServerProcess:
    """Run `mfa serve` on loopback and return it once it answers.

    `MFA_ISSUER` follows from the port unless `env` says otherwise. The schema must exist.
    """
    chosen = free_port() if port is None else port
    command = [installed("mfa"), "serve", "--host", "127.0.0.1", "--port", str(chosen)]
    issuer = {"MFA_ISSUER": f"http://localhost:{chosen}"}
    server = ServerProcess(
        [*command, "--workers", str(workers)], port=chosen, env=issuer | dict(env), folder=folder
    )
    return server.await_answer()


def installed(program: str) -> str:
    """Return the path of a console script of this virtual environment."""
    return str(Path(sysconfig.get_path("scripts")) / program)
