"""Composition root: the Flask application over explicit settings and ports."""

import logging
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response, request
from flask.globals import request_ctx
from werkzeug.routing import BaseConverter, Rule

from mfa_service.domain.errors import MfaError, NotFound
from mfa_service.domain.ids import random_part
from mfa_service.domain.ports import Randomness
from mfa_service.http import (
    backchannel,
    cors,
    discovery,
    gateway,
    meta,
    oauth,
    openapi,
    problems,
    reading,
    tracing,
)
from mfa_service.http.dispatch import handle
from mfa_service.http.operations import Operation
from mfa_service.http.routes import OPERATIONS
from mfa_service.observability import metrics, spans, trace
from mfa_service.persistence.base import db, engine_options, prepare
from mfa_service.services import parking
from mfa_service.settings import Settings
from mfa_service.web import routes as web
from mfa_service.wiring import Ports, Services, assemble

logger = logging.getLogger("mfa_service.requests")
_META: dict[str, Callable[[Services, Request], Response]] = {
    "/.well-known/openid-configuration": discovery.discovery,
    "/.well-known/oauth-authorization-server": discovery.discovery,
    "/.well-known/jwks.json": meta.jwks,
    "/.well-known/webauthn": meta.related_origins,
    "/healthz": meta.healthz,
    "/readyz": meta.readyz,
    "/metrics": meta.exposition,
}

_OAUTH: dict[str, Callable[[Services, Request], Response]] = {
    "/oauth2/token": oauth.token,
    "/oauth2/par": oauth.pushed_request,
    "/oauth2/introspect": oauth.introspection,
    "/oauth2/bc-authorize": backchannel.authentication_request,
}


class _Route(Rule):
    """A rule that requests are matched with; no address is ever built from it.

    Werkzeug compiles a function that builds addresses for every rule: 100 ms of a start.
    """

    def _compile_builder(self, *_: object, **__: object) -> Callable[..., tuple[str, str]]:
        return _never_built


def _never_built(**_: object) -> tuple[str, str]:
    raise LookupError("addresses of pages are written, not built: see `Visit.url`")


class _Application(Flask):
    """Flask, told that none of our views is a coroutine: it would look at each in every request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the view as it is."""
        return func


class _Id(BaseConverter):
    """An identifier in a path: anything else does not exist."""

    regex = "[A-Za-z0-9_-]{1,64}"


def create_app(settings: Settings, ports: Ports | None = None) -> Flask:
    """Return the application; `services_of` finds its use cases."""
    app = _Application(__name__, static_folder=None)
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings.database_url)
    app.config["MAX_CONTENT_LENGTH"] = reading.MAX_BODY_BYTES
    app.url_rule_class = _Route
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.url_map.converters["id"] = _Id
    db.init_app(app)
    with app.app_context():
        engine = db.engine
    prepare(engine)
    chosen = ports or Ports.real()
    services = assemble(settings, engine, chosen)
    app.extensions["mfa"] = services
    problems.register(app, _refusals(services))
    _add_routes(app, services)
    gateway.install(app, services)
    web.register(app, services)
    _add_frame(app, services, chosen.randomness)
    return app


def services_of(app: Flask) -> Services:
    """Return the use cases of an application that `create_app` made."""
    services: Services = app.extensions["mfa"]
    return services


def _add_routes(app: Flask, services: Services) -> None:
    for operation in OPERATIONS:
        app.add_url_rule(
            operation.path,
            endpoint=operation.name,
            view_func=_view(operation, services),
            methods=[operation.method],
        )
    for path, view in _META.items():
        app.add_url_rule(path, endpoint=path, view_func=_plain(view, services))
    for path, endpoint in _OAUTH.items():
        app.add_url_rule(
            path, endpoint=path, view_func=_plain(endpoint, services), methods=["POST"]
        )
    app.add_url_rule(
        "/oauth2/userinfo",
        endpoint="/oauth2/userinfo",
        view_func=_plain(oauth.userinfo, services),
        methods=["GET", "POST"],
    )
    app.add_url_rule("/openapi.yaml", endpoint="openapi", view_func=_document())
    app.add_url_rule(
        "/problems/<slug>",
        endpoint="problem",
        view_func=meta.problem_page,
    )


def _refusals(services: Services) -> Callable[[MfaError], Response]:
    """Return how an error is told: to a person as a page, to a program as a problem."""

    def answer(error: MfaError) -> Response:
        page = web.refusal(request, services, error)
        return page or problems.render(error, services.issuer)

    return answer


def _view(operation: Operation, services: Services) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        return handle(operation, services, request_ctx.request, path)

    return view


def _plain(
    view: Callable[[Services, Request], Response], services: Services
) -> Callable[[], Response]:
    return lambda: view(services, request)


def _document() -> Callable[[], Response]:
    made: list[str] = []

    def view() -> Response:
        if not made:
            made.append(openapi.text())
        return Response(made[0], content_type="application/yaml; charset=utf-8")

    return view


def _add_frame(app: Flask, services: Services, randomness: Randomness) -> None:
    """Surround every request with its trace, its log line, its count and its headers."""
    app.before_request(lambda: _begin(request_ctx.request, randomness))
    app.after_request(lambda response: _finish(services, request_ctx.request, response))


def _begin(incoming: Request, randomness: Randomness) -> None:
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


def _finish(services: Services, incoming: Request, response: Response) -> Response:
    environ = incoming.environ
    seconds = time.monotonic() - environ["mfa.started"]
    metrics.count_answer(incoming.endpoint or "unknown", response.status_code, seconds)
    response.headers["X-Request-Id"] = trace.current().request_id or ""
    response.headers["X-Content-Type-Options"] = "nosniff"
    cors.allow(services.settings, incoming, response)
    web.finish(incoming, response, services)
    tracing.tell(incoming, response, environ["mfa.counts"], seconds=seconds)
    _log(incoming, response, seconds=seconds)
    return response


def _log(incoming: Request, response: Response, *, seconds: float) -> None:
    if logger.isEnabledFor(logging.INFO):
        name, status = incoming.endpoint or "unknown", response.status_code
        answered = {"method": incoming.method, "route": name, "status": status}
        logger.info("answered", extra=answered | {"milliseconds": round(seconds * 1000, 1)})
