"""Composition root: the Flask application over explicit settings and ports."""

from collections.abc import Callable

from flask import Flask, Request, Response, request
from werkzeug.routing import Rule

from mfa_service.domain.errors import MfaError
from mfa_service.domain.ports import Randomness
from mfa_service.http import (
    backchannel,
    discovery,
    frame,
    gateway,
    meta,
    oauth,
    openapi,
    problems,
)
from mfa_service.http.frame import Application
from mfa_service.http.paths import Identifier
from mfa_service.http.reading import MAX_BODY_BYTES
from mfa_service.http.routes import OPERATIONS
from mfa_service.persistence.base import db, engine_options, prepare
from mfa_service.settings import Settings
from mfa_service.web import routes as web
from mfa_service.wiring import Ports, Services, assemble

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


def create_app(settings: Settings, ports: Ports | None = None) -> Flask:
    """Return the application; `services_of` finds its use cases."""
    app = Application(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings.database_url)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_rule_class = _Route
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.url_map.converters["id"] = Identifier
    db.init_app(app)
    with app.app_context():
        engine = db.engine
    prepare(engine)
    chosen = ports or Ports.real()
    services = assemble(settings, engine, chosen)
    app.extensions["mfa"] = services
    problems.register(app, _refusals(services))
    app.add_operations(OPERATIONS, services, chosen.randomness)
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
    """Surround what is no operation of the API too; pages have headers of their own."""
    app.before_request(lambda: frame.begin(request, randomness))
    app.after_request(lambda response: _finish(services, response))


def _finish(services: Services, response: Response) -> Response:
    web.finish(request, response, services)
    return frame.finish(services, request, response)
