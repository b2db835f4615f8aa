"""`make bench-waiting`: thousands wait, some are answered, and others step up beside them."""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.processes import ServerProcess

from .flows import Session, Totp
from .load import Budget, Slice, load
from .measure import Effort, serving, target
from .people import People, Sizes, TotpHolder, enroll_people
from .places import Place, postgresql_place, sqlite_place
from .processes import cpu_seconds, memory_mib
from .report import begun
from .wire import Socket

_PLACES = {"sqlite": sqlite_place, "postgresql": postgresql_place}
_EXPIRES = 600
_EVERY = 0.1
_QUIET_SECONDS = 5


@dataclass
class Woken:
    """When waiters were told, seconds after their answer was sent, and after it was confirmed."""

    after_sent: list[float] = field(default_factory=list)
    after_done: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Round:
    """One round: the same load alone and beside those who wait."""

    alone: Slice
    beside: Slice
    quiet_cpu: float
    idle_mib: float
    worker_mib: float


class Waiters:
    """The other process, while it waits for `ids`."""

    def __init__(self, port: int, session: Session, ids: list[str]) -> None:
        command = [sys.executable, "-m", "benchmarks.waiters", str(port)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        task = {"bearer": session.authorization, "ids": ids}
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError("they do not wait")

    def end(self) -> dict[str, float]:
        """Let nobody wait any more; return when each was told."""
        told, _ = self._process.communicate()
        found: dict[str, Any] = json.loads(told)
        if found["faults"]:
            raise RuntimeError(found["faults"][0])
        return dict(found["told"])


def _opened(
    port: int, session: Session, people: People, count: int
) -> list[tuple[TotpHolder, str]]:
    """Open challenges, many for each subject; return who can answer each, and its id."""
    holders = [people.totp.get() for _ in range(people.totp.qsize())]
    for holder in holders:
        people.totp.put(holder)
    asked = [holders[number % len(holders)] for number in range(count)]
    with contextlib.closing(Socket(port)) as wire:
        return [
            (holder, session.open(wire, sub=holder.sub, expires_in=_EXPIRES)["id"])
            for holder in asked
        ]


def _answer(
    port: int,
    session: Session,
    pairs: Iterable[tuple[TotpHolder, str]],
    stop: threading.Event,
    sent: dict[str, tuple[float, float]],
) -> None:
    """Answer one challenge after the other by its person's code."""
    with contextlib.closing(Socket(port)) as wire:
        for holder, challenge_id in pairs:
            if stop.wait(_EVERY):
                return
            code = holder.code(time.time())
            if code is None:
                continue
            body = json.dumps({"method": "totp", "code": code}).encode()
            path = f"/v1/challenges/{challenge_id}/answers"
            began = time.monotonic()
            wire.call("POST", path, body, authorization=session.authorization).json(status=200)
            sent[challenge_id] = (began, time.monotonic())


class Bench:
    """The service on one database, with people for the load and others for those who wait."""

    def __init__(self, place: Place, server: ServerProcess, waiting: int) -> None:
        self._server, self._place, self._waiting = server, place, waiting
        self._people = enroll_people(place.settings, Sizes(totp=4000))
        self._asked = enroll_people(place.settings, Sizes(totp=250))
        self._woken = Woken()

    def round(self, seconds: float) -> Round:
        """Measure once."""
        budget = Budget(seconds, sys.maxsize, 4)
        mine, theirs = Session(self._people), Session(self._asked)
        flow, where = Totp(self._people, mine), target(self._server, self._place)
        with contextlib.closing(Socket(self._server.port)) as wire:
            mine.renew(wire)
            theirs.renew(wire)
        opened = _opened(self._server.port, theirs, self._asked, self._waiting)
        alone = load(flow, where, budget)
        idle = self._worker_mib()
        waiters = Waiters(self._server.port, theirs, [each for _, each in opened])
        before = cpu_seconds(self._server.pid)
        time.sleep(_QUIET_SECONDS)
        quiet = (cpu_seconds(self._server.pid) - before) / _QUIET_SECONDS
        sent: dict[str, tuple[float, float]] = {}
        with self._answering(theirs, opened, sent):
            beside = load(flow, where, budget)
        time.sleep(1)
        full = self._worker_mib()
        told = waiters.end()
        for challenge_id, (began, done) in sent.items():
            self._woken.after_sent.append(told[challenge_id] - began)
            self._woken.after_done.append(told[challenge_id] - done)
        return Round(alone, beside, quiet, idle, full)

    def _worker_mib(self) -> float:
        return statistics.fmean(memory_mib([pid]) for pid in self._server.workers())

    @property
    def woken(self) -> Woken:
        """How long it took to tell who waited, of all rounds."""
        return self._woken

    @contextlib.contextmanager
    def _answering(
        self,
        session: Session,
        opened: list[tuple[TotpHolder, str]],
        sent: dict[str, tuple[float, float]],
    ) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(
            target=_answer, args=(self._server.port, session, opened, stop, sent)
        )
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


def _told(rounds: list[Round], woken: Woken, waiting: int) -> str:
    rates = [tuple(s.flows / s.seconds for s in (r.alone, r.beside)) for r in rounds]
    ratios = sorted(beside / alone for alone, beside in rates)
    after = {"was confirmed": woken.after_done, "was sent": woken.after_sent}
    delays = [
        f"p50 {_percentile(seen, 0.5):.0f}, p99 {_percentile(seen, 0.99):.0f} ms after it {when}"
        for when, seen in after.items()
    ]
    first = rounds[0]
    cores = statistics.median(each.quiet_cpu for each in rounds)
    lines = [
        f"{waiting} wait, {len(rounds)} rounds",
        "TOTP flows/s alone and beside them: "
        + ", ".join(f"{alone:.0f} and {beside:.0f}" for alone, beside in rates),
        f"ratio: median {statistics.median(ratios):.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f}",
        f"{len(woken.after_sent)} answered, and told: " + "; ".join(delays),
        f"while all only wait: {cores:.2f} cores",
        f"a worker before and with them: {first.idle_mib:.0f} and {first.worker_mib:.0f} MiB",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure on the chosen databases."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waiting", description=__doc__)
    parser.add_argument("--database", choices=[*_PLACES, "all"], default="all")
    parser.add_argument("--waiting", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    begun()
    effort = Effort(rounds=1, seconds=1, starts=1, sizes=Sizes())
    for name in _PLACES if given.database == "all" else (given.database,):
        with _PLACES[name]() as place, serving(place, effort) as server:
            bench = Bench(place, server, given.waiting)
            rounds = [bench.round(given.seconds) for _ in range(given.rounds)]
            print(f"\n=== {name}\n{_told(rounds, bench.woken, given.waiting)}", flush=True)


if __name__ == "__main__":
    main()
