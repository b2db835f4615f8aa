"""What a race left in the tables that no answer of the API shows."""

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from tests.support.world import World


def column(
    world: World, wanted: InstrumentedAttribute[Any], *where: ColumnElement[bool]
) -> list[Any]:
    """Return the values of one column of the rows that match."""
    with world.services.foundation.work.reading() as tx:
        return list(tx.scalars(select(wanted).where(*where)))
