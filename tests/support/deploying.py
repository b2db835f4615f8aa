"""What deploy/ says of the service: its commands and variables have to be there."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import click

from mfa_service.cli import group
from mfa_service.settings_files import SECRETS
from tests.architecture.sources import ROOT, sources

DEPLOY = ROOT / "deploy"


def options_of(words: Sequence[str]) -> set[str]:
    """Return the options of the command that `words` begin with; fails if there is none."""
    found: click.Command = group
    for word in words:
        if not isinstance(found, click.Group):
            break
        below = found.get_command(click.Context(found), word)
        assert below is not None, f"there is no command {word}"
        found = below
    assert not isinstance(found, click.Group), f"{words} names no command"
    return {option for parameter in found.params for option in parameter.opts} | {"--help"}


def assert_command(words: Sequence[str]) -> None:
    """Fail unless `mfa` has this command with these options."""
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    known = options_of([word for word in words if not word.startswith("--")])
    assert given <= known, f"{words}: {given - known}"


def assert_variables(names: Iterable[str]) -> None:
    """Fail unless the service reads each of these variables."""
    unknown = {name for name in names if name not in _variables()}
    assert unknown == set()


def assert_no_secret(environ: Mapping[str, object]) -> None:
    """Fail if a secret is given by its value instead of by a file."""
    assert set(environ) & set(SECRETS) == set()


@cache
def _variables() -> set[str]:
    code = "".join(source.text for source in sources("mfa_service"))
    return {*re.findall(r"\bMFA_[A-Z_]+[A-Z]\b", code), *(f"{name}_FILE" for name in SECRETS)}
