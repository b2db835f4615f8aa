"""`make bench`: measure, print tables, and on request write JSON."""

import argparse
import json
from pathlib import Path
from typing import Any

from .counts import count
from .measure import Effort, measure
from .people import Sizes
from .places import postgresql_place, sqlite_place
from .report import as_json, as_text, begun, statements, told_json

_FULL = Effort(
    rounds=5, seconds=2.0, starts=3, sizes=Sizes(totp=800, phones=60, passkeys=60, sets=18)
)
_QUICK = Effort(
    rounds=2, seconds=0.8, starts=1, sizes=Sizes(totp=150, phones=12, passkeys=12, sets=3)
)
_PLACES = {"sqlite": sqlite_place, "postgresql": postgresql_place}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--database", choices=[*_PLACES, "all"], default="all")
    parser.add_argument("--quick", action="store_true", help="see that it works; no result")
    parser.add_argument(
        "--statements", action="store_true", help="only count statements: exact, no load"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything seen to FILE")
    return parser.parse_args()


def main() -> None:
    """Measure on the chosen databases, one after the other."""
    given = _arguments()
    facts = begun()
    found: dict[str, Any] = {}
    for name in _PLACES if given.database == "all" else (given.database,):
        with _PLACES[name]() as place:
            if given.statements:
                told = count(place)
                text, found[name] = statements(told), told_json(told)
            else:
                measured = measure(place, _QUICK if given.quick else _FULL)
                text, found[name] = as_text(measured), as_json(measured)
        print(f"\n=== {name}\n{text}", flush=True)
    if given.json:
        given.json.write_text(json.dumps({"machine": facts, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
