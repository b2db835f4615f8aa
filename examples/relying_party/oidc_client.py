"""The OpenID Connect client: build the request, check the answer, verify tokens."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from examples.common.expiring import Clock
from examples.common.remote_keys import BadTokenError, RemoteKeys
from examples.relying_party.rules import LEEWAY, Rule
from examples.relying_party.settings import Settings
from examples.relying_party.shop import Order

SCOPE = "openid profile books"


class SignInFailedError(Exception):
    """The answer is an error, or not to be believed; `error` is its OAuth code, if any."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Pending:
    """What was asked, kept in the visitor's session under `state` until the answer."""

    rule: Rule
    next: str
    sub: str | None = None
    order_id: str | None = None
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


class OidcClient:
    """Talks to the one authorization server that is configured."""

    def __init__(self, http: httpx.Client, settings: Settings, now: Clock) -> None:
        self._http = http
        self._settings = settings
        self._now = now
        self._keys = RemoteKeys(http, f"{settings.issuer}/jwks.json", now)

    def address(self, pending: Pending, order: Order | None) -> str:
        """Return where to send the browser.

        The level is asked as an essential claim, so that the server fails rather than answer
        weaker. The transaction travels through the browser and may be changed there: that is why
        the answer's `tx_hash` is compared with the shop's own.
        """
        rule = pending.rule
        request = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": SCOPE,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": create_s256_code_challenge(pending.verifier),
            "code_challenge_method": "S256",
        }
        if rule.acr:
            acr = {"essential": True, "values": [rule.acr]}
            request["claims"] = json.dumps({"id_token": {"acr": acr}})
        if rule.max_age is not None:
            request["max_age"] = str(rule.max_age)
        if order is not None:
            request["transaction"] = json.dumps(order.transaction)
        return f"{self._settings.issuer}/authorize?{urlencode(request)}"

    def identity(self, pending: Pending, answer: dict[str, str]) -> dict[str, Any]:
        """Return the verified id token's claims; raise `SignInFailedError` for any other answer.

        `iss` is checked before anything is done with the answer (RFC 9207).
        """
        if answer.get("iss") != self._settings.issuer:
            raise SignInFailedError("mixed_up")
        if "error" in answer:
            raise SignInFailedError(answer["error"])
        id_token = self._redeem(answer.get("code", ""), pending)
        try:
            claims = self._keys.claims(id_token, alg="RS256", typ="JWT")
        except BadTokenError as error:
            raise SignInFailedError("bad_token") from error
        if not self._believable(claims, self._settings.client_id) or not secrets.compare_digest(
            str(claims.get("nonce")).encode(), pending.nonce.encode()
        ):
            raise SignInFailedError("bad_token")
        return claims

    def access(self, token: str) -> dict[str, Any]:
        """Return the claims of an access token for the shop's API; raise `BadTokenError`."""
        claims = self._keys.claims(token, alg="RS256", typ="at+jwt")
        if not self._believable(claims, self._settings.api_audience):
            raise BadTokenError("not for this API, or not now")
        return claims

    def _believable(self, claims: dict[str, Any], audience: str) -> bool:
        now = self._now()
        ends, begins = claims.get("exp"), claims.get("iat")
        return (
            claims.get("iss") == self._settings.issuer
            and claims.get("aud") in (audience, [audience])
            and claims.get("azp", audience) == audience
            and isinstance(claims.get("sub"), str)
            and type(ends) is int
            and type(begins) is int
            and now < ends
            and begins <= now + LEEWAY
        )

    def _redeem(self, code: str, pending: Pending) -> str:
        settings = self._settings
        try:
            answer = self._http.post(
                f"{settings.issuer}/token",
                data={
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": settings.redirect_uri,
                    "code_verifier": pending.verifier,
                },
                auth=(quote(settings.client_id, safe=""), quote(settings.client_secret, safe="")),
            )
            return str(answer.raise_for_status().json()["id_token"])
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise SignInFailedError("code_refused") from error
