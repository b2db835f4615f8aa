"""The API document, made from the table of operations; `python -m …openapi` prints or checks it."""

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from mfa_service import __version__
from mfa_service.domain.errors import every_problem

from .documents import ProblemDocument
from .openapi_static import STATIC_PATHS
from .operations import Media, Operation, Proof
from .problems import MEDIA_TYPE
from .routes import OPERATIONS

_ALWAYS = ("invalid-request", "internal", "unavailable")
_ID = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
_DESCRIPTION = """\
Step-up authentication. An authorization server opens a challenge, a person answers it, and what
was proven comes back as `acr`, `amr` and `auth_time`. Times are whole seconds since the epoch,
UTC; unknown members of requests are refused.
"""


def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    marshmallow = MarshmallowPlugin(schema_name_resolver=_name_of)
    spec = APISpec(
        title="Step-up authentication service",
        version=__version__,
        openapi_version="3.1.0",
        plugins=[marshmallow],
        info={
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        servers=[{"url": "/"}],
    )
    spec.components.security_scheme("client", _client_scheme())
    spec.components.security_scheme("user", _user_scheme())
    spec.components.security_scheme("device", _device_scheme())
    spec.components.security_scheme("apiToken", _api_scheme())
    spec.components.security_scheme("clientSecret", {"type": "http", "scheme": "basic"})
    spec.components.schema("Problem", schema=ProblemDocument())
    for operation in OPERATIONS:
        spec.path(
            path=_path(operation), operations={operation.method.lower(): _describe(operation)}
        )
    for path, described_path in STATIC_PATHS.items():
        spec.path(path=path, operations=described_path)
    described: dict[str, Any] = spec.to_dict()
    _close(described)
    plain: dict[str, Any] = json.loads(json.dumps(described))
    return plain


def text() -> str:
    """Return the document as YAML."""
    return yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=100)


def _name_of(schema: type[Schema] | Schema) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Document").removesuffix("Schema")


def _close(described: dict[str, Any]) -> None:
    """Close the shapes of requests, which refuse unknown members; answers may grow."""
    for name, schema in described["components"]["schemas"].items():
        if name not in _ANSWERS and schema.get("type") == "object":
            schema["additionalProperties"] = False


_ANSWERS = {
    _name_of(reply) for o in OPERATIONS for reply in o.replies.values() if reply is not None
} | {"Problem", "Offer", "Push", "Provider", "Authenticator", "User"}


def _path(operation: Operation) -> str:
    return operation.path.replace("<id:", "{").replace(">", "}")


def _describe(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.path.split("/")[2]],
        "responses": _responses(operation),
        "parameters": _parameters(operation),
        "security": _security(operation),
    }
    if operation.body is not None:
        content: dict[str, Any] = {"schema": operation.body}
        required = not operation.body_optional
        described["requestBody"] = {"required": required, "content": {operation.media: content}}
    elif operation.media is Media.JOSE:
        content = {"schema": {"type": "string", "description": "A compact JWS."}}
        described["requestBody"] = {"required": True, "content": {operation.media: content}}
    return described


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.proof is Proof.NONE:
        return []
    if operation.proof is Proof.DEVICE:
        return [{"device": []}]
    if operation.proof is Proof.USER:
        return [{"user": list(operation.scopes)}]
    return [{"client": [scope]} for scope in operation.scopes]


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    names = [part[4:-1] for part in operation.path.split("/") if part.startswith("<id:")]
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _ID} for name in names
    ]
    for name, field in operation.query.fields.items() if operation.query else ():
        found.append(
            {"name": name, "in": "query", "required": field.required, "schema": _query(field)}
        )
    if operation.idempotent:
        schema = {"type": "string", "pattern": r'^"?[\x21\x23-\x7e]{1,255}"?$'}
        found.append({"name": "Idempotency-Key", "in": "header", "schema": schema})
    return found


def _query(field: fields.Field[Any]) -> dict[str, Any]:
    if isinstance(field, fields.Integer):
        return {"type": "integer", "minimum": 0, "maximum": 30}
    length = next(v for v in field.validators)
    return {
        "type": "string",
        "minLength": getattr(length, "min", 0),
        "maxLength": getattr(length, "max", 1),
    }


def _responses(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, schema in operation.replies.items():
        content: dict[str, Any] = {}
        if schema is not None:
            content = {"content": {Media.JSON: {"schema": schema}}}
        located = operation.idempotent and status == 201  # noqa: PLR2004
        headers = {"headers": {"Location": {"schema": {"type": "string"}}}} if located else {}
        found[str(status)] = {"description": operation.summary, **content, **headers}
    slugs: dict[int, list[str]] = {}
    statuses = {kind.slug: kind.status for kind in every_problem()}
    for slug in (*_ALWAYS, *_by_proof(operation), *_by_body(operation), *operation.problems):
        slugs.setdefault(statuses[slug], []).append(slug)
    for status, names in sorted(slugs.items()):
        body = {MEDIA_TYPE: {"schema": "Problem"}}
        found[str(status)] = {"description": ", ".join(dict.fromkeys(names)), "content": body}
    return found


def _by_proof(operation: Operation) -> tuple[str, ...]:
    if operation.proof is Proof.NONE:
        return ()
    return ("unauthenticated", "forbidden") if operation.scopes else ("unauthenticated",)


def _by_body(operation: Operation) -> tuple[str, ...]:
    if not operation.has_body:
        return ("payload-too-large",)
    return ("malformed-json", "payload-too-large", "unsupported-media-type")


def _client_scheme() -> dict[str, Any]:
    scopes = {
        "mfa:challenge": "open, read and answer its own challenges",
        "mfa:enroll": "users and authenticators",
        "mfa:admin": "the same without step-up, with a reason",
    }
    flow = {"clientCredentials": {"tokenUrl": "/oauth2/token", "scopes": scopes}}
    return {"type": "oauth2", "flows": flow}


def _user_scheme() -> dict[str, Any]:
    text = (
        "An access token of MFA_LOGIN_ISSUER for a person: `at+jwt`, `aud` = this issuer, "
        "scope `mfa:self`."
    )
    return {"type": "http", "scheme": "bearer", "bearerFormat": "at+jwt", "description": text}


def _api_scheme() -> dict[str, Any]:
    text = "The access token that a client sent to an API: for the API, of an issuer of its route."
    return {"type": "http", "scheme": "bearer", "description": text}


def _device_scheme() -> dict[str, Any]:
    text = "`Authorization: Device <JWS>`, a request signed by the device key."
    return {"type": "http", "scheme": "device", "description": text}


def main(arguments: list[str]) -> int:
    """Print the document, or with `--check FILE` tell whether the file is up to date."""
    if arguments[:1] == ["--check"]:
        current = Path(arguments[1]).read_text("utf-8") == text()
        sys.stderr.write("" if current else "openapi.yaml is out of date: run `make openapi`\n")
        return 0 if current else 1
    sys.stdout.write(text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
