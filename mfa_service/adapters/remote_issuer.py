"""An issuer of tokens elsewhere: its metadata, its keys, and what it signed."""

from mfa_service import jose
from mfa_service.domain.ports import Clock, JsonObject

from .remote_documents import Cached, DocumentInvalid, Fetcher, require_secure

ALGORITHMS = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
LONGEST_LIFE = 86_400
DISCOVERY = "/.well-known/openid-configuration"
_IGNORED_MEMBERS = {"x5t", "x5t#S256"}  # name a key, as `kid` does; nothing else is put up with


class RemoteIssuer:
    """Metadata and keys of one issuer, kept as long as it allows and through short outages."""

    def __init__(
        self,
        issuer: str,
        fetcher: Fetcher,
        clock: Clock,
        *,
        discovery: str | None = None,
        needs: tuple[str, ...] = (),
    ) -> None:
        """Take the issuer's name, where its metadata are if not at the usual place, and `needs`.

        These are the addresses that the metadata have to hold beside `jwks_uri`.
        """
        self._issuer = issuer
        self._discovery = discovery or f"{issuer.rstrip('/')}{DISCOVERY}"
        self._needs = ("jwks_uri", *needs)
        self._fetcher = fetcher
        self._clock = clock
        self._metadata = Cached(self._load_metadata, clock, name=f"metadata of {issuer}")
        self._keys = Cached(self._load_keys, clock, name=f"keys of {issuer}")

    def endpoint(self, name: str) -> str:
        """Return a needed address of the metadata; raise `Unavailable` if it cannot be known."""
        return self._metadata.current()[name]

    def verified(self, token: str, types: tuple[str | None, ...]) -> jose.Jws:
        """Return a token of the issuer that is alive: header, signature, `iss`, times are right.

        Raises `JoseError`, or `Unavailable` when the issuer's keys cannot be known.
        """
        jws = self.signed(token, types)
        at = self._clock.now()
        jose.check_times(jws.claims, at=at, lifetime=LONGEST_LIFE)
        if "nbf" in jws.claims and jose.integer(jws.claims, "nbf") > at + jose.SKEW:
            raise jose.JoseError("nbf")
        if jws.claims.get("iss") != self._issuer:
            raise jose.JoseError("iss")
        return jws

    def signed(self, token: str, types: tuple[str | None, ...]) -> jose.Jws:
        """Return what a published key signed; `iss` and times are left to the caller to judge."""
        present = set(jose.header_of(token))
        optional = ({"typ"} | _IGNORED_MEMBERS) & present
        jws = jose.parse(token, typ=types, members={"alg", "kid"} | optional)
        if jws.header["alg"] not in ALGORITHMS:
            raise jose.JoseError("alg")
        jose.verify_jwk(jws, self._key(str(jws.header["kid"])), algorithms=ALGORITHMS)
        return jws

    def _key(self, kid: str) -> JsonObject:
        """Return a published key; an id that is not known causes one reload, at most every 5 s."""
        known = self._keys.current().get(kid) or self._keys.newer().get(kid)
        if known is None:
            raise jose.JoseError("kid")
        return known

    def _load_metadata(self) -> tuple[dict[str, str], int]:
        answer = self._fetcher.get(self._discovery)
        if answer.body.get("issuer") != self._issuer:
            raise DocumentInvalid("it names another issuer")  # who could speak for it (RFC 8414 §3)
        seen_from = self._discovery
        found = {n: require_secure(answer.body.get(n), seen_from=seen_from) for n in self._needs}
        return found, answer.kept

    def _load_keys(self) -> tuple[dict[str, JsonObject], int]:
        answer = self._fetcher.get(self.endpoint("jwks_uri"))
        keys = answer.body.get("keys")
        if not isinstance(keys, list):
            raise DocumentInvalid("no JWK set")
        usable = [key for key in keys if isinstance(key, dict) and _is_for_signatures(key)]
        return {str(key["kid"]): key for key in usable}, answer.kept


def _is_for_signatures(key: JsonObject) -> bool:
    """Tell whether it is a public key with a name, of a type that we verify with."""
    named = isinstance(key.get("kid"), str) and key.get("use") in {None, "sig"}
    return named and jose.is_public_jwk(key)
