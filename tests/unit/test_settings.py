"""What the environment may say, variable by variable, and what follows from what."""

import base64
import os
from pathlib import Path

import pytest

from mfa_service.settings import Settings, SettingsInvalid

KEY = base64.b64encode(b"k" * 32).decode()
SECRET = base64.b64encode(b"hunter2").decode()
GOOD = {"MFA_MASTER_KEYS": f"k1:{KEY}", "MFA_DATABASE_URL": "sqlite:///kept/mfa.db"}


def loaded(**environ: str) -> Settings:
    return Settings.load(GOOD | environ)


def faults(**environ: str) -> list[str]:
    """Return the lines of the one message, without its title."""
    with pytest.raises(SettingsInvalid) as refused:
        loaded(**environ)
    title, *lines = str(refused.value).splitlines()
    assert title == "The settings are not valid:"
    return [line.removeprefix("  - ") for line in lines]


WRONG = {
    "MFA_REDIS_URL": [
        "localhost",
        "http://localhost",
        "redis://",
        "unix:///run/redis",
        "redis://h:x",
    ],
    "MFA_NOTIFICATION_HOSTS": [
        "till.example",
        "https://till.example:443",
        "till.example:0",
        "till.example:https",
        "till.example:443/cb",
        "user@till.example:443",
        "till.example:443;other.example:443",
    ],
    "MFA_ISSUER": [
        "login",
        "login.example.org",
        "ftp://login.example.org",
        "http://login.example.org",
        "https://",
        "https://user:hunter2@login.example.org",
        "https://login.example.org/",
        "https://login.example.org/mfa/",
        "https://login.example.org?tenant=1",
        "https://login.example.org#top",
        "https://[::1",
        "https://login.example.org:99999",
        "https://login.example.org:port",
        "https://login example.org",
        "https://login.example.org\n",
        "https://login.example.org/a\tb",
        "https://login.example.org\\evil",
    ],
    "MFA_RP_ID": ["https://example.org", "example.org/x", "example.org:443", "exa mple.org", "-"],
    "MFA_ORIGINS": [
        "login.example.org",
        "http://login.example.org",
        "https://login.example.org/",
        "https://login.example.org/path",
        "https://a.example,http://b.example",
        "null",
        "*",
        "https://*.example.org",
    ],
    "MFA_APP_ORIGINS": ["*", "null", "https://app.example.org/x", "https://[::1"],
    "MFA_MASTER_KEYS": [
        "hunter2",
        KEY,
        f":{KEY}",
        "k1:",
        f"k1:{SECRET}",
        f"k1:{KEY[:-1]}",
        f"k1:{KEY},k1:{KEY}",
        f"k-1:{KEY}",
        f"ä:{KEY}",
        f"{'k' * 300}:{KEY}",
        ",",
    ],
    "MFA_DATABASE_URL": [
        "mfa.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "mysql://mfa:hunter2@db/mfa",
        "postgresql://mfa:hunter2@db/mfa",
        "postgresql+psycopg://mfa:hunter2@db:port/mfa",
        "postgresql+psycopg://mfa:hunter2@/mfa?host=a,b&port=5432,5432",
        "postgresql+psycopg://mfa:hunter2@/mfa?host=a:5432&host=b:5432",
        "postgresql+psycopg://mfa:hunter2@/mfa?host=a,b&target_session_attrs=any",
    ],
    "MFA_LIMIT_CHALLENGE_ATTEMPTS": ["0", "101", "-1", "5.0", "five", "\u0665", "1e1", "9" * 5000],
    "MFA_LIMIT_PIN_FAILURES": ["0", "101", "-1", "²"],
    "MFA_LIMIT_CODE_FAILURES": ["0", "101", "0x5"],
    "MFA_LEVELS": ["/nowhere/levels.toml", "/tmp"],
    "MFA_ANDROID_ROOTS": ["/nowhere/roots.pem", "/tmp", os.devnull],
    "MFA_LOG_LEVEL": ["LOUD", "10", "debug info"],
}
CASES = [(name, value) for name, values in WRONG.items() for value in values]


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_wrong_value_is_one_fault_that_names_its_variable(name: str, value: str) -> None:
    if value.endswith("\n"):  # surrounding space is forgiven, a line break within is not
        value += "x"
    (fault,) = faults(**{name: value})
    assert fault.startswith(f"{name}: ")
    assert fault.isprintable()


