"""The protocol, by Authlib: codes with PKCE, rotating refresh tokens, id and access tokens."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, Response
from joserfc.jwk import KeyParameters, KeySet, RSAKey

from examples.authorization_server.accounts import Accounts
from examples.authorization_server.decision import Grant
from examples.authorization_server.issued import Client, Issuance, Issued
from examples.authorization_server.settings import Settings

ALG = "RS256"


class Subject:
    """Who is being answered about, as Authlib's hooks get it: one authentication, frozen."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant

    def get_user_id(self) -> str:
        """Return the `sub`."""
        return self.grant.sub


class AccessTokens(JWTBearerTokenGenerator):  # type: ignore[misc]
    """`at+jwt` access tokens with `acr`, `amr` and `auth_time` (RFC 9068 2.2.1, RFC 9470 6.1)."""

    def __init__(self, settings: Settings, keys: KeySet) -> None:
        super().__init__(settings.issuer, ALG, _new_refresh_token, _access_seconds)
        self._keys = keys

    def get_jwks(self) -> KeySet:
        """Return the signing key."""
        return self._keys

    def get_audiences(self, client: Client, _user: Subject, _scope: str) -> str:
        """Return the one API that this client's tokens are meant for."""
        return client.settings.audience

    def get_acr(self, user: Subject) -> str:
        """Return the level that was reached at sign-in."""
        return user.grant.acr

    def get_amr(self, user: Subject) -> list[str]:
        """Return the methods of the sign-in."""
        return list(user.grant.amr)

    def get_auth_time(self, user: Subject) -> int:
        """Return the time of the sign-in."""
        return user.grant.auth_time


class IdTokens(OpenIDCode):  # type: ignore[misc]
    """Id tokens that state how, how well and when the person authenticated, after a refresh too."""

    def __init__(self, settings: Settings, keys: KeySet) -> None:
        super().__init__(require_nonce=False)
        self._issuer = settings.issuer
        self._key = next(iter(keys))

    def exists_nonce(self, _nonce: str, _request: object) -> bool:
        """Accept any: PKCE and one-time codes already stop replays here; the client compares it."""
        return False

    def resolve_client_private_key(self, _client: Client) -> object:
        """Return the signing key."""
        return self._key

    def get_client_algorithm(self, _client: Client) -> str:
        """Return RS256, which every client understands (OpenID Connect Core 15.1)."""
        return ALG

    def get_encode_header(self, _client: Client) -> dict[str, str]:
        """Name the key, so that it can be replaced without a gap."""
        return {"alg": ALG, "kid": str(self._key.kid)}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        """Return issuer and audience."""
        return {"iss": self._issuer, "aud": client.client_id}

    def generate_user_info(self, user: Subject, scope: str) -> dict[str, Any]:
        """Return the claims about the person, last word on `acr`, `amr` and `auth_time`."""
        grant = user.grant
        claims: dict[str, Any] = {
            "sub": grant.sub,
            "acr": grant.acr,
            "amr": list(grant.amr),
            "auth_time": grant.auth_time,
        }
        if grant.tx_hash is not None:
            claims["tx_hash"] = grant.tx_hash
        if "profile" in scope.split():
            claims["name"] = grant.name
        return claims


class RequiredS256(CodeChallenge):  # type: ignore[misc]
    """PKCE that cannot be left out and cannot be weakened to `plain` (RFC 9700 2.1.1)."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:  # noqa: ANN401
        """Raise `InvalidRequestError` without a challenge by S256."""
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with S256 is required")
        super().validate_code_challenge(grant, redirect_uri)


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """Codes that work once, within a minute, for the client and redirect URI of the request."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "none")

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        """Keep all that the token request will be checked against."""
        data = request.payload.data
        issued = Issued(
            family=Issuance.new_family(),
            client_id=request.client.client_id,
            grant=request.user.grant,
            scope=request.scope,
            redirect_uri=data["redirect_uri"],
            nonce=data.get("nonce"),
            code_challenge=data["code_challenge"],
        )
        self.server.issuance.keep_code(code, issued)

    def query_authorization_code(self, code: str, client: Client) -> Issued | None:
        """Spend the code before anything else is checked, so that nobody gets a second try."""
        issued: Issued | None = self.server.issuance.spend_code(code, client)
        return issued

    def delete_authorization_code(self, authorization_code: Issued) -> None:
        """Do nothing: it was spent when it was looked up."""

    def authenticate_user(self, authorization_code: Issued) -> Subject:
        """Return who signed in, as they signed in."""
        return Subject(authorization_code.grant)


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    """Refresh tokens that rotate; a second use ends the family (RFC 9700 4.14.2)."""

    INCLUDE_NEW_REFRESH_TOKEN = True
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def authenticate_refresh_token(self, refresh_token: str) -> Issued | None:
        """Spend the token; a replay revokes what came of it."""
        issued: Issued | None = self.server.issuance.spend_refresh_token(
            refresh_token, self.request.client
        )
        return issued

    def authenticate_user(self, refresh_token: Issued) -> Subject:
        """Return the same authentication as before: time does not make it fresher."""
        return Subject(refresh_token.grant)

    def revoke_old_credential(self, refresh_token: Issued) -> None:
        """Do nothing: it was spent when it was looked up."""


