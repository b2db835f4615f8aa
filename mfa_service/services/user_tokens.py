"""Tokens about a person who proved presence: the id token, and an access token beside it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from mfa_service import jose
from mfa_service.adapters.signing_keys import ES256
from mfa_service.domain.assurance import Assurance
from mfa_service.domain.challenge import Challenge
from mfa_service.domain.oauth import AuthorizationRequest, OAuthError
from mfa_service.domain.subject import Client

from .challenges import ChallengeService
from .foundation import Foundation

LIFETIME = 300
ACCESS_TYP, ID_TYP = "at+jwt", "JWT"
_HALF = 16


@dataclass(frozen=True, slots=True)
class UserTokens:
    """What the token endpoint gives for a satisfied authorization."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proven:
    """A satisfied challenge of an authorization, and for whom it was opened."""

    client: Client
    request: AuthorizationRequest
    challenge: Challenge

    @property
    def sub(self) -> str:
        """The person, by the name that the client knows."""
        return self.request.returned_sub or self.request.sub


class UserTokenService:
    """Says to a client what a step-up was worth, in the client's words."""

    def __init__(self, foundation: Foundation, challenges: ChallengeService) -> None:
        self._f = foundation
        self._challenges = challenges

    def issue(
        self, proven: Proven, authorization_id: str, resources: Sequence[str], **claims: object
    ) -> UserTokens:
        """Return an id token and an access token for `resources`, both good for 300 s.

        Raises `OAuthError` `invalid_target` for a resource that is not registered. Without one the
        access token is good at the UserInfo endpoint only. `claims` go into the id token too.
        """
        wanted = tuple(resources) or proven.request.resources
        if not set(wanted) <= set(proven.client.resources):
            raise OAuthError("invalid_target", "The resource is not registered.")
        access = self._access_token(proven, authorization_id, wanted)
        half = hashlib.sha256(access.encode("ascii")).digest()[:_HALF]
        id_token = self.id_token(proven, at_hash=jose.b64url(half), **claims)
        return UserTokens(id_token, access, proven.request.scopes)

    def id_token(self, proven: Proven, **more: object) -> str:
        """Return the id token (OpenID Connect Core §2), signed as the client registered."""
        at, told = self._f.clock.now(), self.told(proven)
        claims: dict[str, object] = {
            "iss": self._f.issuer,
            "sub": proven.sub,
            "aud": proven.client.id,
            "iat": at,
            "exp": at + LIFETIME,
            "auth_time": proven.challenge.auth_time,
            "acr": told.acr,
            "amr": list(told.amr),
            "txn": proven.challenge.id,
            **more,
        }
        if proven.client.dialect.username:
            claims["preferred_username"] = proven.sub
        if proven.request.nonce is not None:
            claims["nonce"] = proven.request.nonce
        signer = self._f.keys.signer_for(proven.client.metadata.id_token_signed_response_alg)
        return signer.sign(claims, typ=ID_TYP)

    def told(self, proven: Proven) -> Assurance:
        """Return what was proven in the client's dialect; recomputed from the evidence."""
        assurance = self._challenges.assurance(proven.challenge)
        return proven.client.dialect.told(assurance, self._f.levels)

    def _access_token(self, proven: Proven, authorization_id: str, resources: Sequence[str]) -> str:
        """Return an access token (RFC 9068) with what a gateway may ask for (RFC 9470 §6.1)."""
        at, told = self._f.clock.now(), self.told(proven)
        audience = list(dict.fromkeys(resources)) or [userinfo_audience(self._f.issuer)]
        claims = {
            "iss": self._f.issuer,
            "sub": proven.sub,
            "client_id": proven.client.id,
            "aud": audience[0] if len(audience) == 1 else audience,
            "scope": " ".join(proven.request.scopes),
            "iat": at,
            "exp": at + LIFETIME,
            "jti": authorization_id,
            "auth_time": proven.challenge.auth_time,
            "acr": told.acr,
            "amr": list(told.amr),
        }
        return self._f.keys.signer_for(ES256).sign(claims, typ=ACCESS_TYP)


def userinfo_audience(issuer: str) -> str:
    """Return the audience of an access token that is meant for no other API."""
    return f"{issuer}/oauth2/userinfo"
