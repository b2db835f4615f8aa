"""`mfa housekeeping`: one pass that says what it did."""

import json

from tests.support.command_line import command_line
from tests.support.database import execute, rows
from tests.support.remote import environment
from tests.support.world import World


def counts(world: World) -> dict[str, int]:
    ran = command_line(environment(world.services.settings.database_url), "housekeeping", "--json")
    assert ran.status == 0, ran
    return {name: count for name, count in json.loads(ran.out).items() if count}


def test_a_pass_says_how_much_of_what_was_over(any_world: World) -> None:
    any_world.totp()
    any_world.client().challenge()
    any_world.client().enroll("bob", type="totp")
    assert any_world.client().post("/v1/account-links", {"sub": "bob"}).status_code == 201
    execute(any_world, "UPDATE challenge SET expires_at = created_at")
    execute(any_world, "UPDATE enrollment SET expires_at = created_at")
    execute(any_world, "UPDATE account_link SET expires_at = created_at")
    first = counts(any_world)
    assert first["challenges_expired"] == 1
    assert first["account_links_deleted"] == 1
    assert first["enrollments_expired"] == 1
    assert rows(any_world, "SELECT id FROM challenge WHERE status = 'pending'") == []
    assert counts(any_world) == {}


def test_a_pass_with_nothing_to_do_says_so(world: World) -> None:
    env = environment(world.services.settings.database_url)
    assert command_line(env, "housekeeping").status == 0
    assert command_line(env, "housekeeping").out == "Nothing was over.\n"
