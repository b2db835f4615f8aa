"""`mfa db` and the start of `mfa serve`: a database that fits, or one clear refusal."""

import base64
import gc
import json
import sqlite3
import stat
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support.command_line import command_line
from tests.support.leash import free_port
from tests.support.postgres import PostgresServer
from tests.support.processes import ServerProcess, installed
from tests.support.programs import Ran, run
from tests.support.racing import race
from tests.support.remote import environment
from tests.support.world import World, close, make_world

OTHER_KEYS = "k1:" + base64.b64encode(b"another key of exactly 32 bytes!").decode()
TABLES = "SELECT count(*) FROM sqlite_master WHERE type = 'table'"


def served_in_vain(env: dict[str, str], folder: Path) -> tuple[int, str]:
    """Start `mfa serve` where it must refuse; return its exit status and what it printed."""
    port = free_port()
    command = [installed("mfa"), "serve", "--port", str(port)]
    server = ServerProcess(command, port=port, env=env, folder=folder)
    return server.await_end(), server.output()


def count(path: Path, query: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(query).fetchone()[0])


def test_an_upgrade_makes_the_tables_and_a_second_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mfa.db"
    env = environment(f"sqlite:///{path}")
    first = command_line(env, "db", "upgrade")
    assert (first.status, first.out) == (0, "")
    assert first.err.endswith("The database is up to date.\n")
    made = count(path, TABLES), count(path, "SELECT count(*) FROM signing_key")
    assert made[1] == 2  # ES256 and RS256
    assert command_line(env, "db", "upgrade").status == 0
    assert (count(path, TABLES), count(path, "SELECT count(*) FROM signing_key")) == made


def test_first_upgrades_at_once_make_one_database(tmp_path: Path) -> None:
    path = tmp_path / "mfa.db"
    env = environment(f"sqlite:///{path}")
    upgrade = partial(run, "mfa", "db", "upgrade", folder=tmp_path, env=env)
    assert [ran.status for ran in race([upgrade] * 2)] == [0, 0]
    assert count(path, "SELECT count(*) FROM signing_key") == 2  # ES256 and RS256


