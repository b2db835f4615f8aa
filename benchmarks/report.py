"""What was measured, as tables for people and as JSON for programs."""

import logging
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .flows import Bare
from .load import Slice
from .measure import Measured, Standing
from .statements import Told

_PACKAGES = ("flask", "sqlalchemy", "gunicorn", "psycopg", "cryptography")
_FLOWS = (
    *("", "flows/s", "by floor", "server ms", "database ms", "CPU ms", "by bare", "by floor"),
    *("from-to", "on ours"),
    *("client ms", "p50 ms", "p95 ms", "flows"),
)


def machine() -> dict[str, object]:
    """Return what the numbers depend on."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cores": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def begun() -> dict[str, object]:
    """Begin a benchmark: leave where there is no /proc, say where it runs, and return that."""
    if sys.platform != "linux":
        sys.exit("The benchmarks read /proc, so they need Linux.")
    logging.disable(logging.WARNING)
    facts = machine()
    print(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items()))
    return facts


def as_text(measured: Measured) -> str:
    """Return the tables of one database."""
    first = (
        f"{measured.database}: {len(measured.slices)} rounds side by side, medians;"
        f" fsync {measured.fsync_milliseconds:.2f} ms"
    )
    flows = [_flow_row(measured, name) for name in measured.requests]
    parts = [first, table([_FLOWS, *flows]), _standings(measured), statements(measured.told)]
    return "\n\n".join(parts)


def statements(told: Mapping[str, Told]) -> str:
    """Return how often each flow asks the database, and what."""
    head = ("per flow", "steps", "statements", "commits", "other")
    rows = [(name, len(t.operations), t.queries, t.commits, t.others) for name, t in told.items()]
    lines = [table([head, *(tuple(map(str, row)) for row in rows)])]
    for name, one in told.items():
        lines.append(f"\n{name}:")
        for operation in one.operations:
            lines.append(f"  {operation.name}")
            lines += [f"      {statement}" for statement in operation.statements]
    return "\n".join(lines)


def as_json(measured: Measured) -> dict[str, Any]:
    """Return everything that was seen, with the ratios; latencies as percentiles."""
    return {
        "database": measured.database,
        "fsync_milliseconds": measured.fsync_milliseconds,
        "flows": {name: _flow_json(measured, name) for name in measured.requests},
        "service": _standing_json(measured.service),
        "bare": _standing_json(measured.bare),
        "statements": told_json(measured.told),
    }


def told_json(told: Mapping[str, Told]) -> dict[str, Any]:
    """Return the statements of each flow by operation."""
    return {
        name: {
            "statements": one.queries,
            "commits": one.commits,
            "other": one.others,
            "operations": [
                {"name": o.name, "told": [str(s) for s in o.statements]} for o in one.operations
            ],
        }
        for name, one in told.items()
    }


def rate(part: Slice) -> float:
    """Return the flows per second."""
    return part.flows / part.seconds


def cpu(part: Slice) -> float:
    """Return the CPU milliseconds of server and database for one flow."""
    return (part.server_cpu + part.database_cpu) / part.flows * 1000


def server_cpu(part: Slice) -> float:
    """Return the CPU milliseconds of the server for one flow."""
    return part.server_cpu / part.flows * 1000


def database_cpu(part: Slice) -> float:
    """Return the CPU milliseconds of the database for one flow."""
    return part.database_cpu / part.flows * 1000


def _client_cpu(part: Slice) -> float:
    return part.client_cpu / part.flows * 1000


def _median(measured: Measured, name: str, value: Callable[[Slice], float]) -> float:
    return statistics.median(value(one[name]) for one in measured.slices)


def _by_bare(measured: Measured, name: str, value: Callable[[Slice], float]) -> list[float]:
    """Return the flow's value by the bare view's of the same round, for each round."""
    return [value(one[name]) / value(one[Bare.name]) for one in measured.slices]


def _by_floor(
    measured: Measured, name: str, value: Callable[[Slice], float], *, on_ours: bool = False
) -> list[float]:
    """Return the flow's value by its floor's of the same round; nothing for what has none.

    The floor is served by gunicorn's own worker, or by ours, which does less for each request.
    """
    if name not in measured.floors:
        return []
    floor = measured.floors[name][on_ours]
    return [value(one[name]) / value(one[floor]) for one in measured.slices]


def _percentile(measured: Measured, name: str, share: float) -> float:
    seen = sorted(latency for one in measured.slices for latency in one[name].latencies)
    return seen[min(int(len(seen) * share), len(seen) - 1)] * 1000


def _flow_row(measured: Measured, name: str) -> tuple[str, ...]:
    by_floor = sorted(_by_floor(measured, name, cpu))
    on_ours = _by_floor(measured, name, cpu, on_ours=True)
    rates = _by_floor(measured, name, rate)
    return (
        name,
        f"{_median(measured, name, rate):.1f}",
        f"{statistics.median(rates):.3f}" if rates else "",
        f"{_median(measured, name, server_cpu):.2f}",
        f"{_median(measured, name, database_cpu):.2f}",
        f"{_median(measured, name, cpu):.2f}",
        f"{statistics.median(_by_bare(measured, name, cpu)):.2f}",
        f"{statistics.median(by_floor):.2f}" if by_floor else "",
        f"{by_floor[0]:.2f}-{by_floor[-1]:.2f}" if by_floor else "",
        f"{statistics.median(on_ours):.2f}" if on_ours else "",
        f"{_median(measured, name, _client_cpu):.2f}",
        f"{_percentile(measured, name, 0.5):.1f}",
        f"{_percentile(measured, name, 0.95):.1f}",
        str(sum(one[name].flows for one in measured.slices)),
    )


def _flow_json(measured: Measured, name: str) -> dict[str, Any]:
    return {
        "requests": measured.requests[name],
        "per_second": _median(measured, name, rate),
        "per_second_by_bare": _by_bare(measured, name, rate),
        "per_second_by_floor": _by_floor(measured, name, rate),
        "server_cpu_milliseconds": _median(measured, name, server_cpu),
        "database_cpu_milliseconds": _median(measured, name, database_cpu),
        "client_cpu_milliseconds": _median(measured, name, _client_cpu),
        "cpu_milliseconds": _median(measured, name, cpu),
        "cpu_by_bare": _by_bare(measured, name, cpu),
        "cpu_by_floor": _by_floor(measured, name, cpu),
        "cpu_by_floor_on_our_worker": _by_floor(measured, name, cpu, on_ours=True),
        "p50_milliseconds": _percentile(measured, name, 0.5),
        "p95_milliseconds": _percentile(measured, name, 0.95),
        "flows": [one[name].flows for one in measured.slices],
        "seconds": [one[name].seconds for one in measured.slices],
    }


def _standings(measured: Measured) -> str:
    service, bare = measured.service, measured.bare
    head = ("", "service", "bare", "by bare")
    rows = [
        ("start to first 200, s", service.start, bare.start),
        ("a worker before the load, MiB", service.idle, bare.idle),
        ("a worker after it, MiB", service.worker, bare.worker),
        ("all processes after it, MiB", service.total, bare.total),
    ]
    body = [(name, f"{a:.2f}", f"{b:.2f}", f"{a / b:.2f}") for name, a, b in rows]
    return table([head, *body])


def _standing_json(standing: Standing) -> dict[str, Any]:
    return asdict(standing) | {"start": standing.start, "total_mib": standing.total}


def table(rows: Sequence[Iterable[str]]) -> str:
    """Line the columns up: the first to the left, the others to the right."""
    cells = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in cells
    )
