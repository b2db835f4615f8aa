"""What a recovery code needs to be hashed goes back to the system."""

import subprocess
import sys

HASHES = """
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from mfa_service.adapters.allocator import give_large_blocks_back
from mfa_service.factors.recovery_code import Argon2id

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4

assert give_large_blocks_back()
argon2 = Argon2id()
with ThreadPoolExecutor(1) as thread:
    thread.submit(len, ()).result()
    before = resident()
    for _ in range(3):
        thread.submit(argon2.hash, "secret", b"x" * 16).result()
    print(resident() - before, argon2.memory_kib)
"""


def test_a_thread_that_hashed_holds_none_of_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HASHES], capture_output=True, text=True, check=True, timeout=60
    )
    held, needed = map(int, done.stdout.split())
    assert held < needed / 4
