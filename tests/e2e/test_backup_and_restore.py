"""A copy made while people answer is restored elsewhere, and their phones step up with it."""

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError

from tests.fault.mortal import Person, with_a_phone
from tests.support.command_line import command_line
from tests.support.database import execute, rows
from tests.support.phone import Phone, PinKey
from tests.support.postgres import PostgresServer
from tests.support.processes import start_service
from tests.support.programs import run
from tests.support.remote import environment, remote_world, served
from tests.support.world import World

ANSWERS = 10
Restore = Callable[[], str]


def answering(world: World) -> tuple[list[Person], dict[str, Phone]]:
    phones = {f"phone {n}": world.phone(f"phone {n}", pin=PinKey()) for n in range(2)}
    return [with_a_phone(world, sub, phone, ANSWERS) for sub, phone in phones.items()], phones


def during_answers(url: str, folder: Path, make: Callable[[], None]) -> dict[str, Phone]:
    """Make a copy while people answer; return their phones. Nobody is refused because of it."""
    with served(url, folder) as server, remote_world(server.url, url) as world:
        people, phones = answering(world)
        for person in people:
            person.start()
        make()
        for person in people:
            person.join()
        assert [a.told for person in people for a in person.attempts] == [200] * 2 * ANSWERS
    return phones


def works(url: str, folder: Path, phones: dict[str, Phone]) -> None:
    """See that a restored database steps up whoever had a phone, and that its audit is closed."""
    env = environment(url)
    assert run("mfa", "db", "upgrade", folder=folder, env=env).status == 0
    with start_service(env, folder=folder) as server, remote_world(server.url, url) as world:
        for sub, phone in phones.items():
            challenge = world.client().challenge(sub)
            assert world.approve(phone, challenge, pin=phone.pin).status_code == 200
            assert world.client().read(challenge["id"])["status"] == "satisfied"
        assert rows(world, "SELECT id FROM audit_event WHERE event = 'challenge.proof'")
        with pytest.raises(DatabaseError):
            execute(world, "DELETE FROM audit_event")


def test_sqlite_is_copied_under_load_and_restored(sqlite_url: str, tmp_path: Path) -> None:
    copy, elsewhere = tmp_path / "copy.db", tmp_path / "elsewhere"
    elsewhere.mkdir()
    env = environment(sqlite_url)

    def make() -> None:
        ran = run("mfa", "db", "backup", str(copy), folder=tmp_path, env=env)
        assert ran.status == 0, ran

    phones = during_answers(sqlite_url, tmp_path, make)
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    copy.rename(elsewhere / "mfa.db")
    works(f"sqlite:///{elsewhere}/mfa.db", elsewhere, phones)


def program(postgres: PostgresServer, name: str, *arguments: str) -> None:
    subprocess.run([postgres.program(name), *arguments], check=True, timeout=60)


@pytest.fixture
def empty_url(postgres: PostgresServer) -> Iterator[str]:
    with postgres.database() as url:
        yield url


def test_postgresql_is_dumped_under_load_and_restored(
    postgres: PostgresServer, postgres_url: str, empty_url: str, tmp_path: Path
) -> None:
    dump = tmp_path / "mfa.dump"
    source, target = (url.replace("+psycopg", "") for url in (postgres_url, empty_url))
    phones = during_answers(
        postgres_url,
        tmp_path,
        lambda: program(postgres, "pg_dump", "--format=custom", f"--file={dump}", source),
    )
    options = ("--exit-on-error", "--no-owner", f"--dbname={target}")
    program(postgres, "pg_restore", *options, str(dump))
    works(empty_url, tmp_path, phones)


def test_a_copy_is_written_over_nothing(sqlite_url: str, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("precious")
    ran = command_line(environment(sqlite_url), "db", "backup", str(there))
    assert (ran.status, there.read_text()) == (1, "precious")
    ran = command_line(environment(sqlite_url), "db", "backup", str(tmp_path / "no" / "copy"))
    assert ran.status == 1


def test_postgresql_is_not_copied_by_us(postgres_url: str, tmp_path: Path) -> None:
    ran = command_line(environment(postgres_url), "db", "backup", str(tmp_path / "copy"))
    assert (ran.status, "pg_dump" in ran.err) == (1, True)
    assert not (tmp_path / "copy").exists()
