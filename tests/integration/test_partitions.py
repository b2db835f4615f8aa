"""PostgreSQL keeps challenges, the audit and replay guards by time, and drops what is over."""

import json
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from mfa_service.domain.ids import challenge_ids_from
from mfa_service.domain.limits import Limits
from mfa_service.domain.ports import LoginRefused
from mfa_service.persistence import consume, schema
from mfa_service.persistence.base import standalone_engine
from mfa_service.persistence.models import SeenToken
from mfa_service.persistence.partitions import AUDIT, CHALLENGES, TOKENS, Partitions
from mfa_service.persistence.retention import Retention
from mfa_service.persistence.unit_of_work import UnitOfWork
from mfa_service.services.sessions import Browser
from mfa_service.services.sign_in import Answer
from tests.support.database import execute, rows
from tests.support.ports import FakeLogin
from tests.support.postgres import PostgresServer
from tests.support.world import World, close, make_world

DAY = 86_400


@pytest.fixture
def world(postgres_url: str) -> Iterator[World]:
    """Return the service on PostgreSQL, whose schema has partitions of its clock's time."""
    made = make_world(postgres_url)
    yield made
    close(made)


def partitions(world: World, table: str) -> list[str]:
    return _partitions(world.services.foundation.work.engine, table)


def _partitions(engine: Engine, table: str) -> list[str]:
    query = (
        "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
        " WHERE inhparent = CAST(:table AS regclass) ORDER BY 1"
    )
    with engine.connect() as connection:
        return list(connection.scalars(text(query), {"table": table}))


def opened(world: World, sub: str = "alice") -> str:
    """Return the id of a challenge that was just opened."""
    world.totp(sub)
    return str(world.client().challenge(sub)["id"])


@pytest.mark.parametrize(("table", "count"), [("challenge", 5), ("audit_event", 5)])
def test_what_happens_now_is_in_a_partition_of_now(world: World, table: str, count: int) -> None:
    opened(world)
    assert len(partitions(world, table)) == count  # this period, three to come, and what is before
    found = rows(world, f"SELECT DISTINCT tableoid::regclass::text AS name FROM {table}")
    assert [row["name"] for row in found] != [f"{table}_before"]
    assert len(found) == 1


def test_a_challenge_goes_with_its_partition_thirty_days_after_its_week(world: World) -> None:
    retention = Retention(world.services.foundation.work)
    challenge_id = opened(world)
    for days in (0, 29):
        retention.run(Limits(), at=world.clock.now() + days * DAY)
        assert rows(world, "SELECT id FROM challenge") == [{"id": challenge_id}]
    before = partitions(world, "challenge")
    retention.run(Limits(), at=world.clock.now() + 38 * DAY)
    assert rows(world, "SELECT id FROM challenge") == []
    assert before[0] not in partitions(world, "challenge")


def test_a_replay_guard_outlives_what_is_dropped_beside_it(world: World) -> None:
    work, at = world.services.foundation.work, world.clock.now()
    made = Partitions(work)
    until = {"today": at + 60, "tomorrow": at + DAY}
    with work.transaction() as tx:
        for jti, end in until.items():
            assert consume.remember_token(tx, "phone", jti, until=end)
    made.make(at + DAY)
    assert made.drop(TOKENS, at + DAY) == 1
    with work.transaction() as tx:
        assert not consume.remember_token(tx, "phone", "tomorrow", until=until["tomorrow"])
        assert consume.remember_token(tx, "another phone", "tomorrow", until=until["tomorrow"])


def test_a_guard_that_is_there_keeps_its_period_where_it_is(world: World) -> None:
    """Two places for one token would let it be used twice."""
    work, at = world.services.foundation.work, world.clock.now()
    later = at + 30 * DAY  # nobody has made a partition for that day yet
    with work.transaction() as tx:
        assert consume.remember_token(tx, "phone", "jti", until=later)
    Partitions(work).make(later)
    with work.transaction() as tx:
        assert not consume.remember_token(tx, "phone", "jti", until=later)
    held = rows(world, "SELECT tableoid::regclass::text AS name FROM seen_token")
    assert held == [{"name": "seen_token_before"}]


def test_the_same_token_twice_at_once_is_accepted_once_in_a_partition(world: World) -> None:
    work, at = world.services.foundation.work, world.clock.now()
    accepted: list[bool] = []

    def use() -> None:
        with work.transaction() as tx:
            accepted.append(consume.remember_token(tx, "phone", "jti", until=at + 60))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(accepted) == [False] * 7 + [True]


