"""`make bench-rival`: privacyIDEA and this service side by side, in the same run."""

import argparse
import contextlib
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .counts import count
from .flows import Flow, Recovery, Session, flows_of
from .load import Slice, Target, load
from .measure import Effort, serving, target
from .people import Sizes, enroll_people
from .places import Place, postgresql_place, sqlite_place
from .report import begun, cpu, database_cpu, rate, server_cpu, table
from .rival_flows import RivalPeople, rival_flows
from .rival_place import Rival, make_rival
from .statements import Told, told_over
from .wire import Socket

_PLACES = {"sqlite": sqlite_place, "postgresql": postgresql_place}
_FULL = Effort(rounds=5, seconds=3.0, starts=0, sizes=Sizes(totp=800, phones=60, passkeys=60))
_QUICK = Effort(rounds=2, seconds=1.0, starts=0, sizes=Sizes(totp=150, phones=12, passkeys=12))
# A push token costs privacyIDEA an RSA key of 4096 bits: as many as are used at once, and some.
_THEIRS = Sizes(totp=200, phones=8, passkeys=8)
_SETTLED = 0.3  # it writes after it has answered: those commits belong to its own slice
_HEAD = (
    *("", "requests", "statements", "commits", "flows/s", "server ms", "database ms", "CPU ms"),
    *("times ours", "from-to", "flows"),
)


@dataclass(frozen=True, slots=True)
class Compared:
    """All that was seen on one database: `pairs` has our flow's name and its counterpart's."""

    database: str
    rival: Rival
    fsync_milliseconds: float
    pairs: tuple[tuple[Flow, Flow], ...]
    slices: tuple[dict[str, Slice], ...]
    told: dict[str, Told]

    def median(self, flow: Flow, value: Callable[[Slice], float]) -> float:
        """Return the median of the rounds."""
        return statistics.median(value(one[flow.name]) for one in self.slices)

    def times(self, ours: Flow, theirs: Flow) -> list[float]:
        """Return how many times our CPU theirs is, each within its round, the lowest first."""
        return sorted(cpu(one[theirs.name]) / cpu(one[ours.name]) for one in self.slices)


def compare(place: Place, effort: Effort, *, tuned: bool) -> Compared:
    """Measure both on `place`; every flow that is counted ended in a yes."""
    rival = make_rival(place, tuned=tuned)
    told = count(place)
    people = enroll_people(place.settings, effort.sizes)
    session = Session(people)
    flows = [flow for flow in flows_of(people, session) if not isinstance(flow, Recovery)]
    with rival.launch_to_configure() as server, contextlib.closing(Socket(server.port)) as wire:
        theirs = rival_flows(RivalPeople(rival, wire, _THEIRS))
    told |= _count(rival, theirs)
    pairs = tuple(zip(flows, theirs, strict=True))
    with serving(place, effort) as service, rival.launch(workers=effort.workers) as other:
        with contextlib.closing(Socket(service.port)) as wire:
            session.renew(wire)
        targets = target(service, place), target(other, place)
        _round(pairs, targets, effort)
        slices = []
        for _ in range(effort.rounds):
            with contextlib.closing(Socket(service.port)) as wire:
                session.renew(wire)
            slices.append(_round(pairs, targets, effort))
    return Compared(
        database=f"{place.name} {place.version}",
        rival=rival,
        fsync_milliseconds=place.fsync_milliseconds(),
        pairs=pairs,
        slices=tuple(slices),
        told=told,
    )


def _count(rival: Rival, flows: list[Flow]) -> dict[str, Told]:
    with rival.traced() as (server, take), contextlib.closing(Socket(server.port)) as wire:
        return {flow.name: told_over(flow, wire, take, _SETTLED) for flow in flows}


def _round(
    pairs: tuple[tuple[Flow, Flow], ...], targets: tuple[Target, Target], effort: Effort
) -> dict[str, Slice]:
    """Load both with each pair in turn."""
    seen = {}
    for pair in pairs:
        for flow, loaded in zip(pair, targets, strict=True):
            seen[flow.name] = load(flow, loaded, effort.budget(flow))
            time.sleep(_SETTLED)
    return seen


def as_text(seen: Compared) -> str:
    """Return the table of one database."""
    settings = "tuned" if seen.rival.tuned else "as shipped"
    first = (
        f"{seen.database}, privacyIDEA {seen.rival.version} {settings}: {len(seen.slices)} rounds"
        f" side by side, medians; fsync {seen.fsync_milliseconds:.2f} ms"
    )
    rows = [_row(seen, flow, times) for flow, times in _with_times(seen)]
    return f"{first}\n\n{table([_HEAD, *rows])}"


def _with_times(seen: Compared) -> list[tuple[Flow, list[float]]]:
    rows: list[tuple[Flow, list[float]]] = []
    for ours, theirs in seen.pairs:
        rows += [(ours, []), (theirs, seen.times(ours, theirs))]
    return rows


def _row(seen: Compared, flow: Flow, times: list[float]) -> tuple[str, ...]:
    told = seen.told[flow.name]
    return (
        flow.name,
        str(flow.requests),
        str(told.queries),
        str(told.commits),
        f"{seen.median(flow, rate):.1f}",
        f"{seen.median(flow, server_cpu):.2f}",
        f"{seen.median(flow, database_cpu):.2f}",
        f"{seen.median(flow, cpu):.2f}",
        f"{statistics.median(times):.1f}" if times else "",
        f"{times[0]:.1f}-{times[-1]:.1f}" if times else "",
        str(sum(one[flow.name].flows for one in seen.slices)),
    )


def as_json(seen: Compared) -> dict[str, Any]:
    """Return everything that was seen."""
    return {
        "database": seen.database,
        "privacyidea": seen.rival.version,
        "tuned": seen.rival.tuned,
        "fsync_milliseconds": seen.fsync_milliseconds,
        "flows": {flow.name: _flow_json(seen, flow, times) for flow, times in _with_times(seen)},
    }


def _flow_json(seen: Compared, flow: Flow, times: list[float]) -> dict[str, Any]:
    told = seen.told[flow.name]
    return {
        "requests": flow.requests,
        "statements": told.queries,
        "commits": told.commits,
        "told": [[o.name, [str(s) for s in o.statements]] for o in told.operations],
        "per_second": [rate(one[flow.name]) for one in seen.slices],
        "server_cpu_milliseconds": [server_cpu(one[flow.name]) for one in seen.slices],
        "database_cpu_milliseconds": [database_cpu(one[flow.name]) for one in seen.slices],
        "times_ours": times,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rival", description=__doc__)
    parser.add_argument("--database", choices=[*_PLACES, "all"], default="all")
    parser.add_argument("--quick", action="store_true", help="see that it works; no result")
    parser.add_argument(
        "--as-shipped", action="store_true", help="leave privacyIDEA's settings at their defaults"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything seen to FILE")
    return parser.parse_args()


def main() -> None:
    """Compare on the chosen databases, one after the other."""
    given = _arguments()
    facts = begun()
    found: dict[str, Any] = {}
    for name in _PLACES if given.database == "all" else (given.database,):
        with _PLACES[name]() as place:
            seen = compare(place, _QUICK if given.quick else _FULL, tuned=not given.as_shipped)
        found[name] = as_json(seen)
        print(f"\n=== {name}\n{as_text(seen)}", flush=True)
    if given.json:
        given.json.write_text(json.dumps({"machine": facts, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
