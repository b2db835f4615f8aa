"""CIBA: a client asks a person who has no browser with it (OpenID Connect CIBA Core 1.0)."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mfa_service import jose
from mfa_service.domain.challenge import PUSH, Challenge
from mfa_service.domain.client_metadata import REQUEST_ALGORITHMS
from mfa_service.domain.errors import AcrUnattainable
from mfa_service.domain.ids import new_authorization_id
from mfa_service.domain.oauth import (
    AuthorizationRequest,
    Kind,
    OAuthError,
    Prior,
    invalid_request,
)
from mfa_service.domain.subject import Client
from mfa_service.domain.text import has_control, misleads
from mfa_service.persistence import authorizations, queries

from . import request_parameters as parameters
from .authorizations import NEEDED_SCOPE, AuthorizationService
from .client_authentication import key_for, members_of
from .foundation import Foundation
from .hints import HintService
from .request_objects import CIBA_TYPES, RequestObjects
from .request_parameters import LONGEST_SUB, Parameters
from .user_codes import UserCodeService

INTERVAL = 5
HANDLE_PURPOSE = "auth_req_id"
SHORTEST, LONGEST, USUAL = 30, 600, 300
REDEEMABLE_AFTER_END = 60
"""Seconds after `expires_in` in which an approval of the last moment may still be fetched."""
_PROVES_CLIENT = {"client_id", "client_assertion", "client_assertion_type"}
_SIGNED_CLAIMS = ("iss", "aud", "exp", "iat", "nbf", "jti")
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]{22,1024}=*\Z")
_LONGEST_MESSAGE = 64
_LINK = re.compile(r"://|www\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A request that was taken (CIBA Core §7.3); `display_code` is for the consumption device."""

    auth_req_id: str = field(repr=False)
    expires_in: int
    interval: int
    display_code: str = field(repr=False)


class CibaService:
    """The backchannel authentication endpoint."""

    def __init__(
        self, foundation: Foundation, hints: HintService, authorizations_: AuthorizationService
    ) -> None:
        self._f = foundation
        self._hints = hints
        self._authorizations = authorizations_
        self._objects = RequestObjects(foundation)
        self._codes = UserCodeService(foundation)

    def ask(self, client: Client, params: Parameters) -> Acknowledged:
        """Ask the person whom an authenticated client names.

        Raises `OAuthError` (CIBA Core §13).
        """
        if NEEDED_SCOPE not in client.scopes:
            raise OAuthError("unauthorized_client", f"The client lacks {NEEDED_SCOPE}.")
        read = self._unpacked(client, params)
        request = self._read(client, read)
        self._codes.check(client, request.sub, read.get("user_code"))
        at, key = self._f.clock.now(), new_authorization_id(self._f.randomness)
        self._authorizations.keep(
            client,
            request,
            key,
            expires_at=at + request.expires_in,
            poll_interval=INTERVAL,
            ping_at=at if client.metadata.pings else None,
        )
        challenge = self._open(client, request)
        handle = auth_req_id(challenge, key)
        hashed = self._f.keyed_hash.of(handle, purpose=HANDLE_PURPOSE)
        until = challenge.expires_at + REDEEMABLE_AFTER_END
        with self._f.work.transaction() as tx:
            authorizations.tie(tx, key, challenge.id)
            authorizations.give_handle(tx, key, hashed, until=until)
        code = challenge.asked.display_code
        return Acknowledged(handle, request.expires_in, INTERVAL, code)

    def _unpacked(self, client: Client, params: Parameters) -> Parameters:
        """Return the parameters of a signed request in place of all others (CIBA Core §7.1.1)."""
        alg = client.metadata.backchannel_authentication_request_signing_alg
        if "request_uri" in params:
            raise invalid_request("A request comes by value.")
        if "request" not in params:
            if alg is not None:
                raise invalid_request("This client signs its requests.")
            return params
        if set(params) - _PROVES_CLIENT - {"request"}:
            raise invalid_request("Beside a signed request nothing else may be asked.")
        try:
            return self._objects.read(
                client, params["request"], types=CIBA_TYPES, alg=alg, needs=_SIGNED_CLAIMS
            )
        except OAuthError as exc:
            raise invalid_request(exc.description) from exc

    def _read(self, client: Client, params: Parameters) -> AuthorizationRequest:
        wanted = parameters.wanted_of(params)
        sub, prior = self._person(client, params)
        asked = set(parameters.words(params, "resource"))
        if not asked <= set(client.resources):
            raise OAuthError("invalid_target", "The resource is not registered.")
        return AuthorizationRequest(
            kind=Kind.CIBA,
            sub=sub,
            acr_values=wanted.acr_values,
            essential=wanted.essential,
            max_age=parameters.seconds(params, "max_age"),
            prior=prior,
            binding_message=_binding_message(params),
            scopes=parameters.scopes_of(client, params),
            resources=parameters.words(params, "resource"),
            expires_in=_lifetime(params),
            notification_token=_notification_token(client, params),
        )

    def _person(self, client: Client, params: Parameters) -> tuple[str, Prior]:
        names = ("login_hint", "id_token_hint", "login_hint_token")
        given = [name for name in names if name in params]
        if len(given) != 1:
            raise invalid_request(f"Exactly one of {', '.join(names)} is needed.")
        said = parameters.prior_of(params, at=self._f.clock.now())
        (name,) = given
        if name == "id_token_hint":
            hint = self._hints.read(client.realm, params[name])
            return hint.sub, said if "prior" in params else hint.prior
        sub = params[name] if name == "login_hint" else self._token_sub(client, params[name])
        if len(sub) > LONGEST_SUB:
            raise unknown_user()
        return sub, said

    def _token_sub(self, client: Client, token: str) -> str:
        """Return the `sub` of a token that the client's own key signed for us."""
        try:
            jws = jose.parse(token, typ=("JWT", None), members=members_of(token))
            key = key_for(client.jwks or {}, jws)
            jose.verify_jwk(jws, key, algorithms=frozenset(REQUEST_ALGORITHMS))
            if jws.claims.get("iss") != client.id or not _is_for(jws.claims, self._f.issuer):
                raise jose.JoseError("aud")
            sub, exp = jws.text("sub"), jose.integer(jws.claims, "exp")
        except jose.JoseError as exc:
            raise invalid_request("The login_hint_token does not hold.") from exc
        if exp + jose.SKEW <= self._f.clock.now():
            raise OAuthError("expired_login_hint_token", "The login_hint_token is over.")
        return sub

    def _open(self, client: Client, request: AuthorizationRequest) -> Challenge:
        asked = self._authorizations.challenge_request(client, request)
        asked = replace(asked, methods=(PUSH,))  # nobody has a page open: only phones can answer
        try:
            return self._authorizations.open_challenge(
                client, asked, voluntary=not request.essential
            )
        except AcrUnattainable as exc:
            if not self._has_phone(client, request.sub):
                raise unknown_user() from exc
            raise OAuthError(
                "access_denied", "No phone of this person reaches the level.", status=403
            ) from exc

    def _has_phone(self, client: Client, sub: str) -> bool:
        with self._f.work.reading() as tx:
            subject = queries.subject_by_sub(tx, client.realm, sub)
        phone = self._f.factors[PUSH].type
        return subject is not None and bool(subject.usable(phone))


