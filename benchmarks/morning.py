"""`make bench-morning`: a morning's logins arrive whether the service keeps up or not."""

import argparse
import asyncio
import contextlib
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from .arrivals import Morning
from .crowd import Crowd, Seen
from .load import Target
from .measure import Effort, serving, target
from .passkeys import Holders, enroll_passkeys
from .people import People, Sizes, enroll_people
from .places import Place, postgresql_place, sqlite_place
from .processes import cpu_seconds
from .report import begun, table

_PLACES = {"sqlite": sqlite_place, "postgresql": postgresql_place}
_SAMPLE, _SLICE, _LONGEST_FLOW = 0.1, 5.0, 60
_SPARE, _SECONDS_BUSY = 50, 25
_HOUR = 3600
_SEED = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a moment; CPU in seconds since the start."""

    at: float
    asking: int
    waiting: int
    server: float
    database: float
    client: float


@dataclass(frozen=True, slots=True)
class Town:
    """Who lives there, and which share of them has a phone, and a passkey; the rest has TOTP."""

    people: People
    passkeys: Holders
    issuer: str
    phones: float
    keys: float

    async def one(self, crowd: Crowd, drawn: float) -> None:
        """Let somebody log in; `drawn` between 0 and 1 says by what."""
        if drawn < self.phones:
            sub, phone = self.people.phones.get_nowait()
            await crowd.by_phone(sub, phone)
            self.people.phones.put((sub, phone))
        elif drawn < self.phones + self.keys:
            sub, key = self.passkeys.get_nowait()
            await crowd.by_passkey(sub, key, self.issuer)
            self.passkeys.put((sub, key))
        else:
            await crowd.by_code(self.people.totp.get_nowait())


@dataclass(frozen=True, slots=True)
class Day:
    """A morning as it was."""

    began: float
    arrivals: list[float]
    seen: Seen
    samples: list[Sample]


def _holders(morning: Morning, share: float) -> int:
    """Return how many are needed so that nobody who comes finds all of them busy."""
    return math.ceil(morning.peak * share * _SECONDS_BUSY) + _SPARE


def _settle(place: Place, morning: Morning, phones: float, keys: float) -> Town:
    codes = math.ceil(morning.users * (1 - phones - keys) * 1.2) + _SPARE  # each comes once
    sizes = Sizes(totp=codes, phones=_holders(morning, phones), sets=0)
    people = enroll_people(place.settings, sizes)
    passkeys = enroll_passkeys(place.settings, _holders(morning, keys))
    return Town(people, passkeys, place.settings.issuer, phones, keys)


async def _live(morning: Morning, town: Town, where: Target) -> Day:
    chance = random.Random(_SEED)
    arrivals = morning.times(chance)
    crowd = Crowd(where.port, town.people, chance)
    await crowd.sign_in()
    samples: list[Sample] = []
    looking = asyncio.create_task(_look(crowd.seen, where, samples))
    began = time.monotonic()
    tasks = []
    for at in arrivals:
        await asyncio.sleep(max(0.0, began + at - time.monotonic()))
        tasks.append(asyncio.create_task(town.one(crowd, chance.random())))
    async with asyncio.timeout(_LONGEST_FLOW):
        await asyncio.gather(*tasks)
    looking.cancel()
    crowd.close()
    return Day(began, arrivals, crowd.seen, samples)


async def _look(seen: Seen, where: Target, samples: list[Sample]) -> None:
    while True:
        database = cpu_seconds(where.database_pid) if where.database_pid else 0.0
        server, client = cpu_seconds(where.server_pid), time.process_time()
        now = time.monotonic()
        samples.append(Sample(now, seen.asking, seen.waiting, server, database, client))
        await asyncio.sleep(_SAMPLE)


_HEAD = (
    *("second", "arrive/s", "finish/s", "asking", "waiting", "p50 ms", "p95 ms", "p99 ms"),
    *("server cores", "database", "client"),
)


def _rows(day: Day) -> Iterator[tuple[str, ...]]:
    """Yield one row for each slice of the morning."""
    end = max([*day.seen.finished, day.began])
    for number in range(math.ceil((end - day.began) / _SLICE)):
        start = day.began + number * _SLICE
        stop = start + _SLICE
        arrived = sum(start <= day.began + at < stop for at in day.arrivals)
        finished = sum(start <= at < stop for at in day.seen.finished)
        samples = [sample for sample in day.samples if start <= sample.at < stop]
        if len(samples) < 2:
            return
        took = [one.seconds for one in day.seen.answered if start <= one.at < stop]
        yield (
            f"{number * _SLICE:.0f}",
            f"{arrived / _SLICE:.0f}",
            f"{finished / _SLICE:.0f}",
            str(max(sample.asking for sample in samples)),
            str(max(sample.waiting for sample in samples)),
            *(f"{_percentile(took, share):.0f}" for share in (0.5, 0.95, 0.99)),
            *_cores(samples[0], samples[-1]),
        )


def _cores(first: Sample, last: Sample) -> Iterator[str]:
    for name in ("server", "database", "client"):
        used = getattr(last, name) - getattr(first, name)
        yield f"{used / (last.at - first.at):.2f}"


def _percentile(seconds: list[float], share: float) -> float:
    ordered = sorted(seconds) or [0.0]
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


def _told(morning: Morning, day: Day) -> str:
    kinds = sorted({one.what for one in day.seen.answered} - {"token"})
    by_kind = {kind: [a.seconds for a in day.seen.answered if a.what == kind] for kind in kinds}
    hourly = morning.users * _HOUR / morning.seconds
    offered = f"{morning.users} logins within {morning.seconds:.0f} s, {morning.peak:.0f} a second"
    ended = f"{len(day.seen.finished)} ended satisfied"
    lines = [
        f"{offered} in the middle: the rate of {hourly:,.0f} within an hour",
        f"{ended}; turned away: {dict(day.seen.refused) or 'none'}",
        table([_HEAD, *_rows(day)]),
        *(
            f"{kind}: p50 {_percentile(took, 0.5):.0f}, p95 {_percentile(took, 0.95):.0f},"
            f" p99 {_percentile(took, 0.99):.0f} ms"
            for kind, took in by_kind.items()
        ),
    ]
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.morning", description=__doc__)
    parser.add_argument("--database", choices=[*_PLACES, "all"], default="postgresql")
    parser.add_argument("--users", type=int, nargs="+", default=[1000, 2000, 4000])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--phones", type=float, default=0.3, help="share with phone and PIN")
    parser.add_argument("--passkeys", type=float, default=0.2, help="share with a passkey")
    return parser.parse_args()


def main() -> None:
    """Let each morning happen on the chosen databases."""
    given = _arguments()
    begun()
    nobody = Effort(rounds=1, seconds=1, starts=1, sizes=Sizes(0, 0, 0))
    for name in _PLACES if given.database == "all" else (given.database,):
        with contextlib.ExitStack() as stack:
            place = stack.enter_context(_PLACES[name]())
            server = stack.enter_context(serving(place, nobody))
            for users in given.users:
                morning = Morning(users, given.seconds)
                town = _settle(place, morning, given.phones, given.passkeys)
                day = asyncio.run(_live(morning, town, target(server, place)))
                print(f"\n=== {name}: {_told(morning, day)}", flush=True)


if __name__ == "__main__":
    main()
