"""The order of checks, the same for every operation, as plain code."""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import Request, Response
from werkzeug.datastructures import Headers

from mfa_service.domain.errors import InsufficientScope, MfaError, Unauthenticated
from mfa_service.services import parking
from mfa_service.services.devices import Device
from mfa_service.services.idempotency import Key, Run, Stored, Use
from mfa_service.services.tokens import Caller
from mfa_service.wiring import Services

from . import problems, reading
from .operations import Call, Operation, Proof, Reply

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

JSON = "application/json"
_ENCODER = json.JSONEncoder(ensure_ascii=False)


class _Finished(Response):
    """An answer whose headers are complete: Werkzeug would copy them and look for faults."""

    def get_wsgi_headers(self, environ: object) -> Headers:
        return self.headers

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        start_response(self.status, list(self.headers))
        return self.iter_encoded()


@dataclass(frozen=True, slots=True)
class _Incoming:
    """One request on its way through the checks."""

    operation: Operation
    services: Services
    request: Request
    path: dict[str, str]
    body: reading.Body = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Proven:
    """Who asks; of a request that was put aside, as it was judged when it arrived."""

    caller: Caller | None
    device: Device | None


def handle(
    operation: Operation, services: Services, request: Request, path: dict[str, str]
) -> Response:
    """Prove the caller, then read, then act; a known idempotency key gets its first answer."""
    visit = parking.visit()
    if visit is not None and isinstance(visit.proven, _Proven):
        unread = reading.Body(b"")  # a GET's says nothing, and was read when the request arrived
        return render(_act(_Incoming(operation, services, request, path, unread), visit.proven))
    body = reading.Body(reading.raw_body(request))
    incoming = _Incoming(operation, services, request, path, body)
    caller = _caller(incoming)
    key = reading.idempotency_key(request) if operation.idempotent else None
    if key is None or caller is None:
        return render(_act(incoming, _prove(incoming, caller)))
    used = Use(caller.client.id, caller.sub, request.method, reading.raw_path(request))
    known = Key.of(used, key, incoming.body.raw)
    started = services.idempotency.begin(known)
    return (
        _replayed(started) if isinstance(started, Stored) else _run_once(started, incoming, caller)
    )


def render(reply: Reply) -> Response:
    """Return the answer; nothing that the API says may be stored by caches on the way."""
    headers = {"Cache-Control": "no-store", **reply.headers}
    if reply.body is None:
        return Response(None, reply.status, headers, content_type=None)
    body = _ENCODER.encode(reply.body).encode()
    headers |= {"Content-Type": JSON, "Content-Length": str(len(body))}
    return _Finished([body], reply.status, headers)


def _caller(incoming: _Incoming) -> Caller | None:
    operation, services = incoming.operation, incoming.services
    if operation.proof not in {Proof.CLIENT, Proof.USER}:
        return None
    token = reading.bearer_token(incoming.request)
    if token is None:
        raise Unauthenticated
    if operation.proof is Proof.USER:
        caller = services.people.caller(token)
    else:
        about = (
            functools.partial(reading.sub_in, incoming.body) if operation.about_subject else None
        )
        caller = services.tokens.caller(token, about=about)
    if operation.scopes and not caller.scopes & set(operation.scopes):
        raise InsufficientScope(*operation.scopes)
    return caller


def _device(incoming: _Incoming) -> Device | None:
    if incoming.operation.proof is not Proof.DEVICE:
        return None
    signed = reading.signed_request(incoming.request, incoming.body.raw)
    if signed is None:
        raise Unauthenticated(challenge="Device")
    only_active = incoming.operation.only_active
    named = incoming.path.get("challenge_id")
    return incoming.services.devices.authenticate(
        signed, only_active=only_active, challenge_id=named
    )


def _prove(incoming: _Incoming, caller: Caller | None) -> _Proven:
    proven = _Proven(caller, _device(incoming))
    visit = parking.visit()
    if visit is not None:
        visit.proven = proven
    return proven


def _act(incoming: _Incoming, proven: _Proven) -> Reply:
    operation, request = incoming.operation, incoming.request
    query = reading.load_query(operation, request)
    reading.check_media(request, operation, incoming.body.raw)
    body = reading.load_body(operation, incoming.body)
    call = Call(incoming.path, query, body, proven.caller, proven.device)
    return operation.view(incoming.services, call)


def _run_once(run: Run, incoming: _Incoming, caller: Caller) -> Response:
    services = incoming.services
    try:
        response = render(_act(incoming, _prove(incoming, caller)))
    except MfaError as exc:
        response = problems.render(exc, services.issuer)
    except BaseException:  # whatever ended it, the key is free for another try
        services.idempotency.forget(run)
        raise
    text = response.get_data(as_text=True)
    stored = Stored(response.status_code, text, response.headers.get("Location"))
    secret = incoming.operation.secret and response.status_code < 300  # noqa: PLR2004
    services.idempotency.finish(run, stored, secret=secret)
    return response


def _replayed(stored: Stored) -> Response:
    media = JSON if stored.status < 300 else problems.MEDIA_TYPE  # noqa: PLR2004
    response = Response(stored.body, stored.status, content_type=media)
    response.headers["Cache-Control"] = "no-store"
    if stored.location is not None:
        response.headers["Location"] = stored.location
    return response
