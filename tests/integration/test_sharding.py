"""The schema on paper of docs/scaling.md: its tables are ours, and ids lead to a user's shard."""

import re
from pathlib import Path

from mfa_service.domain.ids import slot_of
from mfa_service.persistence.base import Base
from tests.support.database import rows
from tests.support.everybody import prepared_to_step_up
from tests.support.people import by_link
from tests.support.phone import PinKey
from tests.support.plans import told_to_postgresql
from tests.support.postgres import PostgresServer
from tests.support.world import World, close, make_world

SCALING = Path(__file__).parents[2] / "docs" / "scaling.md"
_ROW = re.compile(r"^\| `(\w+)` \| (.+?) \|", re.MULTILINE)
_ID = re.compile(r"'(?:usr_(?=\w{26}')|(?:aut|enr|ses)_(?=\w{29}')|chl_\d{11}(?=\w{29}'))(\w{3})")
_EVERYWHERE = {name for name, how in _ROW.findall(SCALING.read_text()) if "everywhere" in how}
_TABLE = re.compile(r'(?:FROM|JOIN|INTO|UPDATE) "?(\w+)', re.IGNORECASE)
_PLACED_OTHERWISE = {
    "the directory": re.compile(r'SELECT .* AND "user".sub = '),
    "a client's own": re.compile(r"INSERT INTO audit_event .*'client.token'"),
    "the loop of a shard": re.compile(r"(?:SELECT outbox|WITH due AS|DELETE FROM outbox)"),
}


def test_every_table_has_its_place_on_paper() -> None:
    placed = [name for name, _ in _ROW.findall(SCALING.read_text())]
    assert sorted(placed) == sorted(Base.metadata.tables)


def test_all_that_belongs_to_a_user_carries_the_users_slot(world: World) -> None:
    push = {"provider": "fcm", "token": "t"}
    world.phone("alice", pin=PinKey(), push=push)
    world.totp("alice", reason="test")
    world.recovery_codes("alice", reason="test")
    world.client().challenge("alice")
    assert by_link(world).page.status == 200
    (user,) = rows(world, 'SELECT id FROM "user"')
    for table, column in (
        ("authenticator", "id"),
        ("device", "authenticator_id"),
        ("enrollment", "id"),
        ("session", "id"),
        ("outbox", "authenticator_id"),
        ("push_sent", "user_id"),
        ("account_link", "user_id"),
    ):
        found = {
            slot_of(str(row["id"])) for row in rows(world, f"SELECT {column} AS id FROM {table}")
        }
        assert found == {slot_of(user["id"])}, table
    (challenge,) = rows(world, "SELECT id, created_at FROM challenge")
    assert challenge["id"].startswith(f"chl_{challenge['created_at']:011d}{slot_of(user['id'])}")


def test_no_statement_of_a_step_up_needs_two_shards(
    postgres_url: str, postgres: PostgresServer
) -> None:
    """Each names ids of one slot, but those of which the document tells something else."""
    world = make_world(postgres_url)
    step = prepared_to_step_up(world)
    with told_to_postgresql(world, postgres) as told:
        step()
    close(world)
    distributed = set(Base.metadata.tables) - _EVERYWHERE
    seen = [
        filled
        for statement, filled in told.statements.items()
        if set(_TABLE.findall(statement)) & distributed
    ]
    slots = {filled: set(_ID.findall(filled)) for filled in seen}
    assert len(set().union(*slots.values())) == len(("anna", "bob", "carl"))
    assert len(seen) > 20
    for filled, found in slots.items():
        elsewhere = any(known.match(filled) for known in _PLACED_OTHERWISE.values())
        assert len(found) <= 1, filled
        assert found or elsewhere, filled
