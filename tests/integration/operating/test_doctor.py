"""`mfa doctor`: each fault of a deployment is found, explained, and tells no secret."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from mfa_service.commands.checks.clocks import apart
from mfa_service.commands.checks.stores import file_system
from tests.support.command_line import command_line
from tests.support.doctor import Told, doctor, prepared
from tests.support.fronts import Front, ended_tls
from tests.support.google import google
from tests.support.leash import free_port, minimal_environment
from tests.support.postgres import PostgresServer
from tests.support.processes import installed, start_service
from tests.support.redis import RedisServer
from tests.support.remote import environment
from tests.support.rolling import NEW, ROLLED
from tests.support.slapd import slapd
from tests.support.tls import Authority


@dataclass
class Deployment:
    """A running service, what stands in front of it, and all that an operator has set."""

    env: dict[str, str]
    front: Front
    authority: Path

    def doctor(self, *arguments: str, **changed: str) -> Told:
        return doctor(self.env | changed, "--url", self.front.url, *arguments)


@pytest.fixture(scope="module")
def served(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Return a service without fault behind a front that ends TLS; the same for all tests."""
    folder = tmp_path_factory.mktemp("doctor")
    shutil.copy(sqlite_template, folder / "mfa.db")
    (folder / "google").mkdir()
    with google(folder / "google") as double:
        account = double.service_account(folder / "account.json")
    account.chmod(0o600)
    with ended_tls(folder) as front:
        env = environment(f"sqlite:///{folder}/mfa.db", issuer=front.url)
        env |= {"MFA_FCM_CREDENTIALS": str(account), "MFA_METRICS_TOKEN": "t" * 32}
        assert command_line(env, "db", "upgrade").status == 0
        with start_service(env, folder=folder) as server:
            front.port = server.port
            yield Deployment(env, front, folder / "ca.pem")


