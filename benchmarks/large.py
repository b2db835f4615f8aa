"""`make bench-large`: what a flow costs among a million users and among a thousand, side by side.

Both databases are there at once, each with its service, and are measured in turn within each
round: what else the machine does falls on both.
"""

import argparse
import contextlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy import text

from mfa_service.adapters.clock import SystemClock
from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.app import create_app, services_of
from mfa_service.persistence.base import standalone_engine
from mfa_service.wiring import Ports

from .filling import fill
from .flows import Flow, Push, Session, Totp, Webauthn
from .load import Budget, Slice, Target, load
from .measure import Effort, serving, target
from .people import People, Sizes, enroll_people
from .places import Place, postgresql_place, sqlite_place
from .report import begun
from .statements import Inside
from .wire import Socket

_SMALL = 1000
_ALLOWED = 1.15
_FLOWS: tuple[Callable[[People, Session], Flow], ...] = (Totp, Push, Webauthn)
_PLACES = {"postgresql": postgresql_place, "sqlite": sqlite_place}
_COUNTED = ("user", "authenticator", "audit_event", "challenge")


@dataclass(frozen=True, slots=True)
class Side:
    """One database with its service, and who can be asked there."""

    flows: list[Flow]
    target: Target
    renew: Callable[[], None]
    rows: str


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large", description=__doc__)
    parser.add_argument("--database", choices=[*_PLACES, "all"], default="all")
    parser.add_argument("--users", type=int, default=1_000_000, help="in the large database")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each flow in each round")
    return parser.parse_args()


def main() -> None:
    """Fill, measure and print, on one database or on one after the other."""
    given = _arguments()
    begun()
    sizes = Sizes(totp=150 * (given.rounds + 1), phones=200, passkeys=200)
    effort = Effort(given.rounds, given.seconds, starts=0, sizes=sizes)
    names = list(_PLACES) if given.database == "all" else [given.database]
    for name in names:
        print(f"\n=== {name}", flush=True)
        _compare(_PLACES[name], effort, given.users)


def _compare(
    places: Callable[[], AbstractContextManager[Place]], effort: Effort, users: int
) -> None:
    with ExitStack() as stack:
        sides = [stack.enter_context(_side(places, effort, count)) for count in (_SMALL, users)]
        for name, side in zip(("small", "large"), sides, strict=True):
            print(f"{name}: {side.rows}", flush=True)
        _round(sides, effort)  # caches, pools, prepared statements
        rounds = [_round(sides, effort) for _ in range(effort.rounds)]
    print(f"\n{'CPU ms per flow':<16}{'small':>9}{'large':>9}{'ratio':>8}   of each round")
    for number, flow in enumerate(sides[0].flows):
        small, large = ([_cost(found[number][side]) for found in rounds] for side in (0, 1))
        ratios = sorted(b / a for a, b in zip(small, large, strict=True))
        ratio = statistics.median(ratios)
        verdict = "" if ratio <= _ALLOWED else f"   more than {_ALLOWED}"
        medians = f"{statistics.median(small):>9.2f}{statistics.median(large):>9.2f}"
        spread = " ".join(f"{each:.2f}" for each in ratios)
        print(f"{flow.name:<16}{medians}{ratio:>8.2f}   {spread}{verdict}")


def _cost(found: Slice) -> float:
    return (found.server_cpu + found.database_cpu) * 1000 / found.flows


def _round(sides: list[Side], effort: Effort) -> list[tuple[Slice, ...]]:
    """Load each flow on both sides, one after the other."""
    for side in sides:
        side.renew()
    found = []
    for flows in zip(*(side.flows for side in sides), strict=True):
        pairs = zip(flows, sides, strict=True)
        found.append(tuple(load(flow, side.target, _budget(flow, effort)) for flow, side in pairs))
    return found


def _budget(flow: Flow, effort: Effort) -> Budget:
    """Return one slice's budget: a code is good once."""
    codes = effort.sizes.totp * 3 // (effort.rounds + 1)
    return Budget(effort.seconds, codes if isinstance(flow, Totp) else sys.maxsize, effort.at_once)


@contextmanager
def _side(
    places: Callable[[], AbstractContextManager[Place]], effort: Effort, users: int
) -> Iterator[Side]:
    with places() as place:
        people = enroll_people(place.settings, effort.sizes)
        session = Session(people)
        flows = [flow(people, session) for flow in _FLOWS]
        _step_up_once(place, session, flows)
        begun = time.monotonic()
        fill(place, users)
        rows = f"{_rows(place)}; filled in {time.monotonic() - begun:.0f} s"
        with serving(place, effort) as service:

            def renew() -> None:
                with contextlib.closing(Socket(service.port)) as wire:
                    session.renew(wire)

            yield Side(flows, target(service, place), renew, rows)


def _step_up_once(place: Place, session: Session, flows: list[Flow]) -> None:
    """Have every kind of row written once by the service itself."""
    app = create_app(place.settings, Ports(SystemClock(), SystemRandomness(), {}))
    wire = Inside(app, tuple)
    session.renew(wire)
    for flow in flows:
        flow.run(wire)
    services_of(app).foundation.work.engine.dispose()


def _rows(place: Place) -> str:
    engine = standalone_engine(place.url)
    with engine.connect() as connection:
        counts = [connection.scalar(text(f'SELECT count(*) FROM "{name}"')) for name in _COUNTED]
    engine.dispose()
    return ", ".join(f"{count} {name}" for count, name in zip(counts, _COUNTED, strict=True))


if __name__ == "__main__":
    main()