def test_the_audit_is_dropped_only_if_somebody_says_after_how_many_days(world: World) -> None:
    retention = Retention(world.services.foundation.work)
    opened(world)
    written = len(rows(world, "SELECT id FROM audit_event"))
    retention.run(Limits(), at=world.clock.now() + 4000 * DAY)
    assert len(rows(world, "SELECT id FROM audit_event")) == written
    retention.run(Limits(audit_kept=400 * DAY), at=world.clock.now() + 399 * DAY)
    assert len(rows(world, "SELECT id FROM audit_event")) == written
    retention.run(Limits(audit_kept=400 * DAY), at=world.clock.now() + 432 * DAY)
    assert rows(world, "SELECT id FROM audit_event") == []


def test_what_is_in_no_period_goes_too_once_all_of_it_is_over(world: World) -> None:
    work, at = world.services.foundation.work, world.clock.now()
    made = Partitions(work)
    with work.transaction() as tx:
        for days in (30, 60):
            assert consume.remember_token(tx, "phone", f"jti-{days}", until=at + days * DAY)
    made.drop(TOKENS, at + 31 * DAY)
    assert len(rows(world, "SELECT holder FROM seen_token")) == 2
    made.drop(TOKENS, at + 61 * DAY)
    assert rows(world, "SELECT holder FROM seen_token") == []


@pytest.mark.parametrize("statement", ["UPDATE {} SET event = 'x'", "DELETE FROM {}"])
def test_no_partition_of_the_audit_lets_itself_be_changed(world: World, statement: str) -> None:
    opened(world)
    engine = world.services.foundation.work.engine
    [name] = [
        row["name"]
        for row in rows(world, "SELECT DISTINCT tableoid::regclass::text AS name FROM audit_event")
    ]
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as tx:
        tx.execute(text(statement.format(name)))


