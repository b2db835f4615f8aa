"""What every OAuth endpoint has in common: forms, client authentication, errors, JSON."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, unquote_plus

from flask import Request, Response

from mfa_service.domain.errors import Throttled, Unavailable
from mfa_service.domain.oauth import OAuthError
from mfa_service.domain.subject import Client
from mfa_service.domain.text import has_control
from mfa_service.wiring import Services

from . import reading

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
REPEATABLE = frozenset({"resource"})
_MOST_FIELDS = 40
Form = Mapping[str, list[str]]
Handler = Callable[[Services, Client, Form], Response]
_UNAUTHORIZED = 401


def answered(services: Services, request: Request, handle: Handler) -> Response:
    """Read the form, prove the client, and answer; refusals as RFC 6749 §5.2 has them."""
    try:
        form = form_of(request)
        return handle(services, authenticated(services, request, form), form)
    except OAuthError as exc:
        return refused(exc)
    except (Throttled, Unavailable) as exc:
        error = OAuthError("temporarily_unavailable", exc.detail, status=exc.status)
        response = refused(error)
        response.headers.update(exc.headers)
        return response


def refused(error: OAuthError) -> Response:
    """Return a refusal as JSON."""
    body = {"error": error.error, "error_description": error.description}
    response = answer(error.status, body)
    if error.status == _UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Basic realm="clients", charset="UTF-8"'
    return response


def answer(status: int, body: Mapping[str, object]) -> Response:
    """Return JSON that no cache keeps."""
    response = Response(json.dumps(body), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response


def form_of(request: Request) -> dict[str, list[str]]:
    """Return the parameters; none but `resource` may come twice (RFC 6749 §3.2, RFC 8707 §2)."""
    if request.mimetype != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "The body has to be a form.")
    try:
        text = reading.raw_body(request).decode("ascii")
    except ValueError as exc:
        raise OAuthError("invalid_request", "Not a form that is accepted here.") from exc
    return fields_of(text)


def fields_of(text: str) -> dict[str, list[str]]:
    """Return the parameters of a form or query; raise `OAuthError` for an unclean one."""
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as exc:
        raise OAuthError("invalid_request", "Not a form that is accepted here.") from exc
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        if has_control(name + value):
            raise OAuthError("invalid_request", "Control characters are not allowed.")
        if value:  # a parameter without a value counts as omitted (RFC 6749 §3.2)
            form.setdefault(name, []).append(value)
    if any(len(values) > 1 and name not in REPEATABLE for name, values in form.items()):
        raise OAuthError("invalid_request", "A parameter is given twice.")
    return form


def joined(form: Form) -> dict[str, str]:
    """Return one text for each parameter; values that came apart are separated by spaces."""
    return {name: " ".join(values) for name, values in form.items()}


def one(form: Form, name: str) -> str | None:
    """Return a parameter that comes at most once."""
    values = form.get(name)
    return values[0] if values else None


def needed(form: Form, name: str) -> str:
    """Return a parameter; raise `OAuthError` if it is not there."""
    value = one(form, name)
    if value is None:
        raise OAuthError("invalid_request", f"{name} is needed.")
    return value


def authenticated(services: Services, request: Request, form: Form) -> Client:
    """Return the client that one method proves; two methods at once are refused."""
    basic = request.headers.get("Authorization")
    asserted = "client_assertion" in form or "client_assertion_type" in form
    if sum((basic is not None, asserted, "client_secret" in form)) > 1:
        raise OAuthError("invalid_request", "Two ways of client authentication at once.")
    client = None
    if basic is not None:
        client = services.client_authentication.by_secret(*_basic(basic))
    elif asserted and one(form, "client_assertion_type") == ASSERTION_TYPE:
        client = services.client_authentication.by_assertion(one(form, "client_assertion") or "")
    named = one(form, "client_id")
    if client is None or named not in {None, client.id}:
        raise _unknown()
    return client


def _basic(header: str) -> tuple[str, str]:
    """Return id and secret, each form-url-encoded before base64 (RFC 6749 §2.3.1)."""
    scheme, _, text = header.partition(" ")
    try:
        decoded = base64.b64decode(text.strip(), validate=True).decode("utf-8")
        identifier, colon, secret = decoded.partition(":")
        pair = unquote_plus(identifier, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, ValueError):
        pair, colon = ("", ""), ""
    if scheme.lower() != "basic" or not colon or has_control("".join(pair)):
        raise _unknown()
    return pair


def _unknown() -> OAuthError:
    return OAuthError("invalid_client", "Client authentication failed.", status=_UNAUTHORIZED)
