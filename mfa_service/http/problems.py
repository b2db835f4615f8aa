"""RFC 9457 problem details for every error that leaves the service."""

import json
import logging
from collections.abc import Callable

from flask import Flask, Response
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from mfa_service.domain.errors import (
    Internal,
    InvalidRequest,
    MethodNotAllowed,
    MfaError,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from mfa_service.domain.ports import SealBroken
from mfa_service.observability import trace

MEDIA_TYPE = "application/problem+json"
_BY_STATUS: dict[int, type[MfaError]] = {
    404: NotFound,
    405: MethodNotAllowed,
    413: PayloadTooLarge,
    415: UnsupportedMediaType,
}
logger = logging.getLogger(__name__)


def render(error: MfaError, issuer: str) -> Response:
    """Return the problem of an error; `instance` is the request id."""
    body: dict[str, object] = {
        "type": f"{issuer}/problems/{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": trace.current().request_id,
    }
    response = Response(json.dumps(body | error.members), error.status, content_type=MEDIA_TYPE)
    response.headers.update(error.headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def register(app: Flask, answer: Callable[[MfaError], Response]) -> None:
    """Install the handlers: for our refusals, for Werkzeug's, and the last resort."""
    for kind in (MfaError, HTTPException, SealBroken, Exception):
        app.register_error_handler(kind, lambda exc: answer(error_of(exc)))


def error_of(exc: Exception) -> MfaError:
    """Return what a caller is told of an exception; one that is no refusal is logged."""
    if isinstance(exc, MfaError):
        return exc
    if isinstance(exc, HTTPException):
        return _from_http(exc)
    logger.error("unexpected error", exc_info=exc)
    return Internal()


def _from_http(error: HTTPException) -> MfaError:
    if isinstance(error, RequestEntityTooLarge):
        return PayloadTooLarge("The body is over 64 KiB.")
    kind = _BY_STATUS.get(error.code or 500)
    if kind is None and error.code is not None and 400 <= error.code < 500:  # noqa: PLR2004
        return InvalidRequest({"request": [error.name]})
    found = (kind or Internal)()
    for name, value in error.get_headers():
        if name == "Allow":
            found.headers[name] = value
    return found
