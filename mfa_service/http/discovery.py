"""Metadata of this issuer: OpenID Connect Discovery, RFC 8414, RFC 9126, RFC 9207."""

import json

from flask import Request, Response

from mfa_service.domain.client_metadata import (
    DELIVERY_MODES,
    ID_TOKEN_ALGORITHMS,
    REQUEST_ALGORITHMS,
)
from mfa_service.services.ciba_grant import GRANT_TYPE
from mfa_service.services.client_authentication import ASSERTION_ALGORITHMS
from mfa_service.wiring import Services

PUBLIC = "public, max-age=3600"
_METHODS = ["client_secret_basic", "private_key_jwt"]
_CLAIMS = [
    *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "txn"),
    "preferred_username",
]


def discovery(services: Services, _: Request) -> Response:
    """Answer `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`."""
    response = Response(json.dumps(metadata(services)), content_type="application/json")
    response.headers["Cache-Control"] = PUBLIC
    return response


def metadata(services: Services) -> dict[str, object]:
    """Return everything that a client may want to know before it calls."""
    issuer, entra = services.issuer, services.protocols.entra.offered
    return {
        "issuer": issuer,
        **_endpoints(issuer),
        **_authentication(),
        **_requests(),
        **_backchannel(issuer),
        "grant_types_supported": ["authorization_code", "client_credentials", GRANT_TYPE],
        "response_types_supported": ["code", "id_token"] if entra else ["code"],
        "response_modes_supported": ["query", "form_post"],
        "scopes_supported": ["openid", "mfa:challenge", "mfa:enroll", "mfa:admin"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ID_TOKEN_ALGORITHMS),
        "acr_values_supported": list(services.settings.levels.acrs),
        "claim_types_supported": ["normal"],
        "claims_supported": _CLAIMS,
        "service_documentation": f"{issuer}/openapi.yaml",
        **_push(services),
    }


def _push(services: Services) -> dict[str, object]:
    """Return the key with which phones subscribe to Web Push (RFC 8292), where it is there."""
    vapid = services.settings.vapid
    return {} if vapid is None else {"vapid_public_key": vapid.public}


def _endpoints(issuer: str) -> dict[str, object]:
    return {
        "authorization_endpoint": f"{issuer}/oauth2/authorize",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth2/par",
        "token_endpoint": f"{issuer}/oauth2/token",
        "introspection_endpoint": f"{issuer}/oauth2/introspect",
        "userinfo_endpoint": f"{issuer}/oauth2/userinfo",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
    }


def _authentication() -> dict[str, object]:
    algorithms = sorted(ASSERTION_ALGORITHMS)
    return {
        "token_endpoint_auth_methods_supported": _METHODS,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": _METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
    }


def _requests() -> dict[str, object]:
    """Return how requests may come; a `request_uri` only as PAR makes it (RFC 9126 §5)."""
    return {
        "code_challenge_methods_supported": ["S256"],
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "request_object_signing_alg_values_supported": list(REQUEST_ALGORITHMS),
        "require_pushed_authorization_requests": False,
        "authorization_response_iss_parameter_supported": True,
    }


def _backchannel(issuer: str) -> dict[str, object]:
    """Return how a person without a browser is asked (CIBA Core §4)."""
    return {
        "backchannel_authentication_endpoint": f"{issuer}/oauth2/bc-authorize",
        "backchannel_token_delivery_modes_supported": list(DELIVERY_MODES),
        "backchannel_authentication_request_signing_alg_values_supported": list(REQUEST_ALGORITHMS),
        "backchannel_user_code_parameter_supported": True,
    }
