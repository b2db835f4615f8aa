"""A store that does not answer: 503 with `Retry-After`, never a success, and back by itself."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, make_url
from werkzeug.test import TestResponse

from tests.support.phone import Phone
from tests.support.processes import start_service
from tests.support.racing import race, statuses
from tests.support.remote import environment, remote_world
from tests.support.tcp_gate import TcpGate
from tests.support.world import World, close, make_world

Call = Callable[[], TestResponse]
BUSY_MILLISECONDS = 50


def is_unavailable(answer: TestResponse) -> bool:
    """Tell whether an answer is the problem of a store that is away."""
    problem: dict[str, Any] = answer.get_json()
    return (
        answer.status_code == 503
        and answer.content_type == "application/problem+json"
        and problem["type"].endswith("/problems/unavailable")
        and answer.headers["Retry-After"].isdigit()
    )


@pytest.fixture
def gate(postgres_url: str) -> Iterator[TcpGate]:
    """Lend a door before PostgreSQL."""
    target = make_url(postgres_url)
    with TcpGate((str(target.host), target.port or 0)) as made:
        yield made


@pytest.fixture
def gated_url(gate: TcpGate, postgres_url: str) -> str:
    url = make_url(postgres_url).set(port=gate.port)
    return url.render_as_string(hide_password=False)


@pytest.fixture
def behind_gate(gated_url: str) -> Iterator[World]:
    """Lend the service whose PostgreSQL can be taken away."""
    world = make_world(gated_url)
    yield world
    close(world)


def calls_of(world: World, phone: Phone) -> dict[str, Call]:
    """Return one call of each kind that needs the store."""
    api = world.client()
    challenge = api.challenge()
    app = world.app.test_client()
    return {
        "open": partial(api.post, "/v1/challenges", {"sub": "alice"}),
        "read": partial(api.get, f"/v1/challenges/{challenge['id']}"),
        "wait": partial(api.get, f"/v1/challenges/{challenge['id']}?wait=1"),
        "answer": partial(api.answer, challenge["id"], "totp", "123456"),
        "keyed": partial(
            api.post, "/v1/challenges", {"sub": "alice"}, headers={"Idempotency-Key": "k"}
        ),
        "enroll": partial(api.post, "/v1/enrollments", {"sub": "bob", "type": "totp"}),
        "device": partial(world.device, phone, "GET", "/v1/device"),
        "approve": partial(world.send, phone, challenge["id"], "a.b.c"),
        "ready": partial(app.get, "/readyz"),
    }


def test_every_call_says_that_the_store_is_away_and_works_when_it_is_back(
    behind_gate: World, gate: TcpGate
) -> None:
    calls = calls_of(behind_gate, behind_gate.phone())
    gate.shut()
    assert {name for name, call in calls.items() if not is_unavailable(call())} == set()
    gate.open()
    back = {name: call().status_code for name, call in calls.items()}
    assert {name for name, status in back.items() if status >= 500} == set()
    assert back["open"] == 201


def test_a_token_request_says_so_too(behind_gate: World, gate: TcpGate) -> None:
    api = behind_gate.client()
    gate.shut()
    answer = behind_gate.app.test_client().post(
        "/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(api.client_id, api.secret),
    )
    assert (answer.status_code, answer.headers["Retry-After"].isdigit()) == (503, True)


def test_the_process_is_healthy_while_its_store_is_away(behind_gate: World, gate: TcpGate) -> None:
    gate.shut()
    app = behind_gate.app.test_client()
    assert app.get("/healthz").status_code == 200
    assert app.get("/readyz").status_code == 503
    gate.open()
    assert app.get("/readyz").status_code == 200


def test_cut_connections_are_replaced_after_one_refusal_each(
    behind_gate: World, gate: TcpGate
) -> None:
    behind_gate.totp()
    opening = partial(behind_gate.client().post, "/v1/challenges", {"sub": "alice"})
    assert statuses(race([opening] * 8)) == {201: 8}
    gate.cut()
    answers = race([opening] * 8)
    assert all(a.status_code == 201 or is_unavailable(a) for a in answers)
    assert statuses(race([opening] * 8)) == {201: 8}


def test_a_code_answered_during_an_outage_is_not_lost(behind_gate: World, gate: TcpGate) -> None:
    totp, api = behind_gate.totp(), behind_gate.client()
    challenge, code = api.challenge(), totp.next()
    gate.shut()
    assert is_unavailable(api.answer(challenge["id"], "totp", code))
    gate.open()
    assert api.answer(challenge["id"], "totp", code).get_json()["status"] == "satisfied"


def test_a_running_server_survives_an_outage_with_its_background_work(
    gated_url: str, gate: TcpGate, tmp_path: Path
) -> None:
    env = environment(gated_url)
    with (
        start_service(env, folder=tmp_path) as server,
        remote_world(server.url, gated_url) as world,
    ):
        phone, api = world.phone(), world.client()
        gate.shut()
        assert world.app.test_client().open("/readyz").status_code == 503
        assert world.app.test_client().open("/healthz").status_code == 200
        gate.open()
        server.await_answer("/readyz")
        polled = api.challenge()
        assert world.approve(phone, polled).status_code == 200
        assert api.get(f"/v1/challenges/{polled['id']}?wait=20").get_json()["status"] == "satisfied"


def pooled_connections_become_read_only(world: World) -> None:
    """Let the server take no writes on what is open: a primary that was fenced or stood down."""
    with world.services.foundation.work.engine.begin() as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = on")


def test_a_server_that_takes_no_writes_is_not_ready_and_is_left_at_once(postgres_url: str) -> None:
    world = make_world(postgres_url)
    app, told = world.app.test_client(), []
    event.listen(
        world.services.foundation.work.engine,
        "before_cursor_execute",
        lambda *given: told.append(given[2]),
    )
    assert app.get("/readyz").status_code == 200
    assert len(told) == 1
    pooled_connections_become_read_only(world)
    assert is_unavailable(app.get("/readyz"))
    assert app.get("/healthz").status_code == 200
    assert app.get("/readyz").status_code == 200  # over a new connection: to whoever takes writes
    close(world)


def test_a_server_that_goes_on_taking_no_writes_stays_not_ready(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    world, name = make_world(postgres_url), make_url(postgres_url).database
    app, engine = world.app.test_client(), world.services.foundation.work.engine
    change = f'ALTER DATABASE "{name}" SET default_transaction_read_only = '
    with engine.begin() as administrator:
        administrator.exec_driver_sql(change + "on")
    engine.dispose()
    for _ in range(2):
        assert is_unavailable(app.get("/readyz"))
    with engine.connect() as administrator:
        administrator.exec_driver_sql("SET TRANSACTION READ WRITE")
        administrator.exec_driver_sql(change + "off")
        administrator.commit()
    engine.dispose()
    assert app.get("/readyz").status_code == 200
    reasons = {record.__dict__["reason"] for record in caplog.records if "reason" in vars(record)}
    assert reasons == {"25006"}
    close(world)


@pytest.fixture
def locked(world: World, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Lend a stranger's connection to the SQLite file; ours soon stop waiting for it."""
    engine = world.services.foundation.work.engine
    patience = f"PRAGMA busy_timeout={BUSY_MILLISECONDS}"
    event.listen(engine, "checkout", lambda connection, *_: connection.execute(patience))
    with closing(sqlite3.connect(tmp_path / "mfa.db", isolation_level=None)) as stranger:
        yield stranger