SECRETS = {
    "master key": ("MFA_MASTER_KEYS", f"k1:{SECRET}", SECRET),
    "master key without id": ("MFA_MASTER_KEYS", KEY, KEY),
    "database": ("MFA_DATABASE_URL", "mysql://mfa:hunter2@db/mfa", "hunter2"),
    "database port": ("MFA_DATABASE_URL", "postgresql+psycopg://m:hunter2@db:port/m", "hunter2"),
    "database hosts": ("MFA_DATABASE_URL", "postgresql+psycopg://m:hunter2@/m?host=a,b", "hunter2"),
    "issuer": ("MFA_ISSUER", "https://user:hunter2@login.example.org", "hunter2"),
    "origin": ("MFA_ORIGINS", "https://user:hunter2@login.example.org", "hunter2"),
}


@pytest.mark.parametrize(("name", "value", "secret"), SECRETS.values(), ids=SECRETS.keys())
def test_a_fault_never_repeats_a_secret(name: str, value: str, secret: str) -> None:
    assert [fault for fault in faults(**{name: value}) if secret in fault] == []


def test_every_fault_is_in_the_one_message() -> None:
    found = faults(**{name: values[0] for name, values in WRONG.items()})
    assert [fault.partition(":")[0] for fault in found] == sorted(
        WRONG, key=[fault.partition(":")[0] for fault in found].index
    )
    assert len(found) == len(WRONG)


def test_a_file_of_levels_that_is_no_table_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "levels.toml"
    path.write_text("[[level]]\nname = 1\n")
    (fault,) = faults(MFA_LEVELS=str(path))
    assert fault.startswith("MFA_LEVELS: ")


def test_everything_follows_from_the_issuer() -> None:
    made = loaded(MFA_ISSUER="https://login.example.org/mfa")
    assert made.issuer == "https://login.example.org/mfa"
    assert made.rp_id == "login.example.org"
    assert made.origins == ("https://login.example.org",)
    assert made.app_origins == ("https://login.example.org",)


def test_the_defaults_are_those_of_the_contract() -> None:
    made = Settings.load({"MFA_MASTER_KEYS": f"k1:{KEY}"})
    assert made.issuer == "http://localhost:8000"
    assert made.database_url == f"sqlite:///{Path('instance/mfa.db').absolute()}"
    assert (made.rp_id, made.origins) == ("localhost", ("http://localhost:8000",))
    limits = made.limits
    assert (limits.challenge_attempts, limits.pin_failures, limits.code_failures) == (5, 10, 20)
    assert made.warnings == ()


def test_lists_may_have_spaces_and_a_last_comma() -> None:
    made = loaded(MFA_ORIGINS=" https://a.example , https://b.example:8443,")
    assert made.origins == ("https://a.example", "https://b.example:8443")


def test_an_empty_variable_counts_as_unset() -> None:
    made = loaded(MFA_ISSUER="", MFA_LOG_LEVEL=" ", MFA_LIMIT_PIN_FAILURES="")
    assert (made.issuer, made.log_level, made.limits.pin_failures) == (
        "http://localhost:8000",
        "INFO",
        10,
    )


@pytest.mark.parametrize("value", ["1", "100", " 7 "])
def test_limits_may_be_set_up_to_the_ceiling(value: str) -> None:
    assert loaded(MFA_LIMIT_PIN_FAILURES=value).limits.pin_failures == int(value)


def test_the_first_master_key_is_the_current_one() -> None:
    made = loaded(MFA_MASTER_KEYS=f"new:{KEY}, old:{KEY}")
    assert list(made.master_keys) == ["new", "old"]


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:8000", "https://192.0.2.1", "http://[::1]"])
def test_an_ip_address_as_issuer_starts_with_a_warning(issuer: str) -> None:
    (warning,) = loaded(MFA_ISSUER=issuer).warnings
    assert "WebAuthn" in warning


def test_settings_show_no_secret() -> None:
    made = loaded(MFA_METRICS_TOKEN="hunter2", MFA_MASTER_KEYS=f"k1:{KEY}")
    assert "hunter2" not in repr(made)
    assert repr(b"k" * 32)[2:-1] not in repr(made)


def test_several_hosts_of_the_database_are_taken_when_the_one_that_writes_is_asked_for() -> None:
    url = "postgresql+psycopg://mfa@/mfa?host=a,b&port=5432,5432&target_session_attrs=read-write"
    assert loaded(MFA_DATABASE_URL=url).database_url == url


def test_settings_show_no_password_of_the_database() -> None:
    made = loaded(MFA_DATABASE_URL="postgresql+psycopg://mfa:hunter2@db/mfa")
    assert "hunter2" not in repr(made)