def test_two_who_look_after_partitions_at_once_disturb_nobody(world: World) -> None:
    work, at = world.services.foundation.work, world.clock.now() + 100 * DAY
    threads = [threading.Thread(target=Partitions(work).make, args=(at,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Partitions(work).make(at)
    for kind in (AUDIT, CHALLENGES, TOKENS):
        assert {kind.name(begin) for begin, _ in kind.periods(at)} <= set(
            partitions(world, kind.table)
        )


def test_who_holds_a_table_makes_the_upkeep_wait_and_not_fail(world: World) -> None:
    work, at = world.services.foundation.work, world.clock.now() + 100 * DAY
    before = partitions(world, "challenge")
    with work.transaction() as tx:
        tx.execute(text("LOCK TABLE challenge IN ACCESS EXCLUSIVE MODE"))
        Partitions(work).make(at)
    assert partitions(world, "challenge") == before
    Partitions(work).make(at)
    assert len(partitions(world, "challenge")) == len(before) + 4


def test_one_challenge_is_looked_for_in_one_partition(world: World) -> None:
    challenge_id = opened(world)
    found = rows(world, f"EXPLAIN SELECT * FROM challenge WHERE id = '{challenge_id}'")
    plan = "\n".join(str(row["QUERY PLAN"]) for row in found)
    assert plan.count("challenge_") - plan.count("challenge_pkey") <= 3
    assert "Append" not in plan


def _at_revision(url: str, revision: str) -> Engine:
    engine = standalone_engine(url)
    with engine.begin() as connection:
        command.upgrade(schema._config(connection), revision)
    return engine


def test_an_upgrade_keeps_what_was_there_and_guards_it(postgres: PostgresServer) -> None:
    with postgres.database() as url:
        engine = _at_revision(url, "0003")
        with engine.begin() as tx:
            tx.execute(text("INSERT INTO seen_token VALUES ('phone', 'hash', 99)"))
            tx.execute(text("INSERT INTO audit_event (at, event) VALUES (5, 'client.add')"))
        schema.upgrade(engine)
        work = UnitOfWork(engine)
        Partitions(work).make(0)
        with work.transaction() as tx:
            row = {"holder": "phone", "jti_hash": "hash", "expires_at": 99}
            assert not consume.insert_once(tx, SeenToken, row)
            tx.execute(text("INSERT INTO audit_event (at, event) VALUES (6, 'client.add')"))
            ids = tx.scalars(text("SELECT id FROM audit_event ORDER BY at")).all()
        assert ids == [1, 2]
        assert _partitions(engine, "audit_event")[-1] == "audit_event_until_19700301"
        made = Partitions(work)
        made.make(40 * DAY)
        assert "audit_event_19700201" not in _partitions(engine, "audit_event")
        assert "audit_event_19700301" in _partitions(engine, "audit_event")
        assert made.drop(AUDIT, 58 * DAY) == 0
        assert made.drop(AUDIT, 59 * DAY) == 1
        assert schema.differences(engine) == []
        engine.dispose()


def test_a_user_that_was_erased_leaves_what_clients_may_read_for_a_day(any_world: World) -> None:
    api = any_world.client()
    any_world.totp("alice")
    challenge = api.challenge("alice")
    [user] = rows(any_world, 'SELECT id FROM "user"')
    gone = api.call("DELETE", f"/v1/users/{user['id']}?reason=asked")
    assert gone.status_code == 204, gone.text
    housekeeping = any_world.services.housekeeping
    housekeeping.run()
    assert api.get(f"/v1/challenges/{challenge['id']}").get_json()["status"] == "cancelled"
    any_world.clock.advance(DAY + 1)
    housekeeping.run()
    assert rows(any_world, "SELECT id FROM challenge") == []
    assert rows(any_world, "SELECT user_id FROM erasure") == []


def test_on_sqlite_an_old_audit_is_deleted_and_stays_append_only(sqlite_url: str) -> None:
    made = make_world(sqlite_url)
    opened(made)
    retention = Retention(made.services.foundation.work)
    retention.run(Limits(), at=made.clock.now() + 4000 * DAY)
    assert rows(made, "SELECT id FROM audit_event") != []
    retention.run(Limits(audit_kept=400 * DAY), at=made.clock.now() + 402 * DAY)
    assert rows(made, "SELECT id FROM audit_event") == []
    opened(made, "bob")
    with pytest.raises(DBAPIError, match="append-only"):
        execute(made, "DELETE FROM audit_event")
    close(made)


def test_on_sqlite_challenges_of_an_earlier_version_are_deleted_too(sqlite_url: str) -> None:
    made = make_world(sqlite_url)
    new = opened(made)
    old = f"chl_z{'0' * 25}"
    execute(made, "UPDATE challenge SET id = :old WHERE id = :new", old=old, new=new)
    retention = Retention(made.services.foundation.work)
    retention.run(Limits(), at=made.clock.now())
    assert rows(made, "SELECT id FROM challenge") == [{"id": old}]
    again = Retention(made.services.foundation.work)
    again.run(Limits(), at=made.clock.now() + 31 * DAY)
    assert rows(made, "SELECT id FROM challenge") == []
    assert challenge_ids_from(made.clock.now()) < old
    close(made)


@pytest.mark.parametrize("before_midnight", [421, 361, 301, 241, 61, 1])
def test_a_phones_request_is_refused_again_on_the_other_side_of_midnight(
    world: World, before_midnight: int
) -> None:
    """A guard that was kept until some time after it came would be looked for in the next day."""
    phone = world.phone()
    world.clock.advance(DAY - world.clock.now() % DAY - before_midnight)
    body = json.dumps({"provider": "none"}).encode()
    headers = {"Authorization": phone.authorization("PUT", "/v1/device/push", body)}
    sent = []
    for _ in range(2):
        response = world.app.test_client().put(
            "/v1/device/push", data=body, content_type="application/json", headers=headers
        )
        sent.append(response.status_code)
        world.clock.advance(2)
    assert sent == [204, 401]


@pytest.mark.parametrize("before_midnight", [601, 301, 1])
def test_a_sign_in_is_finished_once_also_around_midnight(
    postgres_url: str, before_midnight: int
) -> None:
    login = FakeLogin(codes={"first": "alice", "second": "alice"})
    environ = {"MFA_LOGIN_ISSUER": "https://login.example", "MFA_LOGIN_CLIENT_ID": "mfa"}
    made = make_world(postgres_url, login, **environ)
    sign_in = made.services.account.sign_in
    made.clock.advance(DAY - made.clock.now() % DAY - before_midnight)
    begun = sign_in.begin()
    state = parse_qs(urlsplit(begun.url).query)["state"][0]
    answers = [Answer(begun.kept, state, code, None) for code in login.codes]
    assert sign_in.finish(answers[0], Browser("a browser"))
    made.clock.advance(2)
    with pytest.raises(LoginRefused, match="used before"):
        sign_in.finish(answers[1], Browser("a browser"))
    close(made)
