"""What processes cost: CPU time, memory, and the time until the first answer (Linux, /proc)."""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

from tests.support.processes import ServerProcess

from .wire import Socket

_TICKS = os.sysconf("SC_CLK_TCK")
_POLL_SECONDS = 0.002
_START_SECONDS = 60


def tree(root: int) -> list[int]:
    """Return a process and all its living descendants."""
    found = [root]
    for pid in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_seconds(root: int) -> float:
    """Return user and system time of a process tree, of children that have ended too.

    The kernel counts in ticks, mostly of 10 ms: measure over much longer times.
    """
    ticks = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS


def memory_mib(pids: Iterable[int]) -> float:
    """Return the proportional set size: what is shared counts by halves, so a sum is true."""
    total = 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def seconds_to_answer(server: ServerProcess, started: float) -> float:
    """Return the time from `started` to the first 200 of `/healthz`."""
    deadline = started + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), contextlib.closing(Socket(server.port)) as wire:
            if wire.call("GET", "/healthz").status == 200:
                return time.monotonic() - started
        time.sleep(_POLL_SECONDS)
    raise RuntimeError(f"the server did not start:\n{server.output()}")
