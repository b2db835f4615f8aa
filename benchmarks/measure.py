"""One database measured: servers side by side, rounds interleaved, statements counted."""

import contextlib
import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.leash import free_port
from tests.support.processes import ServerProcess, installed

from .counts import count
from .floors import Floor, make_floors
from .flows import Bare, Flow, Recovery, Session, Totp, flows_of
from .load import Budget, Slice, Target, load
from .people import Sizes, enroll_people
from .places import Place, yardstick_engine
from .processes import memory_mib, seconds_to_answer, tree
from .statements import Told
from .wire import Socket

_OUR_WORKER = "mfa_service.serving_worker.Worker"
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure: slices of `seconds`, `rounds` of each, `starts` of each server."""

    rounds: int
    seconds: float
    starts: int
    sizes: Sizes
    workers: int = 2
    at_once: int = 4

    def budget(self, flow: Flow) -> Budget:
        """Return one slice's budget: codes are good once, so each slice gets its share of them."""
        flows = {Totp: self.sizes.totp * 3, Recovery: self.sizes.sets * 10}.get(type(flow))
        share = sys.maxsize if flows is None else flows // (self.rounds + 1)
        return Budget(self.seconds, share, self.at_once)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a server costs without load, and what it holds after it."""

    start_seconds: tuple[float, ...]
    idle_mib: tuple[float, ...]
    worker_mib: tuple[float, ...]
    master_mib: float

    @property
    def start(self) -> float:
        """The median start-up time, from the exec to the first 200, in seconds."""
        return statistics.median(self.start_seconds)

    @property
    def idle(self) -> float:
        """The mean memory of a worker before any load, in MiB."""
        return statistics.fmean(self.idle_mib)

    @property
    def worker(self) -> float:
        """The mean memory of a worker after the load, in MiB."""
        return statistics.fmean(self.worker_mib)

    @property
    def total(self) -> float:
        """The memory of all processes after the load, in MiB."""
        return sum(self.worker_mib) + self.master_mib


@dataclass(frozen=True, slots=True)
class Measured:
    """All that was seen on one database.

    `slices` has one per flow in each round; `floors` names the floor of each flow of the service:
    on gunicorn's own worker, and on ours.
    """

    database: str
    fsync_milliseconds: float
    requests: Mapping[str, int]
    slices: tuple[Mapping[str, Slice], ...]
    floors: Mapping[str, tuple[str, str]]
    service: Standing
    bare: Standing
    told: Mapping[str, Told]


def measure(place: Place, effort: Effort) -> Measured:
    """Measure on `place`; every flow that is counted ended satisfied."""
    starts = _starts(place, effort)
    told = count(place)
    people = enroll_people(place.settings, effort.sizes)
    session = Session(people)
    flows = flows_of(people, session)
    floors = _floors(place, told, flows)
    with (
        serving(place, effort) as service,
        _bare(place, effort, floors.values()) as yardstick,
        _bare(place, effort, floors.values(), worker=_OUR_WORKER) as alike,
    ):
        servers = (service, yardstick)
        idle = [_memory_of_workers(server) for server in servers]
        with contextlib.closing(Socket(service.port)) as wire:
            session.renew(wire)
        pairs: list[tuple[Flow, Target]] = [(Bare(), target(yardstick, place))]
        for flow in flows:
            floor = floors[flow.name]
            pairs.append((floor, target(yardstick, place)))
            pairs.append((floor.on_our_worker(), target(alike, place)))
            pairs.append((flow, target(service, place)))
        _warm_up(pairs, effort)
        slices = tuple(_round(pairs, effort) for _ in range(effort.rounds))
        standings = [_standing(*each) for each in zip(servers, starts, idle, strict=True)]
    return Measured(
        database=f"{place.name} {place.version}",
        fsync_milliseconds=place.fsync_milliseconds(),
        requests={flow.name: flow.requests for flow, _ in pairs},
        slices=slices,
        service=standings[0],
        bare=standings[1],
        floors={name: (floor.name, floor.on_our_worker().name) for name, floor in floors.items()},
        told=told,
    )


def _floors(place: Place, told: Mapping[str, Told], flows: list[Flow]) -> dict[str, Floor]:
    engine = yardstick_engine(place.url)
    try:
        return make_floors(engine, told, [flow.name for flow in flows])
    finally:
        engine.dispose()


def _starts(place: Place, effort: Effort) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Start both servers in turn and return the seconds to the first answer of each."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(effort.starts):
        for launch, seen in ((_launch_service, seconds[0]), (_launch_bare, seconds[1])):
            started = time.monotonic()
            with launch(place, effort) as server:
                seen.append(seconds_to_answer(server, started))
    return tuple(seconds[0]), tuple(seconds[1])


def _launch_service(place: Place, effort: Effort, port: int | None = None) -> ServerProcess:
    port = port or free_port()
    command = [installed("mfa"), "serve", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(effort.workers)]
    return ServerProcess(command, port=port, env=place.service_env, folder=place.folder)


def _launch_bare(
    place: Place, effort: Effort, floors: Iterable[Floor] = (), *, worker: str = "gthread"
) -> ServerProcess:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare", "--port", str(port)]
    command += ["--workers", str(effort.workers), "--worker", worker]
    plans = json.dumps({floor.flow: floor.plan for floor in floors})
    env = place.bare_env | {"PYTHONPATH": str(_ROOT), "BARE_PLANS": plans}
    return ServerProcess(command, port=port, env=env, folder=place.folder)


@contextlib.contextmanager
def serving(place: Place, effort: Effort) -> Iterator[ServerProcess]:
    """Lend the service, running."""
    with _launch_service(place, effort, place.port) as server:
        yield server.await_answer()


@contextlib.contextmanager
def _bare(
    place: Place, effort: Effort, floors: Iterable[Floor], *, worker: str = "gthread"
) -> Iterator[ServerProcess]:
    with _launch_bare(place, effort, floors, worker=worker) as server:
        yield server.await_answer()


def target(server: ServerProcess, place: Place) -> Target:
    """Return what is to be loaded."""
    return Target(server.port, server.pid, place.database_pid)


def _warm_up(pairs: list[tuple[Flow, Target]], effort: Effort) -> None:
    for flow, target in pairs:
        budget = effort.budget(flow)
        load(flow, target, replace(budget, seconds=min(budget.seconds, 1.0)))


def _round(pairs: list[tuple[Flow, Target]], effort: Effort) -> dict[str, Slice]:
    return {flow.name: load(flow, target, effort.budget(flow)) for flow, target in pairs}


def _memory_of_workers(server: ServerProcess) -> tuple[float, ...]:
    return tuple(memory_mib([pid]) for pid in server.workers())


def _standing(
    server: ServerProcess, starts: tuple[float, ...], idle: tuple[float, ...]
) -> Standing:
    workers = server.workers()
    rest = [pid for pid in tree(server.pid) if pid not in workers]
    return Standing(starts, idle, _memory_of_workers(server), memory_mib(rest))