@pytest.fixture
def deployment(served: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setenv("SSL_CERT_FILE", str(served.authority))
    served.front.behave()
    return served


def test_of_a_deployment_without_fault_there_is_nothing_to_say(deployment: Deployment) -> None:
    told = deployment.doctor()
    assert (told.status, told.worse()) == (0, set())
    assert {"discovery", "path", "certificate", "metrics"} <= {f["check"] for f in told.findings}
    ran = command_line(deployment.env, "doctor")
    assert ran.status == 0, ran.out
    assert ran.out.splitlines()[0].startswith("ok       issuer: https://localhost:")


def test_a_front_that_meddles_is_found(deployment: Deployment) -> None:
    deployment.front.misbehave()
    worse = deployment.doctor().worse()
    assert worse == {
        ("warning", "path"),
        ("warning", "request id"),
        ("warning", "hsts"),
        ("warning", "metrics"),
        ("error", "clock of the service"),
    }


def test_another_issuer_is_an_error(deployment: Deployment) -> None:
    told = deployment.doctor(MFA_ISSUER="https://mfa.example.org")
    ((level, what),) = told.of("discovery")
    assert level == "error"
    assert "MFA_ISSUER is https://mfa.example.org" in what


def test_another_database_than_the_services_is_an_error(
    deployment: Deployment, tmp_path: Path
) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    assert command_line(environment(other), "db", "upgrade").status == 0
    told = deployment.doctor(MFA_DATABASE_URL=other)
    assert ("error", "keys in public") in told.worse()


def test_of_a_database_that_cannot_be_asked_no_key_is_missed(
    deployment: Deployment, tmp_path: Path
) -> None:
    told = deployment.doctor(MFA_DATABASE_URL=f"sqlite:///{tmp_path}/none.db")
    assert told.worse() == {("warning", "database")}


def test_an_address_where_nobody_is_and_a_strangers_certificate_are_errors(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = doctor(deployment.env, "--url", f"http://127.0.0.1:{free_port()}")
    assert ("error", "public address") in told.worse()
    monkeypatch.setenv("SSL_CERT_FILE", Authority().write_ca(tmp_path / "other.pem"))
    assert ("error", "public address") in deployment.doctor().worse()


def test_an_address_of_something_else_is_an_error(
    deployment: Deployment,
) -> None:
    told = doctor(deployment.env, "--url", f"{deployment.front.url}/v1")
    assert ("error", "discovery") in told.worse()


@pytest.mark.parametrize("url", ["ftp://a", "nonsense", "https://user:secret@a", "https://a/?b"])
def test_what_is_no_public_address_is_refused_without_repeating_it(url: str) -> None:
    ran = command_line({}, "doctor", "--url", url)
    assert (ran.status, ran.out, "secret" in ran.err) == (2, "", False)


def test_wrong_settings_are_each_an_error() -> None:
    told = doctor({"MFA_ISSUER": "nonsense", "MFA_MASTER_KEYS": "k1:short"})
    assert [level for level, _ in told.of("settings")] == ["error", "error"]


def test_what_is_only_for_trying_out_is_a_warning(sqlite_url: str, tmp_path: Path) -> None:
    env = environment(sqlite_url) | {"MFA_ORIGINS": "https://other.example"}
    (tmp_path / "mfa.db").chmod(0o644)
    tmp_path.chmod(0o755)
    command_line(env, "db", "upgrade")
    told = doctor(env)
    assert told.worse() == {
        ("warning", "issuer"),
        ("warning", "push"),
        ("warning", "origins"),
        ("warning", "database file"),
    }
    tmp_path.chmod(0o700)
    assert [level for level, _ in doctor(env).of("database file")] == ["ok"]


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    told = doctor(environment(f"sqlite:///{tmp_path}/none.db"))
    assert [level for level, _ in told.of("database")] == ["warning"]
    assert list(tmp_path.iterdir()) == []


def test_an_old_schema_is_an_error_and_stays(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "old.db").close()
    (tmp_path / "old.db").touch()
    told = doctor(environment(f"sqlite:///{tmp_path}/old.db"))
    assert ("error", "schema") in told.worse()
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_master_key_that_does_not_open_is_an_error(sqlite_url: str) -> None:
    env = prepared(sqlite_url) | {"MFA_MASTER_KEYS": NEW}
    assert [level for level, _ in doctor(env).of("signing keys")] == ["error"]


def test_an_old_master_key_that_still_seals_is_a_warning(sqlite_url: str) -> None:
    env = prepared(sqlite_url) | {"MFA_MASTER_KEYS": ROLLED}
    (found,) = doctor(env).of("master keys")
    assert found == ("warning", "signing keys are still sealed under k1")


def test_keys_that_are_old_or_left_over_are_warnings(sqlite_url: str, tmp_path: Path) -> None:
    env = prepared(sqlite_url)
    with closing(sqlite3.connect(tmp_path / "mfa.db", isolation_level=None)) as connection:
        connection.execute("UPDATE signing_key SET created_at = 1, active_at = 1")
    found = doctor(env).of("signing key ES256")
    assert [level for level, _ in found] == ["warning"]
    assert command_line(env, "keys", "rotate", "--alg", "ES256").status == 0
    found = doctor(env).of("signing key ES256")
    assert sorted(level for level, _ in found) == ["ok", "warning"]
    with closing(sqlite3.connect(tmp_path / "mfa.db", isolation_level=None)) as connection:
        connection.execute(
            "UPDATE signing_key SET created_at = 2, active_at = 2 WHERE active_at > 1"
        )
    assert any("is still published" in what for _, what in doctor(env).of("signing key ES256"))


def test_a_postgresql_that_forgets_is_an_error(postgres_url: str) -> None:
    env = prepared(postgres_url)  # the server of the tests writes nothing through to the disk
    told = doctor(env)
    assert {("error", name) for name in ("fsync", "full_page_writes", "synchronous_commit")} <= (
        told.worse()
    )
    assert [level for level, _ in told.of("clock of the database")] == ["ok"]
    assert [level for level, _ in told.of("role")] == ["ok"]
    assert [level for level, _ in told.of("connections")] == ["ok"]


def test_more_processes_than_postgresql_has_connections_for_is_an_error(postgres_url: str) -> None:
    told = doctor(prepared(postgres_url), "--processes", "7")
    assert told.of("connections") == [("error", "197 are allowed, 7 processes take up to 224")]


def test_a_server_that_refuses_to_write_is_an_error(postgres_url: str) -> None:
    env = prepared(postgres_url)
    env["MFA_DATABASE_URL"] += "?options=-cdefault_transaction_read_only%3Don"
    assert ("error", "role") in doctor(env).worse()


def test_an_empty_postgresql_and_one_that_is_down_are_errors(postgres: PostgresServer) -> None:
    with postgres.database() as url:
        assert ("error", "schema") in doctor(environment(url)).worse()
    assert ("error", "database") in doctor(environment(url)).worse()


def test_redis_that_does_not_answer_is_a_warning_since_nothing_is_lost(
    sqlite_url: str, tmp_path: Path
) -> None:
    redis = RedisServer(tmp_path)
    env = prepared(sqlite_url) | {"MFA_REDIS_URL": redis.url}
    try:
        assert doctor(env).of("redis") == [("ok", "it answers")]
    finally:
        redis.stop()
    assert [level for level, _ in doctor(env).of("redis")] == ["warning"]


def test_a_directory_that_does_not_answer_is_an_error(sqlite_url: str, tmp_path: Path) -> None:
    with slapd(tmp_path) as directory:
        env = prepared(sqlite_url) | directory.env
        ((level, what),) = doctor(env).of("directory")
        assert (level, what.startswith("it answers")) == ("ok", True)
    assert [level for level, _ in doctor(env).of("directory")] == ["error"]


def test_few_open_files_are_a_warning(sqlite_url: str, tmp_path: Path) -> None:
    env = minimal_environment(tmp_path) | prepared(sqlite_url)
    command = f"ulimit -n 1024 && exec {installed('mfa')} doctor --json"
    ran = subprocess.run(["sh", "-c", command], env=env, stdout=subprocess.PIPE, check=False)
    told = Told(ran.returncode, json.loads(ran.stdout))
    ((level, what),) = told.of("open files")
    assert (level, what.startswith("a process may open 1024; here ")) == ("warning", True)


def test_a_file_system_of_another_host_is_known_by_its_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:5 / {tmp_path}/far rw - nfs4 host:/x rw\n"
    )
    assert file_system(tmp_path / "far" / "mfa.db", mounts) == "nfs4"
    assert file_system(tmp_path / "mfa.db", mounts) == "ext4"
    assert file_system(tmp_path / "mfa.db", tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("seconds", "level"), [(0, "ok"), (-2, "ok"), (3, "warning"), (-30, "warning"), (31, "error")]
)
def test_clocks_are_judged_by_what_still_works(seconds: int, level: str) -> None:
    assert apart("clock", seconds).level == level