class ResponseIssuer(IssuerParameter):  # type: ignore[misc]
    """The `iss` of every authorization response, against mix-up attacks (RFC 9207)."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def get_issuer(self) -> str:
        """Return our issuer identifier."""
        return self._issuer


class Provider(AuthorizationServer):  # type: ignore[misc]
    """The protocol endpoints' engine, for the few clients of this example."""

    def __init__(self, app: Flask, settings: Settings, issuance: Issuance, keys: KeySet) -> None:
        self._known = settings.clients
        self.issuance = issuance
        self.issuer = settings.issuer
        self.keys = keys
        super().__init__(app, self.client, self._keep)
        id_tokens = IdTokens(settings, keys)
        self.register_token_generator("default", AccessTokens(settings, keys))
        self.register_grant(CodeGrant, [RequiredS256(), id_tokens])
        self.register_grant(RefreshGrant, [id_tokens])
        self.register_extension(ResponseIssuer(settings.issuer))

    def client(self, client_id: str) -> Client | None:
        """Return a registered client."""
        return next((Client(known) for known in self._known if known.client_id == client_id), None)

    def name_of(self, client_id: str) -> str:
        """Return the name of a registered client, as people know it."""
        return next((known.name for known in self._known if known.client_id == client_id), "")

    @property
    def scopes(self) -> list[str]:
        """Every scope that some client may ask for."""
        return sorted({scope for known in self._known for scope in known.scopes})

    @property
    def grant_types(self) -> list[str]:
        """Every grant that some client may use."""
        return sorted({grant for known in self._known for grant in known.grants})

    def allow_passwords(self, grant: type, accounts: Accounts) -> None:
        """Take passwords at the token endpoint: see `password_grant`."""
        self.accounts = accounts
        self.register_grant(grant)

    def checked(self, parameters: Mapping[str, str]) -> None:
        """Raise `OAuth2Error` unless the authorization request is one that could be answered."""
        request = saved_request(self.issuer, parameters)
        self.get_authorization_grant(request).validate_authorization_request()

    def granted(self, parameters: Mapping[str, str], grant: Grant) -> Response:
        """Return the redirect with a new code."""
        request = saved_request(self.issuer, parameters)
        response: Response = self.create_authorization_response(
            request, Subject(grant), self.get_authorization_grant(request)
        )
        return response

    def refused(self, parameters: Mapping[str, str], error: str, text: str) -> str:
        """Return the address that tells the client of an error (RFC 6749 4.1.2.1, RFC 9207)."""
        answer = {"error": error, "error_description": text, "iss": self.issuer}
        if "state" in parameters:
            answer["state"] = parameters["state"]
        address: str = add_params_to_uri(parameters["redirect_uri"], list(answer.items()))
        return address

    def _keep(self, token: Mapping[str, Any], request: OAuth2Request) -> None:
        if "refresh_token" not in token:
            return
        earlier: Issued = request.authorization_code or request.refresh_token
        issued = Issued(earlier.family, earlier.client_id, earlier.grant, earlier.scope)
        self.issuance.keep_refresh_token(token["refresh_token"], issued)


def saved_request(issuer: str, parameters: Mapping[str, str]) -> OAuth2Request:
    """Return Authlib's view of a request that was kept while the person signed in."""
    request = OAuth2Request("GET", f"{issuer}/authorize")
    request.payload = BasicOAuth2Payload(dict(parameters))
    return request


def signing_keys(path: Path | None) -> KeySet:
    """Return the RSA key of a PEM file, or a new one that lives as long as this process."""
    parameters: KeyParameters = {"use": "sig", "alg": ALG}
    if path is None:
        return KeySet([RSAKey.generate_key(3072, parameters, auto_kid=True)])
    key = RSAKey.import_key(path.read_bytes(), parameters)
    key.ensure_kid()
    return KeySet([key])


def _access_seconds(client: Client, _grant_type: str) -> int:
    return client.settings.seconds


def _new_refresh_token(**_context: object) -> str:
    return secrets.token_urlsafe(32)
