"""What is done beside the requests: in each process of `mfa serve`, or in `mfa worker`."""

import time

from mfa_service.services.dispatching import Dispatcher
from mfa_service.services.loops import Loop
from mfa_service.services.outbox import AT_ONCE
from mfa_service.services.push import TOPIC
from mfa_service.services.waiting import WATCH_SECONDS
from mfa_service.settings import Background
from mfa_service.wiring import Services

_PAUSE_SECONDS = 1.0
_STUCK_SECONDS = 60


class BackgroundWork:
    """Sends what the outbox holds, pings CIBA clients and tidies, until it is stopped."""

    def __init__(
        self, services: Services, *, at_once: int = AT_ONCE, pause: float = _PAUSE_SECONDS
    ) -> None:
        """Take how many messages are sent at once, and how long nobody looks if nobody tells."""
        self._outbox = Loop("outbox", self._dispatch, seconds=pause)
        self._dispatcher = Dispatcher(services.outbox, self._outbox.wake, at_once=at_once)
        self._loops = [
            self._outbox,
            Loop("pings", services.protocols.pings.deliver, seconds=pause),
            Loop("housekeeping", services.housekeeping.run, seconds=60.0),
        ]
        self._wake_up = services.wake_up

    def start(self) -> None:
        """Begin; a notification that is told of is sent at once, others within a second."""
        for loop in self._loops:
            loop.start()
        place = self._wake_up.park(TOPIC)
        if place is not None:
            place.when_told(self._outbox.wake)

    def stop(self, *, seconds: float) -> bool:
        """Begin nothing more; tell whether what was begun has ended within `seconds`."""
        until = time.monotonic() + seconds
        for loop in self._loops:
            loop.stop()
        for loop in self._loops:
            loop.join(max(until - time.monotonic(), 0))
        ended = self._dispatcher.finish(seconds=until - time.monotonic())
        return ended and not any(loop.is_alive() for loop in self._loops)

    def _dispatch(self) -> None:
        self._dispatcher.dispatch()

    def stuck(self) -> list[str]:
        """Return the names of loops that do not come round, and `senders` if none comes back."""
        found = [loop.name for loop in self._loops if loop.is_stuck(seconds=_STUCK_SECONDS)]
        return found + ["senders"] * self._dispatcher.is_stuck(seconds=_STUCK_SECONDS)


def start_beside_requests(services: Services) -> Loop:
    """Start what a process that serves runs, and return its watcher."""
    watcher = Loop("watcher", services.watcher.look, seconds=WATCH_SECONDS)
    watcher.start()
    services.wake_up.start()
    if services.settings.background is Background.HERE:
        BackgroundWork(services).start()
    return watcher
