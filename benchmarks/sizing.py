"""How large for how many users: computed from measured figures and from stated assumptions.

`python -m benchmarks.sizing` prints the tables of docs/operating.md from `figures.json`.
`--take BENCH STORAGE` first makes that file of what `python -m benchmarks --json BENCH` and
`python -m benchmarks.storage --json STORAGE` have seen.
"""

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

FIGURES = Path(__file__).with_name("figures.json")
USERS = tuple(10**power for power in range(3, 9))
_HOUR, _DAY, _YEAR = 3600, 86_400, 365
_BELL = 6 / math.sqrt(2 * math.pi)  # its middle by its mean, cut at three standard deviations
_GB, _MB = 10**9, 10**6


@dataclass(frozen=True, slots=True)
class Flow:
    """What one flow costs: milliseconds of CPU, commits, bytes."""

    server: float
    database: float
    commits: float
    challenge: float
    audit: float
    log: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured."""

    measured: str
    person: Mapping[str, float]
    flows: Mapping[str, Flow]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what `take` wrote."""
        found = json.loads(path.read_text("utf-8"))
        flows = {name: Flow(**flow) for name, flow in found["flows"].items()}
        return cls(found["measured"], found["person"], flows)


@dataclass(frozen=True, slots=True)
class Assumed:
    """What nobody can measure for you: change it, and print the tables anew."""

    mix: tuple[tuple[str, float], ...] = (("phone and PIN", 0.7), ("TOTP", 0.3))
    step_ups_per_day: float = 1.0
    busiest_hour: float = 0.2
    used: float = 0.5
    cores_of_a_host: int = 16
    cores_of_a_primary: int = 32
    seconds_to_answer: float = 10.0
    days_of_challenges: int = 30
    connections_per_process: int = 34

    def lines(self) -> Iterator[str]:
        """Yield them in words."""
        mix = ", ".join(f"{share:.0%} {name}" for name, share in self.mix)
        yield f"{self.step_ups_per_day:g} step-up per user and day: {mix}"
        yield (
            f"{self.busiest_hour:.0%} of a day's in its busiest hour, along a bell curve whose"
            f" middle is {_BELL:.1f} times its mean"
        )
        yield (
            f"at that moment {self.used:.0%} of the cores are used; a service host has"
            f" {self.cores_of_a_host}, a primary {self.cores_of_a_primary}"
        )
        yield f"whoever is asked on a phone takes {self.seconds_to_answer:g} s, the caller waits"
        yield f"a user has one TOTP and one phone; challenges stay {self.days_of_challenges} days"
        yield f"a process per core, {self.connections_per_process} connections each at the most"


@dataclass(frozen=True, slots=True)
class Size:
    """What so many users need."""

    users: int
    per_second: float
    service_cores: float
    hosts: int
    database_cores: float
    primaries: int
    commits: float
    waiting: float
    connections: int
    kept: float
    audit_per_year: float
    log: float


def size(users: int, figures: Figures, assumed: Assumed) -> Size:
    """Compute one row."""
    day = users * assumed.step_ups_per_day
    peak = day * assumed.busiest_hour / _HOUR * _BELL
    mean = _mean(figures, assumed.mix)
    service = peak * mean.server / 1000 / assumed.used
    database = peak * mean.database / 1000 / assumed.used
    # One host more than the load needs, so that any of them may be lost.
    hosts = math.ceil(service / assumed.cores_of_a_host) + 1
    processes = min(hosts * assumed.cores_of_a_host, hosts * max(2, math.ceil(service / hosts)))
    primaries = math.ceil(database / assumed.cores_of_a_primary)
    challenges = day * assumed.days_of_challenges * mean.challenge
    return Size(
        users=users,
        per_second=peak,
        service_cores=service,
        hosts=hosts,
        database_cores=database,
        primaries=primaries,
        commits=peak * mean.commits,
        waiting=peak * dict(assumed.mix).get("phone and PIN", 0) * assumed.seconds_to_answer,
        connections=processes * assumed.connections_per_process,
        kept=users * sum(figures.person.values()) + challenges,
        audit_per_year=day * _YEAR * mean.audit,
        log=peak * mean.log,
    )


