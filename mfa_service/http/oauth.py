"""The token endpoint and its neighbours, answered as the OAuth specifications say."""

from flask import Request, Response

from mfa_service.domain.errors import Unauthenticated
from mfa_service.domain.oauth import OAuthError
from mfa_service.domain.subject import Client
from mfa_service.services.ciba_grant import GRANT_TYPE
from mfa_service.services.grants import CodeExchange
from mfa_service.services.tokens import LIFETIME, InvalidScope, InvalidTarget
from mfa_service.services.user_tokens import UserTokens
from mfa_service.wiring import Services

from . import reading
from .oauth_forms import Form, answer, answered, joined, needed, one


def token(services: Services, request: Request) -> Response:
    """Answer `POST /oauth2/token`."""
    return answered(services, request, _token)


def pushed_request(services: Services, request: Request) -> Response:
    """Answer `POST /oauth2/par` (RFC 9126)."""
    return answered(services, request, _pushed)


def introspection(services: Services, request: Request) -> Response:
    """Answer `POST /oauth2/introspect` (RFC 7662)."""
    return answered(services, request, _introspected)


def userinfo(services: Services, request: Request) -> Response:
    """Answer `/oauth2/userinfo` (OpenID Connect Core §5.3); raise `Unauthenticated`."""
    token = reading.bearer_token(request)
    if token is None:
        raise Unauthenticated
    return answer(200, services.protocols.introspection.userinfo(token))


def _token(services: Services, client: Client, form: Form) -> Response:
    grants = {
        "client_credentials": _client_token,
        "authorization_code": _exchanged,
        GRANT_TYPE: _polled,
    }
    grant = grants.get(needed(form, "grant_type"))
    if grant is None:
        raise OAuthError("unsupported_grant_type", "The grant type is not known.")
    return grant(services, client, form)


def _client_token(services: Services, client: Client, form: Form) -> Response:
    scopes = (one(form, "scope") or "").split()
    try:
        issued = services.tokens.issue(client, scopes=scopes, resources=form.get("resource", []))
    except InvalidScope as exc:
        raise OAuthError("invalid_scope", "More than is registered was asked.") from exc
    except InvalidTarget as exc:
        raise OAuthError("invalid_target", "The resource is not registered.") from exc
    return answer(200, _bearer(issued.token, issued.scopes))


def _exchanged(services: Services, client: Client, form: Form) -> Response:
    given = CodeExchange(
        code=needed(form, "code"),
        redirect_uri=one(form, "redirect_uri"),
        code_verifier=needed(form, "code_verifier"),
        resources=form.get("resource", []),
    )
    return _user_tokens(services.protocols.grants.exchange(client, given))


def _polled(services: Services, client: Client, form: Form) -> Response:
    handle, resources = needed(form, "auth_req_id"), form.get("resource", [])
    return _user_tokens(services.protocols.ciba_grant.exchange(client, handle, resources))


def _user_tokens(tokens: UserTokens) -> Response:
    body = _bearer(tokens.access_token, tokens.scopes)
    return answer(200, {**body, "id_token": tokens.id_token})


def _bearer(access_token: str, scopes: tuple[str, ...]) -> dict[str, object]:
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "scope": " ".join(scopes),
    }


def _pushed(services: Services, client: Client, form: Form) -> Response:
    pushed = services.protocols.front_channel.push(client, joined(form))
    body = {"request_uri": pushed.request_uri, "expires_in": pushed.expires_in}
    return answer(201, body)


def _introspected(services: Services, client: Client, form: Form) -> Response:
    return answer(200, services.protocols.introspection.introspect(client, needed(form, "token")))
