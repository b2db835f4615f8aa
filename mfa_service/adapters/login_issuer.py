"""The OpenID Connect issuer where people sign in: its sign-in redirect, and the tokens it makes.

Imported only when MFA_LOGIN_ISSUER is set, so that without it nothing waits for httpx to load.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from mfa_service import jose
from mfa_service.domain.errors import Unavailable
from mfa_service.domain.ports import Clock, LoginRefused

from .remote_documents import Answer, DocumentInvalid, Fetcher, basic_authorization
from .remote_issuer import RemoteIssuer

ACCESS_TYPES = ("at+jwt", "application/at+jwt")
ID_TYPES = ("JWT", None)
ID_TOKEN_AGE = 600
_ENDPOINTS = ("authorization_endpoint", "token_endpoint")
_MOST_CODE_POINTS = 255


@dataclass(frozen=True, slots=True)
class Registration:
    """Who we are at the login issuer, and by which name its access tokens have to address us."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    audience: str


class LoginIssuerProvider:
    """`LoginProvider` over discovery, JWKS and the code flow (OpenID Connect, RFC 9700 §2.1)."""

    def __init__(
        self, registration: Registration, clock: Clock, fetcher: Fetcher | None = None
    ) -> None:
        self._registration = registration
        self._clock = clock
        self._fetcher = fetcher or Fetcher()
        self._issuer = RemoteIssuer(registration.issuer, self._fetcher, clock, needs=_ENDPOINTS)

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return where to send the browser: code flow with PKCE S256 (RFC 7636), `state`, `nonce`.

        Raises `Unavailable` while the issuer's metadata cannot be read.
        """
        endpoint = self._issuer.endpoint("authorization_endpoint")
        digest = hashlib.sha256(verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._registration.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": jose.b64url(digest),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def redeem(self, *, code: str, redirect_uri: str, verifier: str, nonce: str) -> str:
        """Return the `sub` that signed in; the code is exchanged once and its id token verified.

        Raises `LoginRefused` for a code or a token that does not hold, `Unavailable` when the
        issuer does not answer or refuses us as a client.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        answer = self._exchange(form)
        if answer.status == 400:  # noqa: PLR2004
            raise LoginRefused(f"code: {answer.body.get('error')}")
        token = answer.body.get("id_token")
        if answer.status != 200 or not isinstance(token, str):  # noqa: PLR2004
            raise Unavailable("The login issuer refuses this service.", retry_after=60)
        return self._subject_of(token, nonce)

    def access_token_claims(self, token: str) -> Mapping[str, object]:
        """Return the claims of an access token of the issuer for us, alive now (RFC 9068 §4).

        Its scope is for the caller to judge. Raises `LoginRefused` or `Unavailable`.
        """
        try:
            jws = self._issuer.verified(token, ACCESS_TYPES)
            audience = jws.claims.get("aud")
            named = audience if isinstance(audience, list) else [audience]
            if self._registration.audience not in named:
                raise jose.JoseError("aud")
            _subject(jws)
        except jose.JoseError as exc:
            raise LoginRefused(f"access token: {exc}") from exc
        return jws.claims

    def _subject_of(self, token: str, nonce: str) -> str:
        """Verify an id token (OpenID Connect Core §3.1.3.7) and return its `sub`."""
        ours = self._registration.client_id
        try:
            jws = self._issuer.verified(token, ID_TYPES)
            audience, party = jws.claims.get("aud"), jws.claims.get("azp")
            alone = audience in (ours, [ours])
            among = isinstance(audience, list) and ours in audience and party == ours
            if not (alone or among) or party not in {None, ours}:
                raise jose.JoseError("aud")
            if not hmac.compare_digest(jws.text("nonce").encode(), nonce.encode()):
                raise jose.JoseError("nonce")
            if self._clock.now() - jose.integer(jws.claims, "iat") > ID_TOKEN_AGE:
                raise jose.JoseError("iat")
            return _subject(jws)
        except jose.JoseError as exc:
            raise LoginRefused(f"id token: {exc}") from exc

    def _exchange(self, form: dict[str, str]) -> Answer:
        client_id, secret = self._registration.client_id, self._registration.client_secret
        authorization = basic_authorization(client_id, secret) if secret else None
        public = {} if secret else {"client_id": client_id}
        endpoint = self._issuer.endpoint("token_endpoint")
        try:
            return self._fetcher.post(endpoint, form | public, authorization=authorization)
        except DocumentInvalid as exc:
            raise Unavailable("The login issuer does not answer.", retry_after=5) from exc


def _subject(jws: jose.Jws) -> str:
    sub = jws.text("sub")
    if len(sub) > _MOST_CODE_POINTS:
        raise jose.JoseError("sub")
    return sub
