"""The application as a WSGI server loads it, with what runs beside the requests."""

import logging

from mfa_service import wiring_adapters
from mfa_service.app import create_app, services_of
from mfa_service.background import start_beside_requests
from mfa_service.observability import logs
from mfa_service.observability.spans import TRACING
from mfa_service.settings import Settings

_settings = Settings.load()
logs.configure(_settings.log_level)
for _warning in _settings.warnings:
    logging.getLogger("mfa_service").warning("%s", _warning)
TRACING.tracer = wiring_adapters.tracer(_settings)  # here, since its thread does not survive a fork
app = create_app(_settings)
WATCHER = start_beside_requests(services_of(app))
