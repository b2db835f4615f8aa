"""The token endpoint: client credentials, answered as RFC 6749 says."""

import base64
import binascii
import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from flask import Request, Response

from mfa_service.domain.subject import Client
from mfa_service.domain.text import has_control
from mfa_service.services.tokens import LIFETIME, InvalidScope, InvalidTarget
from mfa_service.wiring import Services

from . import reading

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_REPEATABLE = {"resource"}


class OAuthError(Exception):
    """A refusal of RFC 6749 §5.2."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.description = description


def token(services: Services, request: Request) -> Response:
    """Answer `POST /oauth2/token`."""
    try:
        form = _form(request)
        client = _client(services, request, form)
        if _one(form, "grant_type") is None:
            raise OAuthError(400, "invalid_request", "grant_type is needed.")
        if _one(form, "grant_type") != "client_credentials":
            raise OAuthError(400, "unsupported_grant_type", "Only client_credentials is known.")
        return _issued(services, client, form)
    except OAuthError as exc:
        body: dict[str, object] = {"error": exc.error, "error_description": exc.description}
        response = _json(exc.status, body)
        if exc.status == 401:  # noqa: PLR2004
            response.headers["WWW-Authenticate"] = 'Basic realm="clients", charset="UTF-8"'
        return response


def _issued(services: Services, client: Client, form: Mapping[str, list[str]]) -> Response:
    scopes = (_one(form, "scope") or "").split()
    try:
        issued = services.tokens.issue(client, scopes=scopes, resources=form.get("resource", []))
    except InvalidScope as exc:
        raise OAuthError(400, "invalid_scope", "More than is registered was asked.") from exc
    except InvalidTarget as exc:
        raise OAuthError(400, "invalid_target", "The resource is not registered.") from exc
    body: dict[str, object] = {
        "access_token": issued.token,
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "scope": " ".join(issued.scopes),
    }
    return _json(200, body)


def _form(request: Request) -> dict[str, list[str]]:
    """Return the parameters; none but `resource` may come twice (RFC 6749 §3.2, RFC 8707 §2)."""
    if request.mimetype != "application/x-www-form-urlencoded":
        raise OAuthError(400, "invalid_request", "The body has to be a form.")
    try:
        text = reading.raw_body(request).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=32)
    except ValueError as exc:
        raise OAuthError(400, "invalid_request", "Not a form that is accepted here.") from exc
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        if has_control(name + value):
            raise OAuthError(400, "invalid_request", "Control characters are not allowed.")
        if value:  # a parameter without a value counts as omitted (RFC 6749 §3.2)
            form.setdefault(name, []).append(value)
    if any(len(values) > 1 and name not in _REPEATABLE for name, values in form.items()):
        raise OAuthError(400, "invalid_request", "A parameter is given twice.")
    return form


def _one(form: Mapping[str, list[str]], name: str) -> str | None:
    values = form.get(name)
    return values[0] if values else None


def _client(services: Services, request: Request, form: Mapping[str, list[str]]) -> Client:
    """Return the client that one method proves; two methods at once are refused."""
    basic = request.headers.get("Authorization")
    asserted = "client_assertion" in form or "client_assertion_type" in form
    if sum((basic is not None, asserted, "client_secret" in form)) > 1:
        raise OAuthError(400, "invalid_request", "Two ways of client authentication at once.")
    client = None
    if basic is not None:
        client = services.clients.by_secret(*_basic(basic))
    elif asserted and _one(form, "client_assertion_type") == ASSERTION_TYPE:
        client = services.clients.by_assertion(_one(form, "client_assertion") or "")
    named = _one(form, "client_id")
    if client is None or named not in {None, client.id}:
        raise OAuthError(401, "invalid_client", "Client authentication failed.")
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
        raise OAuthError(401, "invalid_client", "Client authentication failed.")
    return pair


def _json(status: int, body: dict[str, object]) -> Response:
    response = Response(json.dumps(body), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response
