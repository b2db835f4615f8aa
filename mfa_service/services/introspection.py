"""What our own tokens say, to who may know it: RFC 7662, OpenID Connect Core §5.3."""

from collections.abc import Mapping, Sequence

from mfa_service import jose
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Client

from .foundation import Foundation
from .tokens import TokenService, invalid_token, is_about_person
from .user_tokens import userinfo_audience

INACTIVE: Mapping[str, object] = {"active": False}
_TOLD = ("iss", "sub", "client_id", "aud", "scope", "iat", "exp", "jti", "auth_time", "acr", "amr")


class IntrospectionService:
    """Reads access tokens that this service issued."""

    def __init__(self, foundation: Foundation, tokens: TokenService) -> None:
        self._f = foundation
        self._tokens = tokens

    def introspect(self, caller: Client, token: str) -> Mapping[str, object]:
        """Return what a living token says, levels by RFC 9470 §6.2 among it.

        To its own client, and to one that is an API of its audience (a registered `resource`). For
        everybody else, and for whatever is no living access token of ours, just that it is not
        active (RFC 7662 §2.2, §4).
        """
        try:
            claims, client = self._tokens.read(token)
        except jose.JoseError:
            return INACTIVE
        if caller.id != client.id and not set(_audience(claims)) & set(caller.resources):
            return INACTIVE
        told = {name: claims[name] for name in _TOLD if name in claims}
        return {"active": True, "token_type": "Bearer", **told}

    def userinfo(self, token: str) -> Mapping[str, object]:
        """Return whom a token is about; raise `Unauthenticated` unless it is good for that."""
        try:
            claims, _ = self._tokens.read(token)
            if not is_about_person(claims) or _audience(claims) != [
                userinfo_audience(self._f.issuer)
            ]:
                raise jose.JoseError("aud")
        except jose.JoseError as exc:
            raise invalid_token() from exc
        return {"sub": claims["sub"]}


def _audience(claims: JsonObject) -> Sequence[str]:
    audience = claims.get("aud")
    return audience if isinstance(audience, list) else [str(audience)]
