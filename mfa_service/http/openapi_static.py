"""The endpoints outside the table of operations, as the API document describes them."""

from typing import Any


def _json(description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {"description": description, "content": content}


def _get(name: str, summary: str, **more: dict[str, Any]) -> dict[str, Any]:
    responses = {"200": _json(summary), **more}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "tags": ["metadata"],
            "security": [],
            "responses": responses,
        }
    }


_TEXT = {"type": "string"}
_TOKEN_REQUEST = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": ["client_credentials"]},
        "scope": _TEXT,
        "resource": _TEXT,
        "client_id": _TEXT,
        "client_assertion_type": _TEXT,
        "client_assertion": _TEXT,
    },
}
_TOKEN_ANSWER = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in", "scope"],
    "properties": {
        "access_token": _TEXT,
        "token_type": {"type": "string", "enum": ["Bearer"]},
        "expires_in": {"type": "integer"},
        "scope": _TEXT,
    },
}
_TOKEN_REFUSAL = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": _TEXT, "error_description": _TEXT},
}
_PROBLEM = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
}


def _oauth(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_TOKEN = {
    "post": {
        "operationId": "token",
        "summary": "Get an access token by client credentials (RFC 6749, RFC 9068)",
        "tags": ["oauth2"],
        "security": [{"clientSecret": []}, {}],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": _TOKEN_REQUEST}},
        },
        "responses": {
            "200": _oauth("A token for 300 s", _TOKEN_ANSWER),
            "400": _oauth("RFC 6749 section 5.2", _TOKEN_REFUSAL),
            "401": _oauth("invalid_client", _TOKEN_REFUSAL),
            "413": {"description": "payload-too-large", "content": _PROBLEM},
            "500": {"description": "internal", "content": _PROBLEM},
            "503": {"description": "unavailable", "content": _PROBLEM},
        },
    }
}

STATIC_PATHS: dict[str, dict[str, Any]] = {
    "/oauth2/token": _TOKEN,
    "/.well-known/openid-configuration": _get("discovery", "Metadata of this issuer"),
    "/.well-known/jwks.json": _get("jwks", "Public signing keys"),
    "/.well-known/webauthn": _get(
        "relatedOrigins",
        "Origins that share passkeys",
        **{
            "404": {"description": "not-found", "content": _PROBLEM},
            "503": {"description": "unavailable", "content": _PROBLEM},
        },
    ),
    "/healthz": _get("healthz", "The process is up"),
    "/readyz": _get(
        "readyz",
        "The stores answer",
        **{"503": {"description": "unavailable", "content": _PROBLEM}},
    ),
}
