"""The only module that reads the wall clock."""

import time


class SystemClock:
    """The machine's clock, which has to be kept right by the machine."""

    def now(self) -> int:
        """Return whole seconds since the epoch, UTC."""
        return int(time.time())

    def nanoseconds(self) -> int:
        """Return nanoseconds since the epoch, for traces."""
        return time.time_ns()
