"""Work that is done again and again beside the requests."""

import logging
import threading
import time
from collections.abc import Callable

from mfa_service.domain.errors import Unavailable

logger = logging.getLogger(__name__)


class Loop(threading.Thread):
    """Calls something again and again in the background; a fault of the store is no end."""

    def __init__(self, name: str, call: Callable[[], object], *, seconds: float) -> None:
        super().__init__(name=name, daemon=True)
        self._call = call
        self._seconds = seconds
        self._awake = threading.Event()
        self._stopped = False
        self._ended = time.monotonic()

    def run(self) -> None:
        """Wait, call, wait."""
        while True:
            self._awake.wait(self._seconds)
            self._awake.clear()
            if self._stopped:
                return
            try:
                self._call()
            except Unavailable:
                logger.warning("the database does not answer", extra={"event": self.name})
            except Exception:  # the loop outlives any single fault; the log has it
                logger.exception("background work failed", extra={"event": self.name})
            self._ended = time.monotonic()

    def wake(self) -> None:
        """Call now, and once more if it is being called."""
        self._awake.set()

    def stop(self) -> None:
        """Let the thread end after the call that runs."""
        self._stopped = True
        self._awake.set()

    def is_stuck(self, *, seconds: float) -> bool:
        """Tell whether it has not come round for so long, ten of its pauses not counted."""
        return time.monotonic() - self._ended > 10 * self._seconds + seconds
