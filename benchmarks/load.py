"""Runs one flow from several threads for a while and reports what it cost whom."""

import contextlib
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .flows import Flow, OutOfPeople
from .processes import cpu_seconds
from .wire import Socket

# A connection stays with the worker that took it: a few kept for long could all hit the same one.
_KEPT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Budget:
    """When a slice ends: after `seconds`, or when `flows` have begun. `at_once` run in parallel."""

    seconds: float
    flows: int
    at_once: int


@dataclass(frozen=True, slots=True)
class Slice:
    """One flow under load for a while; CPU in seconds, latencies in seconds, one for each flow."""

    seconds: float
    latencies: tuple[float, ...]
    server_cpu: float
    database_cpu: float
    client_cpu: float

    @property
    def flows(self) -> int:
        """How many were completed."""
        return len(self.latencies)


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and the database's processes unless it is a library in the server's."""

    port: int
    server_pid: int
    database_pid: int | None


def load(flow: Flow, target: Target, budget: Budget) -> Slice:
    """Return what happened; raises what a flow raises, so a wrong answer ends the run."""
    tickets = iter(range(budget.flows))  # next() on it is atomic
    with ThreadPoolExecutor(budget.at_once) as pool:
        before = _cpu(target)
        started = time.perf_counter()
        end = started + budget.seconds
        runs = [
            pool.submit(_repeat, flow, target.port, tickets, end) for _ in range(budget.at_once)
        ]
        latencies = tuple(itertools.chain.from_iterable(run.result() for run in runs))
        seconds = time.perf_counter() - started
        server, database, client = (b - a for a, b in zip(before, _cpu(target), strict=True))
    if not latencies:
        raise RuntimeError(f"{flow.name}: nobody was left to ask")
    return Slice(seconds, latencies, server, database, client)


def _repeat(flow: Flow, port: int, tickets: Iterator[int], end: float) -> list[float]:
    latencies: list[float] = []
    more = True
    while more and time.perf_counter() < end:
        until = min(end, time.perf_counter() + _KEPT_SECONDS)
        with contextlib.closing(Socket(port)) as wire:
            more = _run_until(until, flow, wire, tickets, latencies)
    return latencies


def _run_until(
    until: float, flow: Flow, wire: Socket, tickets: Iterator[int], latencies: list[float]
) -> bool:
    """Add the latency of each flow; tell whether there is more to do."""
    while (now := time.perf_counter()) < until:
        if next(tickets, None) is None:
            return False
        try:
            flow.run(wire)
        except OutOfPeople:
            return False
        latencies.append(time.perf_counter() - now)
    return True


def _cpu(target: Target) -> tuple[float, float, float]:
    database = cpu_seconds(target.database_pid) if target.database_pid else 0.0
    return cpu_seconds(target.server_pid), database, time.process_time()
