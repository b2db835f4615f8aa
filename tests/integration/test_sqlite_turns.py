"""Several processes write to one SQLite file: nobody waits for another one's whole queue."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from mfa_service.domain.errors import Unavailable
from mfa_service.persistence.base import standalone_engine
from mfa_service.persistence.turns import Turns
from mfa_service.persistence.unit_of_work import UnitOfWork

WRITERS = 4
HOLD_SECONDS = 0.02
"""Far longer than the moment between two writers of a queue, as on a disk that is slow."""
TURNS = 4
MOST_BETWEEN = 30
"""One that looks every 100 ms would find that moment after some 80 writes of the others."""


def test_a_process_with_a_queue_lets_another_one_write_in_between(sqlite_url: str) -> None:
    busy, other = (UnitOfWork(standalone_engine(sqlite_url)) for _ in range(2))
    stop, written = threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            with busy.transaction() as tx:
                tx.execute(text("UPDATE client SET name = name"))
                time.sleep(HOLD_SECONDS)
                written.append(1)

    with ThreadPoolExecutor(WRITERS) as threads:
        queue = [threads.submit(write) for _ in range(WRITERS)]
        while not written:
            time.sleep(HOLD_SECONDS)
        before = len(written)
        for _ in range(TURNS):
            with other.transaction() as tx:
                tx.execute(text("UPDATE client SET name = name"))
        between = len(written) - before
        stop.set()
        for writer in queue:
            writer.result()
    assert between <= TURNS * MOST_BETWEEN
    for work in (busy, other):
        work.engine.dispose()


def test_who_died_in_its_turn_does_not_keep_it(sqlite_url: str, tmp_path: Path) -> None:
    mark = tmp_path / "holds"
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from mfa_service.persistence.base import standalone_engine\n"
        "from mfa_service.persistence.unit_of_work import UnitOfWork\n"
        "with UnitOfWork(standalone_engine(sys.argv[1])).transaction():\n"
        "    Path(sys.argv[2]).touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, sqlite_url, str(mark)], check=False)
    assert mark.exists()
    work = UnitOfWork(standalone_engine(sqlite_url))
    with work.transaction() as tx:
        tx.execute(text("UPDATE client SET name = name"))
    work.engine.dispose()


def test_who_gets_no_turn_is_told_that_the_database_is_busy(tmp_path: Path) -> None:
    holder, waiter = (Turns(str(tmp_path / "mfa.db"), wait_seconds=0.05) for _ in range(2))
    holder.take()
    with pytest.raises(Unavailable):
        waiter.take()
    holder.pass_on()
    waiter.take()
    waiter.pass_on()
