"""Sends notifications in threads of their own, so that nothing else waits for a provider."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Row

from mfa_service.domain.errors import Unavailable

from .outbox import AT_ONCE, OutboxService

logger = logging.getLogger(__name__)


class Dispatcher:
    """Takes from the outbox what a free thread can send at once, and no more.

    So a provider that hangs holds up its own messages only, and what this process does not get to
    is free for others. `done` is called when a thread is free again.
    """

    def __init__(
        self, outbox: OutboxService, done: Callable[[], None], *, at_once: int = AT_ONCE
    ) -> None:
        self._outbox = outbox
        self._done = done
        self._at_once = at_once
        self._running = 0
        self._full_since: float | None = None
        self._changed = threading.Condition()

    def dispatch(self) -> int:
        """Begin to send what is due and return how much; called by one thread."""
        free = self._at_once - self._running  # grows only while we look
        rows = self._outbox.take(free) if free else []
        for row in rows:
            self._begin(row)
        return len(rows)

    def is_stuck(self, *, seconds: float) -> bool:
        """Tell whether no thread has become free for so long, and none is."""
        since = self._full_since
        return since is not None and time.monotonic() - since > seconds

    def finish(self, *, seconds: float) -> bool:
        """Tell whether all that was begun has ended within `seconds`; what has not is repeated."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._running and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return not self._running

    def _begin(self, row: Row[Any]) -> None:
        with self._changed:
            self._running += 1
            if self._running == self._at_once:
                self._full_since = time.monotonic()
        thread = threading.Thread(target=self._hand_over, args=(row,), name="push", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads; the lease brings the row back
            self._free()
            raise

    def _free(self) -> None:
        with self._changed:
            self._running -= 1
            self._full_since = None
            self._changed.notify_all()

    def _hand_over(self, row: Row[Any]) -> None:
        try:
            self._outbox.hand_over(row)
        except Unavailable:  # its lease ends, and it is sent once more
            logger.warning("the database does not answer", extra={"event": "outbox"})
        except Exception:  # a thread outlives any single fault; the log has it
            logger.exception("a notification failed", extra={"event": "outbox"})
        finally:
            self._free()
            self._done()