def test_upgrades_at_once_wait_for_each_other_on_postgresql(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    with postgres.database() as url:
        upgrade = partial(run, "mfa", "db", "upgrade", folder=tmp_path, env=environment(url))
        assert [ran.status for ran in race([upgrade] * 2)] == [0, 0]
        assert command_line(environment(url), "client", "list", "--json").out == "[]\n"


def test_the_check_says_that_migrations_and_models_agree(tmp_path: Path) -> None:
    ran = command_line(environment(f"sqlite:///{tmp_path}/mfa.db"), "db", "check")
    assert (ran.status, ran.out) == (0, "")
    assert ran.err.endswith("The migrations and the models agree.\n")


def test_postgresql_is_not_upgraded_by_serve_and_the_refusal_says_how(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    with postgres.database() as url:
        status, output = served_in_vain(environment(url), tmp_path)
    assert status == 1
    assert output.splitlines()[-1].startswith("Error: ")
    assert "mfa db upgrade" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("command", [("client", "list"), ("client", "add", "a", "--scope", "b")])
def test_postgresql_is_not_upgraded_by_other_commands(
    postgres: PostgresServer, command: tuple[str, ...]
) -> None:
    """The collector would warn of a connection that was left open."""
    with postgres.database() as url:
        ran = command_line(environment(url), *command)
        gc.collect()
    assert (ran.status, ran.out) == (1, "")
    assert "mfa db upgrade" in ran.err


def test_a_database_from_the_future_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mfa.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'f00d'")
    ran = command_line(environment(sqlite_url), "client", "list")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("Error: ")


@pytest.fixture
def used(world: World, sqlite_url: str) -> dict[str, str]:
    """Return the environment of a database that has its keys already."""
    world.totp()
    return environment(sqlite_url)


@pytest.mark.parametrize(
    "command",
    [("db", "upgrade"), ("client", "add", "a", "--scope", "b")],
    ids=["upgrade", "add"],
)
def test_another_master_key_is_refused(used: dict[str, str], command: tuple[str, ...]) -> None:
    ran = command_line(used | {"MFA_MASTER_KEYS": OTHER_KEYS}, *command)
    assert (ran.status, ran.out) == (1, "")
    assert "MFA_MASTER_KEYS" in ran.err
    assert OTHER_KEYS.partition(":")[2] not in ran.err


def test_another_master_key_stops_the_start(used: dict[str, str], tmp_path: Path) -> None:
    status, output = served_in_vain(used | {"MFA_MASTER_KEYS": OTHER_KEYS}, tmp_path)
    assert status == 1
    assert "check MFA_MASTER_KEYS" in output
    assert "Traceback" not in output


def test_a_key_roll_over_keeps_what_was_sealed(used: dict[str, str], sqlite_url: str) -> None:
    new = "k2:" + OTHER_KEYS.partition(":")[2]
    rolled = used | {"MFA_MASTER_KEYS": f"{new},{used['MFA_MASTER_KEYS']}"}
    assert command_line(rolled, "db", "upgrade").status == 0
    world = make_world(sqlite_url, MFA_MASTER_KEYS=rolled["MFA_MASTER_KEYS"])
    assert world.client("another").challenge()["status"] == "pending"
    close(world)


UNUSABLE = {
    "nobody listens": "postgresql+psycopg://mfa:hunter2@127.0.0.1:1/mfa",
    "no such host": "postgresql+psycopg://mfa:hunter2@host.invalid/mfa",
    "port of letters": "postgresql+psycopg://mfa:hunter2@127.0.0.1:port/mfa",
    "a folder": "sqlite:////tmp",
    "nowhere": "sqlite:////proc/hunter2/mfa.db",
}


@pytest.mark.parametrize("url", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_database_is_said_without_its_password(url: str) -> None:
    ran = command_line(environment(url), "db", "upgrade")
    assert (ran.status, ran.out) == (1, "")
    assert "MFA_DATABASE_URL" in ran.err
    assert "hunter2" not in ran.err


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mfa.db"
    path.write_bytes(b"my diary, not a database" * 100)
    ran = command_line(environment(f"sqlite:///{path}"), "db", "upgrade")
    assert (ran.status, "MFA_DATABASE_URL" in ran.err) == (1, True)
    assert path.read_bytes() == b"my diary, not a database" * 100


def test_a_wrong_password_is_refused_without_repeating_it(postgres_url: str) -> None:
    url = make_url(postgres_url).set(password="hunter2").render_as_string(hide_password=False)
    ran = command_line(environment(url), "db", "upgrade")
    assert (ran.status, "hunter2" in ran.err) == (1, False)


def without_keys(folder: Path) -> dict[str, str]:
    env = environment(f"sqlite:///{folder / 'mfa.db'}")
    del env["MFA_MASTER_KEYS"]
    return env


def test_the_development_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    upgrade = partial(run, "mfa", "db", "upgrade", folder=tmp_path, env=without_keys(tmp_path))
    first = upgrade()
    path = tmp_path / "instance" / "master.key"
    key = path.read_bytes()
    assert first.status == 0
    assert len(base64.b64decode(key, validate=True)) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert upgrade().status == 0
    assert path.read_bytes() == key
    assert key.decode() not in first.out + first.err


def test_first_starts_at_once_agree_on_the_development_key(tmp_path: Path) -> None:
    env = without_keys(tmp_path)
    add = ("client", "add", "shop", "--scope", "a", "--json")
    start = partial(run, "mfa", *add, folder=tmp_path, env=env)
    assert [ran.status for ran in race([start] * 2)] == [0, 0]
    ran = run("mfa", "db", "upgrade", folder=tmp_path, env=env)
    assert ran == Ran(0, "", ran.err)


def test_serving_with_the_development_key_warns_in_the_log(tmp_path: Path) -> None:
    port = free_port()
    command = [installed("mfa"), "serve", "--port", str(port)]
    env = without_keys(tmp_path)
    with ServerProcess(command, port=port, env=env, folder=tmp_path) as server:
        server.await_answer("/readyz")
    logged = [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]
    warned = " ".join(line["message"] for line in logged if line["level"] == "warning")
    assert "MFA_MASTER_KEYS" in warned
