"""Secrets that come in files: taken as they are, and never replaced by a default."""

import base64
from pathlib import Path

import pytest

from mfa_service.settings import Settings, SettingsInvalid
from mfa_service.settings_files import SECRETS

KEYS = "k1:" + base64.b64encode(b"k" * 32).decode()
GOOD = {"MFA_MASTER_KEYS": KEYS, "MFA_DATABASE_URL": "sqlite:///kept/mfa.db"}
LOGIN = {"MFA_LOGIN_ISSUER": "https://login.example.org", "MFA_LOGIN_CLIENT_ID": "mfa"}
VALUES = {
    "MFA_DATABASE_URL": "postgresql+psycopg://mfa:hunter2@db.internal/mfa",
    "MFA_REDIS_URL": "rediss://:hunter2@cache.internal",
    "MFA_MASTER_KEYS": KEYS,
    "MFA_LOGIN_CLIENT_SECRET": "hunter2",
    "MFA_METRICS_TOKEN": "hunter2",
}


def fault_of(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsInvalid) as refused:
        Settings.load(environ)
    _, line = str(refused.value).splitlines()
    return line.removeprefix("  - ")


def test_every_secret_may_come_in_a_file(tmp_path: Path) -> None:
    assert set(VALUES) == set(SECRETS)
    environ = dict(LOGIN)
    for name, value in VALUES.items():
        (tmp_path / name).write_text(f"{value}\n")
        environ[f"{name}_FILE"] = str(tmp_path / name)
    settings = Settings.load(environ)
    assert settings == Settings.load(LOGIN | VALUES)
    assert settings.warnings == ()
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "cannot be read (FileNotFoundError)"),
        (b"\n", "is empty"),
        (b"\xff hunter2", "cannot be read (UnicodeDecodeError)"),
        (b"hunter2" * 10_000, "is too long"),
    ],
)
def test_a_file_that_gives_no_secret_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes | None, fault: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    environ = {key: value for key, value in GOOD.items() if key != name}
    assert fault_of(environ | {f"{name}_FILE": str(path)}) == f"{name}_FILE: {fault}"
    assert not (tmp_path / "instance").exists(), "no development key takes its place"


def test_a_variable_and_its_file_at_once_are_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(KEYS)
    environ = GOOD | {"MFA_MASTER_KEYS_FILE": str(tmp_path / "keys")}
    assert fault_of(environ) == "MFA_MASTER_KEYS_FILE: and MFA_MASTER_KEYS are both set"


def test_what_is_wrong_in_a_file_is_told_without_it(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("mysql://mfa:hunter2@db/mfa")
    environ = {"MFA_MASTER_KEYS": KEYS, "MFA_DATABASE_URL_FILE": str(tmp_path / "url")}
    assert "hunter2" not in fault_of(environ)
