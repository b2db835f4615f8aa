"""The C library's allocator, told to give large blocks back.

glibc keeps what a thread once took and freed, so each thread that hashes a recovery code would
hold Argon2's memory for as long as the process lives.
"""

import ctypes

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h; set, it stays where it is
_LARGE = 4 * 1024 * 1024


def give_large_blocks_back() -> bool:
    """Have blocks of 4 MiB and more go back to the system at once, here and in children.

    Return whether the C library knows how to; one that does not is no fault.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_MMAP_THRESHOLD, _LARGE))
