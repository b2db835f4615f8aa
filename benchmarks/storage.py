"""What PostgreSQL keeps, and writes to its log, for a person and for a flow."""

import argparse
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Engine

from mfa_service.app import create_app, services_of
from mfa_service.persistence.base import standalone_engine
from mfa_service.persistence.prepared import Lent

from .flows import Flow, Push, Session, Totp
from .people import People, Sizes, enroll_people
from .places import Place, postgresql_place
from .report import table
from .statements import Inside

_USERS, _PHONES, _FLOWS = 1500, 300, 1500
_KEPT = ("challenge", "audit_event")
_PERSON = ("user", "authenticator", "device", "device_key", "spent_proof")


@dataclass(frozen=True, slots=True)
class Person:
    """Bytes that stay for one person with one authenticator of a kind."""

    totp: float
    phone: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What one flow leaves, in bytes: its challenge, its audit; and its part of the log."""

    challenge: float
    audit: float
    audit_rows: float
    log: float


@dataclass(frozen=True, slots=True)
class _Look:
    """The state at one moment: bytes of each table with its indexes, rows of audit, log written."""

    bytes: Mapping[str, int]
    audit_rows: int
    log: int


def measure(place: Place) -> tuple[Person, dict[str, Kept]]:
    """Enroll, run flows, and look at the sizes of the tables in between."""
    engine = standalone_engine(place.url)
    before = _look(engine)
    holders = enroll_people(place.settings, Sizes(totp=_USERS, phones=0, sets=0))
    with_codes = _look(engine)
    phones = enroll_people(place.settings, Sizes(totp=0, phones=_PHONES, sets=0))
    with_phones = _look(engine)
    person = Person(
        totp=_grown(before, with_codes, _PERSON) / _USERS,
        phone=_grown(with_codes, with_phones, _PERSON) / _PHONES,
    )
    flows = {
        Totp.name: _run(place, engine, holders, Totp),
        Push.name: _run(place, engine, phones, Push),
    }
    engine.dispose()
    return person, flows


def _run(
    place: Place, engine: Engine, people: People, kind: Callable[[People, Session], Flow]
) -> Kept:
    app = create_app(place.settings)
    wire, session = Inside(app, tuple), Session(people)
    session.renew(wire)
    flow = kind(people, session)
    flow.run(wire)
    before = _look(engine)
    for _ in range(_FLOWS):
        flow.run(wire)
    after = _look(engine)
    services_of(app).foundation.work.engine.dispose()
    return Kept(
        challenge=_grown(before, after, _KEPT[:1]) / _FLOWS,
        audit=_grown(before, after, _KEPT[1:]) / _FLOWS,
        audit_rows=(after.audit_rows - before.audit_rows) / _FLOWS,
        log=(after.log - before.log) / _FLOWS,
    )


def _grown(before: _Look, after: _Look, names: tuple[str, ...]) -> int:
    return sum(after.bytes[name] - before.bytes[name] for name in names)


def _look(engine: Engine) -> _Look:
    with Lent(engine) as tx:
        tx.exec_driver_sql("VACUUM")  # rows that were changed leave room that is used again
        sizes = tx.exec_driver_sql(
            "SELECT whole.relname, sum(pg_total_relation_size(part.oid)) FROM pg_class part"
            " JOIN pg_class whole ON whole.oid = coalesce(pg_partition_root(part.oid), part.oid)"
            " WHERE part.relkind = 'r' AND part.relnamespace = 'public'::regnamespace GROUP BY 1"
        )
        rows = tx.exec_driver_sql("SELECT count(*) FROM audit_event").scalar_one()
        log = tx.exec_driver_sql("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").scalar_one()
        return _Look({row[0]: int(row[1]) for row in sizes}, int(rows), int(log))


def main() -> None:
    """Print a table, and write JSON on request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    with postgresql_place() as place:
        person, flows = measure(place)
    print(f"a person with TOTP {person.totp:.0f} bytes, with a phone {person.phone:.0f}\n")
    rows = [
        (name, f"{k.challenge:.0f}", f"{k.audit:.0f}", f"{k.audit_rows:.1f}", f"{k.log:.0f}")
        for name, k in flows.items()
    ]
    print(table([("bytes per flow", "challenge", "audit", "rows of it", "log"), *rows]))
    if given.json:
        found = {"person": asdict(person), "flows": {k: asdict(v) for k, v in flows.items()}}
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
