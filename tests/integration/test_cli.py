"""`mfa` itself: help, version, usage, and settings that stop it."""

import gc
from pathlib import Path

import click
import pytest

from mfa_service import cli
from tests.support.command_line import command_line
from tests.support.programs import run

HELP = {
    "mfa": ((), ("serve", "db", "client", "--version")),
    "serve": (("serve",), ("--host", "--port", "--workers", "SIGTERM")),
    "db": (("db",), ("upgrade", "check")),
    "db upgrade": (("db", "upgrade"), ("second call does nothing",)),
    "db backup": (("db", "backup"), ("FILE", "service may run meanwhile")),
    "keys": (("keys",), ("list", "rotate", "retire", "master")),
    "keys master": (("keys", "master"), ("list", "rewrap")),
    "keys master rewrap": (("keys", "master", "rewrap"), ("--batch", "--json", "exit status")),
    "housekeeping": (("housekeeping",), ("--json", "once")),
    "doctor": (("doctor",), ("--url", "--processes", "--json", "Exit status", "change nothing")),
    "client": (("client",), ("apply", "add", "list", "show", "rotate-secret", "disable")),
    "client apply": (("client", "apply"), ("--prune", "--yes", "--dry-run", "--json", "realm")),
    "client add": (
        ("client", "add"),
        ("--scope", "--redirect-uri", "--origin", "--resource", "--realm", "--jwks", "--json"),
    ),
}


@pytest.mark.parametrize(("command", "named"), HELP.values(), ids=HELP.keys())
def test_help_names_what_there_is(command: tuple[str, ...], named: tuple[str, ...]) -> None:
    ran = command_line({}, *command, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert [word for word in named if word not in " ".join(ran.out.split())] == []


def test_help_needs_no_settings(tmp_path: Path) -> None:
    ran = run("mfa", "serve", "--help", folder=tmp_path, env={"MFA_ISSUER": "nonsense"})
    assert (ran.status, ran.err) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_printed(tmp_path: Path) -> None:
    ran = run("mfa", "--version", folder=tmp_path)
    assert (ran.status, ran.out.startswith("mfa, version ")) == (0, True)


USAGE = {
    "no command": (),
    "unknown command": ("fly",),
    "unknown option": ("serve", "--fast"),
    "port of letters": ("serve", "--port", "http"),
    "port too high": ("serve", "--port", "65536"),
    "no worker": ("serve", "--workers", "0"),
    "too many workers": ("serve", "--workers", "65"),
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE.keys())
def test_wrong_usage_exits_2_and_says_how(arguments: tuple[str, ...]) -> None:
    ran = command_line({}, *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert "Usage: " in ran.err


FAULTS = {
    "MFA_ISSUER": "http://login.example.org",
    "MFA_DATABASE_URL": "mysql://mfa:hunter2@db/mfa",
    "MFA_MASTER_KEYS": "k1:aHVudGVyMg==",
    "MFA_ORIGINS": "https://login.example.org/path",
    "MFA_APP_ORIGINS": "app.example.org",
    "MFA_LIMIT_CHALLENGE_ATTEMPTS": "0",
    "MFA_LIMIT_PIN_FAILURES": "101",
    "MFA_LIMIT_CODE_FAILURES": "many",
    "MFA_LEVELS": "/nowhere/levels.toml",
    "MFA_ANDROID_ROOTS": "/nowhere/roots.pem",
    "MFA_LOG_LEVEL": "LOUD",
}
COMMANDS = {
    "serve": ("serve",),
    "upgrade": ("db", "upgrade"),
    "add": ("client", "add", "a", "--scope", "b", "--json"),
    "list": ("client", "list"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_every_command_stops_with_one_message_that_lists_every_fault(
    command: tuple[str, ...],
) -> None:
    ran = command_line(FAULTS, *command)
    assert (ran.status, ran.out) == (1, "")
    first, *lines = ran.err.splitlines()
    assert first == "Error: The settings are not valid:"
    assert {line.split(":")[0].removeprefix("  - ") for line in lines} == set(FAULTS)
    assert "hunter2" not in ran.err
    assert "aHVudGVyMg==" not in ran.err


def test_a_wrong_setting_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command_line({"MFA_ISSUER": "nonsense"}, "db", "upgrade").status == 1
    assert list(tmp_path.iterdir()) == []


def test_garbage_is_looked_for_again_once_a_command_is_loaded() -> None:
    assert cli.group.get_command(click.Context(cli.group), "doctor") is not None
    assert gc.isenabled()