def _mean(figures: Figures, mix: tuple[tuple[str, float], ...]) -> Flow:
    parts = [(figures.flows[name], share) for name, share in mix]
    names = Flow.__slots__
    return Flow(**{name: sum(getattr(flow, name) * s for flow, s in parts) for name in names})


_HEAD = (
    *("users", "step-ups/s", "service cores", "hosts", "database cores", "primaries"),
    *("commits/s", "waiting", "connections", "kept", "audit a year", "log MB/s"),
)


def markdown(figures: Figures, assumed: Assumed) -> str:
    """Return what stands in docs/operating.md."""
    flows = [
        (
            *(name, f"{f.server:.2f}", f"{f.database:.2f}", f"{f.commits:g}"),
            *(f"{part:.0f}" for part in (f.challenge, f.audit, f.log)),
        )
        for name, f in figures.flows.items()
    ]
    head = ("flow", "server ms", "database ms", "commits", "challenge", "audit", "log")
    people = ", ".join(f"{name} {value:.0f}" for name, value in figures.person.items())
    rows = [_row(size(users, figures, assumed)) for users in USERS]
    return "\n".join(
        [
            f"Measured ({figures.measured}); challenge, audit and log in bytes, with indexes.",
            f"What a person keeps, in bytes: {people}.",
            "",
            *_table([head, *flows]),
            "",
            "Assumed:",
            "",
            *(f"- {line}" for line in assumed.lines()),
            "",
            *_table([_HEAD, *rows]),
        ]
    )


def _row(of: Size) -> tuple[str, ...]:
    return (
        *(f"{of.users:,}", _short(of.per_second), _short(of.service_cores), f"{of.hosts:,}"),
        *(_short(of.database_cores), f"{of.primaries:,}", _short(of.commits), _short(of.waiting)),
        *(f"{of.connections:,}", _bytes(of.kept), _bytes(of.audit_per_year), _short(of.log / _MB)),
    )


def _short(value: float) -> str:
    """Return two figures that count: more would say more than is known."""
    if value >= 10:
        digits = 1 - int(math.log10(value))
        return f"{round(value, digits):,.0f}"
    return f"{value:.2g}" if value >= 0.1 else "under 0.1"


def _bytes(value: float) -> str:
    for name, unit in (("TB", 10**12), ("GB", _GB), ("MB", _MB)):
        if value >= unit:
            return f"{_short(value / unit)} {name}"
    return f"{_short(value / 1000)} kB"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    head, *body = rows
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in body:
        yield f"| {' | '.join(row)} |"


def take(bench: Mapping[str, Any], storage: Mapping[str, Any], measured: str) -> dict[str, Any]:
    """Return the figures of two files of JSON, as `Figures.read` reads them."""
    postgresql = bench["postgresql"]
    flows = {
        name: {
            "server": postgresql["flows"][name]["server_cpu_milliseconds"],
            "database": postgresql["flows"][name]["database_cpu_milliseconds"],
            "commits": postgresql["statements"][name]["commits"],
            **{part: kept[part] for part in ("challenge", "audit", "log")},
        }
        for name, kept in storage["flows"].items()
    }
    return {"measured": measured, "person": storage["person"], "flows": flows}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description=__doc__)
    parser.add_argument("--take", nargs=2, type=Path, metavar=("BENCH", "STORAGE"))
    parser.add_argument("--measured", default="", help="when and where, for the first line")
    given = parser.parse_args()
    if given.take:
        bench, storage = (json.loads(path.read_text("utf-8")) for path in given.take)
        FIGURES.write_text(json.dumps(take(bench, storage, given.measured), indent=1) + "\n")
    print(markdown(Figures.read(FIGURES), Assumed()))


if __name__ == "__main__":
    main()
