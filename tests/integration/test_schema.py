"""The migrations make exactly the tables that the code expects, on each database."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from mfa_service.persistence import schema
from mfa_service.persistence.base import standalone_engine
from tests.support.world import World


def test_the_migrations_and_the_models_agree(any_url: str) -> None:
    engine = standalone_engine(any_url)
    try:
        assert schema.differences(engine) == []
    finally:
        engine.dispose()


def test_an_upgrade_of_a_current_database_changes_nothing(any_url: str) -> None:
    engine = standalone_engine(any_url)
    try:
        schema.upgrade(engine)
        schema.require_current(engine)
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_event SET event = 'x'", "DELETE FROM audit_event"]
)
def test_the_database_itself_refuses_to_change_the_audit(any_world: World, statement: str) -> None:
    any_world.client()
    engine = any_world.services.foundation.work.engine
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as tx:
        tx.execute(text(statement))
