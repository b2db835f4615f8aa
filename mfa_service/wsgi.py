"""The application as a WSGI server loads it, with its background loops."""

import logging

from mfa_service import wiring_adapters
from mfa_service.app import create_app, services_of
from mfa_service.observability import logs
from mfa_service.observability.spans import TRACING
from mfa_service.services.housekeeping import Loop
from mfa_service.services.waiting import WATCH_SECONDS
from mfa_service.settings import Settings
from mfa_service.wiring import Services


def start_loops(services: Services) -> list[Loop]:
    """Start what runs beside the requests; each worker does, and they do not disturb each other."""
    loops = [
        Loop("watcher", services.watcher.look, seconds=WATCH_SECONDS),
        Loop("outbox", services.outbox.deliver, seconds=1.0),
        Loop("pings", services.protocols.pings.deliver, seconds=1.0),
        Loop("housekeeping", services.housekeeping.run, seconds=60.0),
    ]
    for loop in loops:
        loop.start()
    services.wake_up.start()
    return loops


_settings = Settings.load()
logs.configure(_settings.log_level)
for _warning in _settings.warnings:
    logging.getLogger("mfa_service").warning("%s", _warning)
TRACING.tracer = wiring_adapters.tracer(_settings)  # here, since its thread does not survive a fork
app = create_app(_settings)
LOOPS = start_loops(services_of(app))
