"""`make bench-hosts`: what callers notice while hosts, stores and the primary are lost."""

import argparse
import statistics
import sys
import time
from collections import defaultdict

from tests.hosts.journal import stable
from tests.hosts.scenario import Noticed, Played, played
from tests.support.phone import claims_of

from .report import begun


def main() -> None:
    """Play the losses several times; end with status 1 if a promise was broken.

    In every second round the primary is not killed, but its host vanishes from the network.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hosts", description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    given = parser.parse_args()
    begun()
    rounds: list[list[Noticed]] = []
    for number in range(1, given.rounds + 1):
        began = time.monotonic()
        with played(vanishes=number % 2 == 0) as seen:
            print(f"\n=== round {number}\n{_told(seen)}", flush=True)
            broken = _broken(seen)
        rounds.append(seen.noticed)
        print(f"{time.monotonic() - began:.0f} s in all", flush=True)
        if broken:
            sys.exit("\n".join(broken))
    print(f"\n=== {given.rounds} rounds, seconds: median (lowest to highest)\n{_summary(rounds)}")


def _told(seen: Played) -> str:
    journal = seen.journal
    flows = f"{len(journal.done)} flows ended, {len(journal.accepted)} proofs were taken"
    return "\n".join([flows, *map(str, seen.noticed), seen.script])


def _broken(seen: Played) -> list[str]:
    """Return which promises were broken: what is counted here, the test asserts."""
    journal = seen.journal
    twice = [proof for proof, ids in journal.accepted.items() if len(ids) > 1]
    other = [
        id_
        for id_, result in journal.results.items()
        if stable(claims_of(seen.callers.read(id_)["result_token"])) != result
    ]
    final = [trouble.what for trouble in journal.troubles if not trouble.retriable]
    kinds = {
        "taken twice": twice,
        "lost or changed": other,
        "not retriable": final,
        "ended wrongly": journal.faults,
    }
    return [f"{kind}: {found}" for kind, found in kinds.items() if found]


def _summary(rounds: list[list[Noticed]]) -> str:
    of_kind: dict[str, list[Noticed]] = defaultdict(list)
    for noticed in rounds:
        for one in noticed:
            of_kind[one.what].append(one)
    return "\n".join(_line(what, seen) for what, seen in of_kind.items())


def _line(what: str, seen: list[Noticed]) -> str:
    silences = sorted(one.longest_silence for one in seen)
    last = sorted(one.last_trouble for one in seen)
    return (
        f"{what:48} no flow ended for {_range(silences)}, last trouble after {_range(last)},"
        f" troubles {', '.join(str(sum(one.troubles.values())) for one in seen)}"
    )


def _range(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({values[0]:.1f} to {values[-1]:.1f})"


if __name__ == "__main__":
    main()
