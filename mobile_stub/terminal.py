"""What the commands share: which phone, what is typed, and one value on stdout."""

import json
import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path
from typing import Any, TypeVar

import click

from mobile_stub.errors import BadInput
from mobile_stub.phone import Phone

_JSON = "mobile_stub.json"
_Command = TypeVar("_Command", bound=Callable[..., Any])


def json_option(command: _Command) -> _Command:
    """Add `--json`, which `give` heeds."""
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_note_json,
        help="One JSON value on stdout, messages on stderr.",
    )(command)


def phone() -> Phone:
    """Return the phone that `--state` names, or raise `BadInput`."""
    named = click.get_current_context().obj
    if not isinstance(named, Phone):
        raise BadInput("Say which phone with --state FILE.")
    return named


def secret(given: str | None, prompt: str) -> str | None:
    """Return what was given, or for `-` what is typed without an echo."""
    if given != "-":
        return given
    return getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def text_from(given: str) -> str:
    """Return what was given, for `-` standard input, and for `@FILE` the file's text."""
    if given == "-":
        return sys.stdin.read()
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise BadInput("The file of that name cannot be read.") from fault


def give(value: Any, words: str) -> None:  # noqa: ANN401  (whatever JSON can hold)
    """Print `words`, or with `--json` the value on one line."""
    as_json = click.get_current_context().meta.get(_JSON, False)
    put(json.dumps(value) if as_json else words)


def put(text: str) -> None:
    """Print on stdout whatever its encoding can hold."""
    click.echo(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))


def say(text: str) -> None:
    """Print a message on stderr."""
    click.echo(text.encode(sys.stderr.encoding or "utf-8", "backslashreplace"), err=True)


def _note_json(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    if wanted:
        context.meta[_JSON] = True
