"""The endpoints outside the table of operations, as the API document describes them."""

from typing import Any

from .openapi_oauth import OAUTH_PATHS, PROBLEM, TEXT


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


_IDENTITY = {
    name: {"description": told, "required": True, "schema": TEXT}
    for name, told in (
        ("X-Auth-Sub", "who the token is about; percent-encoded outside visible ASCII, as are all"),
        ("X-Auth-Client", "the client that it was issued to"),
        ("X-Auth-Scope", "its scopes, with spaces between"),
        ("X-Auth-Acr", "the level that was reached; empty when unknown, as are all"),
        ("X-Auth-Amr", "how the person was authenticated, with spaces between"),
    )
}
_GATEWAY = {
    "get": {
        "operationId": "checkAccess",
        "summary": "Tell a proxy whether a request may pass to the API behind it",
        "description": (
            "For nginx auth_request, Envoy ext_authz, Traefik ForwardAuth and Caddy forward_auth,"
            " by any method. Method, host and path of the request come from X-Original-Method,"
            " X-Original-Host and X-Original-URI, from X-Forwarded-Method, X-Forwarded-Host and"
            " X-Forwarded-Uri, or, below this path, from the request itself, as MFA_GATEWAY_MODE"
            " says. The client's access token is in Authorization."
        ),
        "tags": ["gateway"],
        "security": [{"apiToken": []}],
        "responses": {
            "200": {"description": "It may pass", "headers": _IDENTITY},
            "401": {
                "description": "invalid_token, or insufficient_user_authentication (RFC 9470)",
                "content": PROBLEM,
            },
            "403": {
                "description": "insufficient_scope, no route, or not to be answered",
                "content": PROBLEM,
            },
            "404": {"description": "There are no routes", "content": PROBLEM},
            "500": {"description": "internal", "content": PROBLEM},
            "503": {"description": "unavailable", "content": PROBLEM},
        },
    }
}

STATIC_PATHS: dict[str, dict[str, Any]] = {
    **OAUTH_PATHS,
    "/gateway/check": _GATEWAY,
    "/.well-known/openid-configuration": _get("discovery", "Metadata of this issuer"),
    "/.well-known/oauth-authorization-server": _get(
        "authorizationServerMetadata", "The same metadata (RFC 8414)"
    ),
    "/.well-known/jwks.json": _get("jwks", "Public signing keys"),
    "/.well-known/webauthn": _get(
        "relatedOrigins",
        "Origins that share passkeys",
        **{
            "404": {"description": "not-found", "content": PROBLEM},
            "503": {"description": "unavailable", "content": PROBLEM},
        },
    ),
    "/healthz": _get("healthz", "The process is up"),
    "/readyz": _get(
        "readyz",
        "The stores answer",
        **{"503": {"description": "unavailable", "content": PROBLEM}},
    ),
}
