"""The installed command lines, run as a person runs them."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .leash import minimal_environment
from .processes import installed

_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended and what it printed."""

    status: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        """Return stdout, which must be exactly one JSON object on one line."""
        assert self.out.count("\n") == 1, self
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def run(
    program: str,
    *arguments: str,
    folder: Path,
    env: Mapping[str, str] | None = None,
    typed: str | None = None,
) -> Ran:
    """Run a console script of this virtual environment in `folder`; `typed` is its stdin.

    Its environment is bare but for `env`.
    """
    ended = subprocess.run(
        [installed(program), *arguments],
        cwd=folder,
        env=minimal_environment(folder) | dict(env or {}),
        input=typed or "",
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr)


@dataclass(frozen=True, slots=True)
class PhoneProgram:
    """`mobile-stub` with a state file of its own."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "phone.json"

    def run(self, *arguments: str, typed: str | None = None) -> Ran:
        """Run one command with `--json`."""
        line = ["--state", str(self.state), *arguments, "--json"]
        return run("mobile-stub", *line, folder=self.folder, typed=typed)

    def says(self, *arguments: str) -> Ran:
        """Run one command that prints words."""
        return run("mobile-stub", "--state", str(self.state), *arguments, folder=self.folder)
