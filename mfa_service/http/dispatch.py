"""The order of checks, the same for every operation, as plain code."""

import json

from flask import Request, Response

from mfa_service.domain.errors import InsufficientScope, MfaError, Unauthenticated
from mfa_service.services.idempotency import Key, Run, Stored
from mfa_service.services.tokens import Caller
from mfa_service.wiring import Services

from . import problems, reading
from .operations import Call, Operation, Proof, Reply

JSON = "application/json"


def handle(
    operation: Operation, services: Services, request: Request, path: dict[str, str]
) -> Response:
    """Prove the caller, then read, then act; a known idempotency key gets its first answer."""
    raw = request.get_data(cache=False)
    caller = _caller(operation, services, request)
    key = reading.idempotency_key(request) if operation.idempotent else None
    if key is None or caller is None:
        return render(_act(operation, services, request, path, raw, caller))
    known = Key.of(caller.client.id, request.method, reading.raw_path(request), key, raw)
    started = services.idempotency.begin(known)
    if isinstance(started, Stored):
        return _replayed(started)
    return _run_once(started, operation, services, request, path, raw, caller)


def render(reply: Reply) -> Response:
    """Return the answer; nothing that the API says may be stored by caches on the way."""
    body = None if reply.body is None else json.dumps(reply.body, ensure_ascii=False)
    response = Response(body, reply.status, content_type=JSON if body is not None else None)
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(reply.headers)
    return response


def _caller(operation: Operation, services: Services, request: Request) -> Caller | None:
    if operation.proof is not Proof.CLIENT:
        return None
    token = reading.bearer_token(request)
    if token is None:
        raise Unauthenticated
    caller = services.tokens.caller(token)
    if operation.scopes and not caller.scopes & set(operation.scopes):
        raise InsufficientScope(*operation.scopes)
    return caller


def _act(
    operation: Operation,
    services: Services,
    request: Request,
    path: dict[str, str],
    raw: bytes,
    caller: Caller | None,
) -> Reply:
    device = None
    if operation.proof is Proof.DEVICE:
        signed = reading.signed_request(request, raw)
        if signed is None:
            raise Unauthenticated(challenge="Device")
        device = services.devices.authenticate(signed, only_active=operation.only_active)
    query = reading.load_query(operation, request)
    reading.check_media(request, operation, raw)
    body = reading.load_body(operation, raw)
    return operation.view(services, Call(path, query, body, raw, caller, device))


def _run_once(
    run: Run,
    operation: Operation,
    services: Services,
    request: Request,
    path: dict[str, str],
    raw: bytes,
    caller: Caller,
) -> Response:
    try:
        response = render(_act(operation, services, request, path, raw, caller))
    except MfaError as exc:
        response = problems.render(exc, services.issuer)
    except BaseException:
        services.idempotency.forget(run)
        raise
    text = response.get_data(as_text=True)
    stored = Stored(response.status_code, text, response.headers.get("Location"))
    secret = operation.secret and response.status_code < 300  # noqa: PLR2004
    services.idempotency.finish(run, stored, secret=secret)
    return response


def _replayed(stored: Stored) -> Response:
    media = JSON if stored.status < 300 else problems.MEDIA_TYPE  # noqa: PLR2004
    response = Response(stored.body, stored.status, content_type=media)
    response.headers["Cache-Control"] = "no-store"
    if stored.location is not None:
        response.headers["Location"] = stored.location
    return response
