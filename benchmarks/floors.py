"""The floor of each flow, as a flow of its own: what `floor` serves, called in order."""

import json
import random
from collections.abc import Mapping

from sqlalchemy import Connection, Engine

from . import floor_tables
from .floor import KEYS, Group, Plan, floor_path
from .statements import Operation, Told
from .wire import Wire


class Floor:
    """The floor of one flow."""

    def __init__(self, name: str, plan: Plan, *, on: str = "") -> None:
        self.flow = name
        self.name = f"floor of {name}{on}"
        self.plan = plan
        self.requests = len(plan)

    def run(self, wire: Wire) -> None:
        """Call the views one after the other."""
        asked = {"number": random.randrange(KEYS), "note": "n" * 80}
        body = json.dumps(asked).encode()
        for number in range(self.requests):
            wire.call("POST", floor_path(self.flow, number), body).json(status=201)

    def on_our_worker(self) -> "Floor":
        """Return the same to be measured on a server with the service's worker."""
        return Floor(self.flow, self.plan, on=" on our worker")


def make_floors(engine: Engine, told: Mapping[str, Told], names: list[str]) -> dict[str, Floor]:
    """Make the tables and return the floor of each named flow, by what it told."""
    floor_tables.make_tables(engine)
    with engine.connect() as connection:
        return {name: Floor(name, _plan(told[name], connection)) for name in names}


def _plan(told: Told, connection: Connection) -> Plan:
    return [_groups(operation, connection) for operation in told.operations]


def _groups(operation: Operation, connection: Connection) -> list[Group]:
    """Return the statements of one request, in transactions and outside of them."""
    groups: list[Group] = []
    inside = False
    for seen in operation.statements:
        if seen.verb == "BEGIN":
            groups.append((True, []))
        elif seen.is_query:
            if not inside:
                groups.append((False, []))
            groups[-1][1].append(floor_tables.statement(seen, connection))
        inside = seen.verb == "BEGIN" or (inside and seen.verb not in {"COMMIT", "ROLLBACK"})
    return groups
