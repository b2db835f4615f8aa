"""Signed requests: only what the client's registered key signed counts (RFC 9101, CIBA §7.1.1)."""

from collections.abc import Iterable

from mfa_service import jose
from mfa_service.domain.client_metadata import REQUEST_ALGORITHMS
from mfa_service.domain.oauth import OAuthError
from mfa_service.domain.subject import Client
from mfa_service.persistence.consume import remember_token

from .client_authentication import key_for, members_of
from .foundation import Foundation
from .request_parameters import as_parameters

AUTHORIZATION_TYPES = ("oauth-authz-req+jwt",)
CIBA_TYPES = ("oauth-authz-req+jwt", "JWT", None)
_LIFETIME = 600
_ENVELOPE = ("iss", "aud", "exp", "iat", "nbf", "jti", "sub")


class RequestObjects:
    """Reads request objects, each once."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    def read(
        self,
        client: Client,
        text: str,
        *,
        types: Iterable[str | None],
        alg: str | None,
        needs: Iterable[str] = (),
    ) -> dict[str, str]:
        """Return the signed parameters. Raises `OAuthError` `invalid_request_object`.

        `alg` is the one that the client registered, if it did; `needs` are claims that must be
        there. The object is alive, lives no longer than 600 s, has a `jti` of its own, and asks
        for nothing by reference.
        """
        try:
            jws = self._verified(client, text, tuple(types), alg)
            if not set(needs) <= set(jws.claims):
                raise jose.JoseError("claims")
            if {"request", "request_uri"} & set(jws.claims):
                raise jose.JoseError("nested")
            if jws.claims.get("client_id", client.id) != client.id:
                raise jose.JoseError("client_id")
            if not self._is_new(client, jws):
                raise jose.JoseError("jti")
        except jose.JoseError as exc:
            raise OAuthError("invalid_request_object", "The request object does not hold.") from exc
        return as_parameters(jws.claims, left_out=_ENVELOPE)

    def _verified(
        self, client: Client, text: str, types: tuple[str | None, ...], alg: str | None
    ) -> jose.Jws:
        if client.jwks is None:
            raise jose.JoseError("no keys")
        jws = jose.parse(text, typ=types, members=members_of(text))
        algorithms = frozenset(REQUEST_ALGORITHMS if alg is None else (alg,))
        jose.verify_jwk(jws, key_for(client.jwks, jws), algorithms=algorithms)
        audience = jws.claims.get("aud")
        if jws.claims.get("iss") != client.id or audience not in (
            self._f.issuer,
            [self._f.issuer],
        ):
            raise jose.JoseError("aud")
        self._check_times(jws)
        return jws

    def _check_times(self, jws: jose.Jws) -> None:
        """Need `exp`, at most 600 s ahead, and no `iat` or `nbf` in the future (60 s skew)."""
        at, exp = self._f.clock.now(), jose.integer(jws.claims, "exp")
        starts = [jose.integer(jws.claims, name) for name in ("iat", "nbf") if name in jws.claims]
        if not at < exp + jose.SKEW or exp > at + _LIFETIME + jose.SKEW:
            raise jose.JoseError("exp")
        if any(start > at + jose.SKEW for start in starts):
            raise jose.JoseError("iat")

    def _is_new(self, client: Client, jws: jose.Jws) -> bool:
        until = jose.integer(jws.claims, "exp") + jose.SKEW
        with self._f.work.transaction() as tx:
            return remember_token(tx, f"{client.id}|request", jws.text("jti"), until=until)
