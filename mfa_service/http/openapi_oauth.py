"""The OAuth endpoints, as the API document describes them."""

from typing import Any

from mfa_service.services.ciba_grant import GRANT_TYPE

TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_TRUTH = {"type": "boolean"}
PROBLEM = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
}
_REFUSAL: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": TEXT, "error_description": TEXT},
}
_CLIENT = {"client_id": TEXT, "client_assertion_type": TEXT, "client_assertion": TEXT}


def fields(*names: str, **typed: dict[str, Any]) -> dict[str, Any]:
    """Return the members of an object: texts by name, and those of another type."""
    return dict.fromkeys(names, TEXT) | typed


def said(description: str, required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of JSON."""
    schema = {"type": "object", "required": required, "properties": properties}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def by_client(
    name: str, summary: str, form: dict[str, Any], status: str, answer: dict[str, Any]
) -> dict[str, Any]:
    """Return an endpoint that takes a form of an authenticated client (RFC 6749 §2.3)."""
    schema = {"type": "object", "properties": {**form, **_CLIENT}}
    refusal = {"application/json": {"schema": _REFUSAL}}
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "tags": ["oauth2"],
            "security": [{"clientSecret": []}, {}],
            "requestBody": {
                "required": True,
                "content": {"application/x-www-form-urlencoded": {"schema": schema}},
            },
            "responses": {
                status: answer,
                "400": {"description": "RFC 6749 section 5.2", "content": refusal},
                "401": {"description": "invalid_client", "content": refusal},
                "413": {"description": "payload-too-large", "content": PROBLEM},
                "429": {"description": "temporarily_unavailable", "content": refusal},
                "500": {"description": "internal", "content": PROBLEM},
                "503": {"description": "temporarily_unavailable", "content": refusal},
            },
        }
    }


_GRANTS = {"type": "string", "enum": ["client_credentials", "authorization_code", GRANT_TYPE]}
_TOKEN = by_client(
    "token",
    "Get tokens by client credentials, a code or an auth_req_id (RFC 6749, RFC 9068, CIBA Core)",
    fields(
        "scope",
        "resource",
        "code",
        "redirect_uri",
        "code_verifier",
        "auth_req_id",
        grant_type=_GRANTS,
    ),
    "200",
    said(
        "An access token for 300 s, and an id token where a person was asked",
        ["access_token", "token_type", "expires_in", "scope"],
        fields(
            "access_token",
            "scope",
            "id_token",
            token_type={"type": "string", "enum": ["Bearer"]},
            expires_in=_NUMBER,
        ),
    ),
)
_PAR = by_client(
    "pushAuthorizationRequest",
    "Push an authorization request (RFC 9126)",
    fields(
        "response_type",
        "redirect_uri",
        "scope",
        "login_hint",
        "id_token_hint",
        "acr_values",
        "claims",
        "max_age",
        "prompt",
        "nonce",
        "state",
        "response_mode",
        "code_challenge",
        "code_challenge_method",
        "binding_message",
        "prior",
        "resource",
        "request",
    ),
    "201",
    said(
        "Where it is kept, for 90 s and one use",
        ["request_uri", "expires_in"],
        fields("request_uri", expires_in=_NUMBER),
    ),
)
_BACKCHANNEL = by_client(
    "backchannelAuthenticate",
    "Ask a person on the phone (CIBA Core section 7)",
    fields(
        "scope",
        "login_hint",
        "id_token_hint",
        "login_hint_token",
        "acr_values",
        "claims",
        "max_age",
        "binding_message",
        "user_code",
        "requested_expiry",
        "client_notification_token",
        "prior",
        "resource",
        "request",
    ),
    "200",
    said(
        "The person is asked; `display_code` is for the device at which they act",
        ["auth_req_id", "expires_in", "interval", "display_code"],
        fields("auth_req_id", "display_code", expires_in=_NUMBER, interval=_NUMBER),
    ),
)
_BACKCHANNEL["post"]["responses"]["403"] = {
    "description": "access_denied",
    "content": {"application/json": {"schema": _REFUSAL}},
}
_INTROSPECT = by_client(
    "introspect",
    "Read an access token of this issuer (RFC 7662)",
    fields("token", "token_type_hint"),
    "200",
    said(
        "What it says, to its client and to the APIs of its audience; else just `active: false`",
        ["active"],
        fields(
            "iss",
            "sub",
            "client_id",
            "scope",
            "jti",
            "acr",
            "token_type",
            active=_TRUTH,
            iat=_NUMBER,
            exp=_NUMBER,
            auth_time=_NUMBER,
            amr={"type": "array", "items": TEXT},
            aud={"oneOf": [TEXT, {"type": "array", "items": TEXT}]},
        ),
    ),
)


def _userinfo(name: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": "Tell whom an access token is about (OpenID Connect Core section 5.3)",
        "tags": ["oauth2"],
        "security": [{"apiToken": []}],
        "responses": {
            "200": said("The subject", ["sub"], fields("sub")),
            "401": {"description": "invalid_token", "content": PROBLEM},
            "500": {"description": "internal", "content": PROBLEM},
            "503": {"description": "unavailable", "content": PROBLEM},
        },
    }


OAUTH_PATHS: dict[str, dict[str, Any]] = {
    "/oauth2/token": _TOKEN,
    "/oauth2/par": _PAR,
    "/oauth2/bc-authorize": _BACKCHANNEL,
    "/oauth2/introspect": _INTROSPECT,
    "/oauth2/userinfo": {"get": _userinfo("userinfo"), "post": _userinfo("userinfoByPost")},
}
