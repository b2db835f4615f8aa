"""The systemd units: verified and judged by systemd's own tool, and started as strictly."""

import configparser
import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mfa_service.settings import Settings
from tests.support.deploying import DEPLOY, assert_command, assert_no_secret, assert_variables
from tests.support.leash import free_port
from tests.support.processes import ServerProcess, installed
from tests.support.remote import environment, remote_world
from tests.support.world import MASTER_KEYS

UNITS = DEPLOY / "systemd"
NAMES = ("mfa-serve.service", "mfa-worker.service", "mfa-migrate.service")
COMMON = UNITS / "mfa-.service.d" / "common.conf"
EXPOSURE = (
    15  # tenths; what is above 0 is the network that it serves and calls, and the host's root
)
PR_SET_MDWE, PR_GET_MDWE, REFUSE_EXEC_GAIN = 65, 66, 1
WITHOUT_NEW_CODE = (
    "import ctypes, os, sys;"
    f"assert ctypes.CDLL(None).prctl({PR_SET_MDWE}, {REFUSE_EXEC_GAIN}, 0, 0, 0) == 0;"
    "os.execv(sys.argv[1], sys.argv[1:])"
)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Return a folder with the units, whose program is the one of this environment."""
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    for name in NAMES:
        text = (folder / name).read_text("utf-8")
        (folder / name).write_text(text.replace("/usr/local/bin/mfa", installed("mfa")))
    return folder


def analysed(units: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        env=dict(os.environ) | {"SYSTEMD_UNIT_PATH": f"{units}:"},
        capture_output=True,
        text=True,
        check=False,
    )


def lines_of(path: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", path.read_text("utf-8"), re.MULTILINE)


def variables() -> Mapping[str, str]:
    """Return what the units' environment is, secrets by their files."""
    named = dict(line.split("=", 1) for line in lines_of(COMMON, "Environment"))
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string("[env]\n" + (UNITS / "mfa.env").read_text("utf-8"))
    return named | dict(parser["env"])


@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_no_fault_in_a_unit(units: Path, name: str) -> None:
    ended = analysed(units, "verify", "--man=no", str(units / name))
    about_us = [line for line in ended.stderr.splitlines() if "mfa" in line]
    assert (ended.returncode, about_us) == (0, [])


@pytest.mark.parametrize("name", NAMES)
def test_systemd_judges_a_unit_as_little_exposed(units: Path, name: str) -> None:
    options = ("--offline=true", "--no-pager", f"--threshold={EXPOSURE}")
    ended = analysed(units, "security", *options, name)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_commands_exist() -> None:
    for name in NAMES:
        (line,) = lines_of(UNITS / name, "ExecStart")
        program, *words = line.split()
        assert program == "/usr/local/bin/mfa"
        assert_command(words)


def test_variables_exist_and_each_secret_is_a_credential(tmp_path: Path) -> None:
    given = {name: value for name, value in variables().items() if name.startswith("MFA_")}
    assert_variables(given)
    assert_no_secret(given)
    credentials = {line.partition(":")[0] for line in lines_of(COMMON, "LoadCredential")}
    files = {value for name, value in given.items() if name.endswith("_FILE")}
    assert files == {f"%d/{name}" for name in credentials}
    contents = {
        "database_url": "postgresql+psycopg://mfa:x@db.internal/mfa",
        "redis_url": "rediss://:x@cache.internal",
        "master_keys": MASTER_KEYS,
        "metrics_token": "x",
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    environ = {name: value.replace("%d", str(tmp_path)) for name, value in given.items()}
    assert Settings.load(environ).warnings == ()


def test_it_needs_no_memory_that_is_written_and_executed(sqlite_url: str, tmp_path: Path) -> None:
    """`MemoryDenyWriteExecute`, by the kernel itself: cffi, OpenSSL and argon2 do without."""
    if ctypes.CDLL(None).prctl(PR_GET_MDWE, 0, 0, 0, 0) < 0:
        pytest.skip("this kernel, older than 6.3, cannot refuse executable memory by itself")
    assert lines_of(COMMON, "MemoryDenyWriteExecute") == ["yes"]
    port = free_port()
    serve = [installed("mfa"), "serve", "--port", str(port), "--workers", "2"]
    env = environment(sqlite_url)
    command = [sys.executable, "-c", WITHOUT_NEW_CODE, *serve]
    with (
        ServerProcess(command, port=port, env=env, folder=tmp_path) as server,
        remote_world(server.await_answer().url, sqlite_url) as world,
    ):
        api = world.client()
        phone, codes = world.phone(), world.recovery_codes("bob")
        assert world.approve(phone, api.challenge()).status_code == 200
        challenge = api.challenge("bob")
        assert api.answer(challenge["id"], "recovery_code", codes[0]).status_code == 200
        assert api.enroll("carol", type="webauthn")["id"]
