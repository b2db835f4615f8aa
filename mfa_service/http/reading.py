"""Reads what came: strict JSON, strict queries, one header of a kind."""

import functools
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from flask import Request
from marshmallow import Schema, ValidationError, missing

from mfa_service.domain import strict_json
from mfa_service.domain.errors import (
    InvalidRequest,
    MalformedJson,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from mfa_service.domain.text import has_control
from mfa_service.services.devices import SignedRequest

from .operations import Media, Operation

MAX_BODY_BYTES = 65_536
_LENGTH_DIGITS = 18
_REMEMBERED_SCHEMAS = 512
_KEY = re.compile(r'(?:"([\x21\x23-\x7e]{1,255})"|([\x21-\x7e]{1,255}))\Z')
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}\Z")


class Body:
    """The body of a request. Its JSON is parsed once, when it is first asked for."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    @functools.cached_property
    def json(self) -> object:
        """The value, not judged yet; raises `MalformedJson`."""
        try:
            return strict_json.loads(self.raw)
        except strict_json.NotStrictJson as exc:
            raise MalformedJson("The body is not a JSON text that is accepted here.") from exc


def raw_body(request: Request) -> bytes:
    """Return the whole body; raise `PayloadTooLarge` beyond 64 KiB, `MalformedJson` for half a one.

    Without a length there is one only in a transfer coding, which the server undoes, and tells so.
    """
    environ = request.environ
    declared = environ.get("CONTENT_LENGTH")
    if not declared and not environ.get("wsgi.input_terminated"):
        return b""
    size = _length(declared) if declared else MAX_BODY_BYTES + 1
    try:
        raw: bytes = environ["wsgi.input"].read(min(size, MAX_BODY_BYTES + 1))
    except OSError as exc:  # the server's words for broken chunks and a peer that went away
        raise MalformedJson("The body could not be read.") from exc
    if len(raw) > MAX_BODY_BYTES:
        raise PayloadTooLarge("The body is over 64 KiB.")
    if declared and len(raw) < size:
        raise MalformedJson("The body is shorter than was declared.")
    return raw


def _length(declared: str) -> int:
    if not declared.isdecimal() or len(declared) > _LENGTH_DIGITS:
        raise MalformedJson("The length of the body is none.")
    if (size := int(declared)) > MAX_BODY_BYTES:
        raise PayloadTooLarge("The body is over 64 KiB.")
    return size


def raw_path(request: Request) -> str:
    """Return the path as it was sent, without the query; nothing is decoded or folded."""
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.path
    path = str(raw).split("?", 1)[0]
    if "://" in path:  # absolute form (RFC 9112 §3.2.2)
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    return path


def request_id_of(request: Request) -> str | None:
    """Return the caller's request id if it has the permitted form."""
    given = request.environ.get("HTTP_X_REQUEST_ID", "")
    return given if _REQUEST_ID.match(given) else None


def bearer_token(request: Request) -> str | None:
    """Return the token of `Authorization: Bearer`."""
    return _credentials(request, "bearer")


def signed_request(request: Request, raw: bytes) -> SignedRequest | None:
    """Return what `Authorization: Device` has to cover."""
    token = _credentials(request, "device")
    return SignedRequest(token, request.method, raw_path(request), raw) if token else None


def idempotency_key(request: Request) -> str | None:
    """Return the key, quoted or bare; raise `InvalidRequest` for what is none."""
    given = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if given is None:
        return None
    match = _KEY.match(given.strip())
    if match is None or (match[2] and match[2].startswith('"')):
        raise InvalidRequest({"Idempotency-Key": ["1 to 255 visible ASCII characters."]})
    return str(match[1] or match[2])


def check_media(request: Request, operation: Operation, raw: bytes) -> None:
    """Raise `UnsupportedMediaType` or `MalformedJson` before the body is looked into."""
    if not operation.has_body:
        return
    if not raw:
        if not operation.body_optional:
            raise MalformedJson("A body is needed.")
        return
    if request.environ.get("CONTENT_TYPE") == operation.media:
        return
    if request.mimetype != operation.media:
        raise UnsupportedMediaType(f"The body has to be {operation.media}.")


def load_body(operation: Operation, body: Body) -> Any:  # noqa: ANN401
    """Return the validated body; raise `MalformedJson` or `InvalidRequest`."""
    if operation.media is Media.JOSE:
        return _compact_text(body.raw)
    if operation.body is None:
        return None
    if not body.raw:
        return operation.body.load({})
    value = body.json
    found = strict_json.faults_in(body.raw, value, newline_under="transaction")
    faults = {path: [text] for path, text in found}
    if faults:
        raise InvalidRequest(faults)
    if not isinstance(value, dict):
        raise InvalidRequest({"body": ["Not an object."]})
    return _load(operation.body, value)


def sub_in(body: Body) -> str | None:
    """Return the `sub` that a body seems to name, to read its subject along; judged is it later."""
    try:
        value = body.json
    except MalformedJson:
        return None
    sub = value.get("sub") if isinstance(value, dict) else None
    return sub if isinstance(sub, str) and not has_control(sub) else None


def load_query(operation: Operation, request: Request) -> dict[str, Any]:
    """Return the validated query; unknown names are ignored, a name given twice is refused."""
    if not request.query_string:
        return dict(_without_query(operation.query))
    try:
        text = request.query_string.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=64)
    except ValueError as exc:
        raise InvalidRequest({"query": ["Not a query that is accepted here."]}) from exc
    values = dict(pairs)
    faults = {path: [text] for path, text in strict_json.faults(values)}
    if len(values) != len(pairs):
        faults["query"] = ["A parameter is given twice."]
    if faults:
        raise InvalidRequest(faults)
    if operation.query is None:
        return {}
    known = {name: value for name, value in values.items() if name in operation.query.fields}
    loaded: dict[str, Any] = _load(operation.query, known)
    return loaded


@functools.cache
def _without_query(schema: Schema | None) -> Mapping[str, Any]:
    """Return what is meant by no query; a schema that needs one raises each time."""
    return {} if schema is None else _load(schema, {})


def _load(schema: Schema, value: dict[str, Any]) -> Any:  # noqa: ANN401
    there = frozenset(name for name in schema.fields if name in value)
    try:
        return _narrowed(schema, there).load(value)
    except ValidationError as exc:
        raise InvalidRequest(dict(_flat(exc.messages_dict))) from exc


@functools.lru_cache(_REMEMBERED_SCHEMAS)
def _narrowed(schema: Schema, there: frozenset[str]) -> Schema:
    """Return a schema without the members that are absent and may be: marshmallow looks at each."""
    names = {
        name
        for name, field in schema.fields.items()
        if name in there or field.required or field.load_default is not missing
    }
    return schema if len(names) == len(schema.fields) else type(schema)(only=names)


def _flat(messages: Any, path: str = "") -> list[tuple[str, list[str]]]:  # noqa: ANN401
    if isinstance(messages, dict):
        found = []
        for key, inner in messages.items():
            below = path if key == "_schema" else f"{path}.{key}".lstrip(".")
            found += _flat(inner, below)
        return found
    return [(path or "body", [str(text) for text in messages])]


def _compact_text(raw: bytes) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        return ""  # no JWS: rejected as a faulty proof, not as a faulty JSON


def _credentials(request: Request, scheme: str) -> str | None:
    given, _, rest = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    token = rest.strip()
    return token if given.lower() == scheme and token and " " not in token else None