def auth_req_id(challenge: Challenge, authorization_id: str) -> str:
    """Return the `auth_req_id`, 256 bits; derived, so a ping can say it and no row holds it."""
    derived = jose.derived(challenge.asked.seed, f"auth_req_id|{authorization_id}")
    return jose.b64url(derived)


def unknown_user() -> OAuthError:
    """Return the answer for a person whom we do not know, or who has nothing to answer with."""
    return OAuthError("unknown_user_id", "This person cannot be asked here.")


def _is_for(claims: Mapping[str, object], issuer: str) -> bool:
    return claims.get("aud") in (issuer, [issuer])


def _binding_message(params: Parameters) -> str | None:
    """Return what both devices show; raise `OAuthError` for what could mislead (§7.1, §14)."""
    given = params.get("binding_message")
    if given is None:
        return None
    message = unicodedata.normalize("NFC", given)
    wrong = has_control(message) or misleads(message) or _LINK.search(message)
    if wrong or len(message) > _LONGEST_MESSAGE:
        raise OAuthError(
            "invalid_binding_message", "At most 64 characters of plain text, without a link."
        )
    return message


def _lifetime(params: Parameters) -> int:
    """Return for how long the person is asked: what is requested, within our bounds."""
    asked = parameters.seconds(params, "requested_expiry")
    if asked == 0:
        raise invalid_request("requested_expiry is a positive number of seconds.")
    return USUAL if asked is None else min(max(asked, SHORTEST), LONGEST)


def _notification_token(client: Client, params: Parameters) -> str | None:
    """Return the client's own bearer token for our ping (§7.1); needed exactly in ping mode."""
    if not client.metadata.pings:
        return None
    token = params.get("client_notification_token", "")
    if not _BEARER.match(token):
        raise invalid_request("client_notification_token has 22 to 1024 characters (RFC 6750).")
    return token
