"""What the service says about itself: metadata, keys, health, problems, metrics."""

import hmac
import ipaddress
import json
from html import escape

from flask import Request, Response

from mfa_service.domain.errors import Forbidden, MfaError, NotFound, every_problem
from mfa_service.observability import metrics
from mfa_service.persistence.readiness import require_ready
from mfa_service.wiring import Services

from .discovery import PUBLIC


def jwks(services: Services, _: Request) -> Response:
    """Answer `/.well-known/jwks.json`: public parts only."""
    return _json(services.foundation.keys.jwks(), PUBLIC)


def related_origins(services: Services, _: Request) -> Response:
    """Answer `/.well-known/webauthn` (WebAuthn Level 3 §5.11); raise `NotFound` if it is off."""
    if not services.passkeys.offered:
        raise NotFound
    return _json({"origins": services.passkeys.related_origins()}, PUBLIC)


def healthz(_: Services, __: Request) -> Response:
    """Tell that the process is up."""
    return _json({"status": "ok"}, "no-store")


def readyz(services: Services, _: Request) -> Response:
    """Tell that the database can do what requests need of it; raise `Unavailable` if not."""
    require_ready(services.foundation.work)
    return _json({"status": "ok"}, "no-store")


def exposition(services: Services, request: Request) -> Response:
    """Answer `/metrics` to a loopback peer, not through a proxy, or to the metrics token."""
    if not (_is_loopback(request) or _has_token(services, request)):
        raise Forbidden("Metrics are for loopback peers or the metrics token.")
    several = services.settings.several_processes
    text = metrics.exposition(several_processes=several)
    return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def problem_page(slug: str) -> Response:
    """Answer `/problems/{slug}`: what a problem means, for people who read logs."""
    kinds = {kind.slug: kind for kind in every_problem()}
    if slug not in kinds:
        raise NotFound
    return Response(_page(kinds[slug]), content_type="text/html; charset=utf-8")


def _page(kind: type[MfaError]) -> str:
    text = escape(" ".join((kind.__doc__ or "").split()))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{kind.slug}</title>'
        f"<h1>{escape(kind.title)}</h1><p><code>{kind.slug}</code>, HTTP {kind.status}</p>"
        f"<p>{text}</p></html>\n"
    )


def _is_loopback(request: Request) -> bool:
    names = [name.lower() for name in request.headers.keys()]  # noqa: SIM118  # pairs otherwise
    if any(name == "forwarded" or name.startswith("x-forwarded-") for name in names):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _has_token(services: Services, request: Request) -> bool:
    token = services.settings.metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return token is not None and hmac.compare_digest(given.encode(), token.encode())


def _json(body: object, cache: str) -> Response:
    response = Response(json.dumps(body), content_type="application/json")
    response.headers["Cache-Control"] = cache
    return response
