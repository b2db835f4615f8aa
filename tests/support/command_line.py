"""`mfa` without the cost of a process: the same commands, what they print and how they end."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from click.testing import CliRunner

from mfa_service.cli import group

from .programs import Ran


def command_line(env: Mapping[str, str], *arguments: str) -> Ran:
    """Run one command under `env` and nothing of the developer's own settings.

    What the command raises beyond its exit is raised here: a person would see a traceback.
    """
    foreign = {name: None for name in os.environ if name.startswith("MFA_")}
    with _logging_as_before():
        result = CliRunner().invoke(group, list(arguments), env={**foreign, **env})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


@contextmanager
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
