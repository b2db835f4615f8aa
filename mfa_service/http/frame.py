"""What surrounds every request, and the short way that operations of the API take (ADR 0046)."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response

from mfa_service.domain.errors import NotFound
from mfa_service.domain.ids import random_part
from mfa_service.domain.ports import Randomness
from mfa_service.observability import metrics, spans, trace
from mfa_service.services import parking
from mfa_service.wiring import Services

from . import cors, problems, reading, tracing
from .dispatch import handle
from .operations import Operation
from .paths import Known, Paths

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_API = "/v1/"
logger = logging.getLogger("mfa_service.requests")


class Application(Flask):
    """Flask for all but the operations of the API.

    Those need its routes and its requests, but neither contexts nor signals nor sessions, which
    cost more than a statement does. What surrounds them is the same: `begin`, `finish`, problems.
    """

    _services: Services
    _randomness: Randomness

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)
        self._paths = Paths()

    def add_operations(
        self, operations: Sequence[Operation], services: Services, randomness: Randomness
    ) -> None:
        """Let each be found at its path by its method, and work with these; called once."""
        self._services, self._randomness = services, randomness
        for operation in operations:
            self.add_url_rule(operation.path, operation.name, methods=[operation.method])
        rules = {rule.endpoint: rule for rule in self.url_map.iter_rules()}
        for operation in operations:
            self._paths.add(operation, rules[operation.name])

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view as it is: none is a coroutine, and Flask would look each time."""
        return func

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request; one that no operation is for is Flask's."""
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        found = self._paths.find(method, path) if path.startswith(_API) else None
        if found is None:
            return super().wsgi_app(environ, start_response)
        return self._answer(environ, *found)(environ, start_response)

    def _answer(
        self, environ: "WSGIEnvironment", known: Known, identifiers: dict[str, str]
    ) -> Response:
        request = self.request_class(environ)
        request.url_rule = known.rule
        try:
            begin(request, self._randomness)
            response = handle(known.operation, self._services, request, identifiers)
        except Exception as exc:  # noqa: BLE001  # the last resort is a problem, never a traceback
            response = problems.render(problems.error_of(exc), self._services.issuer)
        return finish(self._services, request, response)


def begin(incoming: Request, randomness: Randomness) -> None:
    """Give a request its id and start its clock; one that was put aside has both."""
    environ = incoming.environ
    visit = parking.visit() or parking.Visit()
    if visit.started is None:
        visit.started = time.monotonic()
        visit.request_id = reading.request_id_of(incoming) or random_part(randomness)
    trace.begin(trace.Trace(visit.request_id, environ.get("REMOTE_ADDR")))
    spans.count_into(visit.counts)
    environ["mfa.started"], environ["mfa.counts"] = visit.started, visit.counts
    if environ.get("PATH_INFO", "").startswith("//"):
        raise NotFound  # Werkzeug folds leading slashes before it looks for a route


def finish(services: Services, incoming: Request, response: Response) -> Response:
    """Count an answer, tell of it, and give it the headers that all have."""
    environ = incoming.environ
    seconds = time.monotonic() - environ["mfa.started"]
    metrics.count_answer(incoming.endpoint or "unknown", response.status_code, seconds)
    response.headers.add("X-Request-Id", trace.current().request_id or "")
    response.headers["X-Content-Type-Options"] = "nosniff"
    cors.allow(services.settings, incoming, response)
    tracing.tell(incoming, response, environ["mfa.counts"], seconds=seconds)
    _log(incoming, response, seconds=seconds)
    return response


def _log(incoming: Request, response: Response, *, seconds: float) -> None:
    if logger.isEnabledFor(logging.INFO):
        name, status = incoming.endpoint or "unknown", response.status_code
        answered = {"method": incoming.method, "route": name, "status": status}
        logger.info("answered", extra=answered | {"milliseconds": round(seconds * 1000, 1)})
