"""The OpenID Connect issuer where people sign in: its sign-in redirect, and the tokens it makes.

Imported only when MFA_LOGIN_ISSUER is set, because it needs httpx (extra `login`).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from mfa_service import jose
from mfa_service.domain.errors import Unavailable
from mfa_service.domain.ports import Clock, JsonObject, LoginRefused

from .remote_documents import Answer, Cached, DocumentInvalid, Fetcher, require_secure

ALGORITHMS = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
ACCESS_TYPES = ("at+jwt", "application/at+jwt")
ID_TYPES = ("JWT", None)
LONGEST_LIFE = 86_400
ID_TOKEN_AGE = 600
_IGNORED_MEMBERS = {"x5t", "x5t#S256"}  # name a key, as `kid` does; nothing else is put up with
_MOST_CODE_POINTS = 255


@dataclass(frozen=True, slots=True)
class Registration:
    """Who we are at the login issuer, and by which name its access tokens have to address us."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    audience: str


@dataclass(frozen=True, slots=True)
class _Metadata:
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class LoginIssuerProvider:
    """`LoginProvider` over discovery, JWKS and the code flow (OpenID Connect, RFC 9700 §2.1)."""

    def __init__(
        self, registration: Registration, clock: Clock, fetcher: Fetcher | None = None
    ) -> None:
        self._registration = registration
        self._clock = clock
        self._fetcher = fetcher or Fetcher()
        self._metadata = Cached(self._load_metadata, clock, name="login_issuer.metadata")
        self._keys = Cached(self._load_keys, clock, name="login_issuer.keys")

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return where to send the browser: code flow with PKCE S256 (RFC 7636), `state`, `nonce`.

        Raises `Unavailable` while the issuer's metadata cannot be read.
        """
        endpoint = self._metadata.current().authorization_endpoint
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
            jws = self._verified(token, ACCESS_TYPES)
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
            jws = self._verified(token, ID_TYPES)
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

    def _verified(self, token: str, types: tuple[str | None, ...]) -> jose.Jws:
        """Return a token of the issuer: header, signature, `iss` and times are right."""
        present = set(jose.header_of(token))
        optional = ({"typ"} | _IGNORED_MEMBERS) & present
        jws = jose.parse(token, typ=types, members={"alg", "kid"} | optional)
        if jws.header["alg"] not in ALGORITHMS:
            raise jose.JoseError("alg")
        jose.verify_jwk(jws, self._key(str(jws.header["kid"])), algorithms=ALGORITHMS)
        at = self._clock.now()
        jose.check_times(jws.claims, at=at, lifetime=LONGEST_LIFE)
        if "nbf" in jws.claims and jose.integer(jws.claims, "nbf") > at + jose.SKEW:
            raise jose.JoseError("nbf")
        if jws.claims.get("iss") != self._registration.issuer:
            raise jose.JoseError("iss")
        return jws

    def _key(self, kid: str) -> JsonObject:
        """Return a published key; an id that is not known causes one reload, at most every 5 s."""
        known = self._keys.current().get(kid) or self._keys.newer().get(kid)
        if known is None:
            raise jose.JoseError("kid")
        return known

    def _exchange(self, form: dict[str, str]) -> Answer:
        client_id, secret = self._registration.client_id, self._registration.client_secret
        authorization = _basic(client_id, secret) if secret else None
        public = {} if secret else {"client_id": client_id}
        endpoint = self._metadata.current().token_endpoint
        try:
            return self._fetcher.post(endpoint, form | public, authorization=authorization)
        except DocumentInvalid as exc:
            raise Unavailable("The login issuer does not answer.", retry_after=5) from exc

    def _load_metadata(self) -> tuple[_Metadata, int]:
        issuer = self._registration.issuer
        answer = self._fetcher.get(f"{issuer}/.well-known/openid-configuration")
        if answer.body.get("issuer") != issuer:  # RFC 8414 §3.3: else one could speak for another
            raise DocumentInvalid("it names another issuer")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        found = (require_secure(answer.body.get(name), seen_from=issuer) for name in names)
        return _Metadata(*found), answer.kept

    def _load_keys(self) -> tuple[dict[str, JsonObject], int]:
        answer = self._fetcher.get(self._metadata.current().jwks_uri)
        keys = answer.body.get("keys")
        if not isinstance(keys, list):
            raise DocumentInvalid("no JWK set")
        usable = [key for key in keys if isinstance(key, dict) and _is_for_signatures(key)]
        return {str(key["kid"]): key for key in usable}, answer.kept


def _is_for_signatures(key: JsonObject) -> bool:
    """Tell whether it is a public key with a name, of a type that we verify with."""
    named = isinstance(key.get("kid"), str) and key.get("use") in {None, "sig"}
    return named and jose.is_public_jwk(key)


def _subject(jws: jose.Jws) -> str:
    sub = jws.text("sub")
    if len(sub) > _MOST_CODE_POINTS:
        raise jose.JoseError("sub")
    return sub


def _basic(client_id: str, secret: str) -> str:
    """Return `client_secret_basic`: each part form-url-encoded before base64 (RFC 6749 §2.3.1)."""
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