def test_a_locked_file_refuses_writes_until_it_is_free(
    world: World, locked: sqlite3.Connection
) -> None:
    totp, api = world.totp(), world.client()
    challenge, code = api.challenge(), totp.next()
    locked.execute("BEGIN IMMEDIATE")
    assert is_unavailable(api.answer(challenge["id"], "totp", code))
    assert is_unavailable(api.post("/v1/challenges", {"sub": "alice"}))
    locked.execute("ROLLBACK")
    assert api.answer(challenge["id"], "totp", code).get_json()["status"] == "satisfied"


def test_a_locked_file_still_lets_read(world: World, locked: sqlite3.Connection) -> None:
    world.totp()
    api = world.client()
    challenge = api.challenge()
    locked.execute("BEGIN IMMEDIATE")
    assert api.read(challenge["id"])["status"] == "pending"
    assert world.app.test_client().get("/readyz").status_code == 200
    locked.execute("ROLLBACK")


def test_parallel_writers_of_a_locked_file_are_all_refused_in_order(
    world: World, locked: sqlite3.Connection
) -> None:
    world.totp()
    opening = partial(world.client().post, "/v1/challenges", {"sub": "alice"})
    locked.execute("BEGIN IMMEDIATE")
    assert statuses(race([opening] * 8)) == {503: 8}
    locked.execute("ROLLBACK")
    assert statuses(race([opening] * 8)) == {201: 8}
