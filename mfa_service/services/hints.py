"""Who a trusted issuer says is signed in: `id_token_hint` (contract section 10)."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mfa_service import jose
from mfa_service.domain.oauth import OAuthError, Prior, invalid_request

from .foundation import Foundation
from .request_parameters import is_names

HINT_TYPES = ("JWT", None)
OLDEST = 600
"""Seconds since `iat` after which a hint starts nothing: an id token is not a bearer of pushes."""
_MOST_METHODS, _LONGEST_SUB = 64, 255


class IssuerKeys(Protocol):
    """An issuer whose tokens can be verified."""

    def verified(self, token: str, types: tuple[str | None, ...]) -> jose.Jws:
        """Return a living token of the issuer; raise `JoseError` or `Unavailable`."""
        ...

    def signed(self, token: str, types: tuple[str | None, ...]) -> jose.Jws:
        """Return what a key of the issuer signed; `iss` and times are not judged."""
        ...


@dataclass(frozen=True, slots=True)
class HintIssuer:
    """An issuer whose hints are believed, in one realm, when they were made for `audience`."""

    issuer: str
    audience: str
    realm: str
    prior: bool
    source: IssuerKeys = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hint:
    """The subject, and what its issuer verified if it is trusted for that."""

    sub: str
    prior: Prior


class HintService:
    """Reads hints of the configured issuers."""

    def __init__(self, foundation: Foundation, issuers: Sequence[HintIssuer]) -> None:
        self._f = foundation
        self._issuers = {(known.issuer, known.realm): known for known in issuers}

    def read(self, realm: str, token: str) -> Hint:
        """Return what an authentic hint for us says; raise `OAuthError` for any other.

        Its issuer is trusted in this realm, its `aud` is exactly the configured value, it is alive
        and at most 600 s old.
        """
        try:
            issuer = self._issuers.get((unverified_issuer(token), realm))
            if issuer is None:
                raise jose.JoseError("iss")
            jws = issuer.source.verified(token, HINT_TYPES)
            if jws.claims.get("aud") not in (issuer.audience, [issuer.audience]):
                raise jose.JoseError("aud")
            check_age(jws, at=self._f.clock.now())
            sub = jws.text("sub")
            if len(sub) > _LONGEST_SUB:
                raise jose.JoseError("sub")
        except jose.JoseError as exc:
            raise hint_refused() from exc
        return Hint(sub, _prior(jws.claims) if issuer.prior else Prior())


def hint_refused() -> OAuthError:
    """Return the refusal of a hint, the same for every cause."""
    return invalid_request("The id_token_hint does not hold.")


def check_age(jws: jose.Jws, *, at: int) -> None:
    """Raise `JoseError` unless the token was issued within the last 600 s, or just ahead of us."""
    age = at - jose.integer(jws.claims, "iat")
    if not -jose.SKEW <= age <= OLDEST:
        raise jose.JoseError("iat")


def unverified_issuer(token: str) -> str:
    """Return the `iss` that a token names, only to choose whose keys have to fit."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004
        raise jose.JoseError("not compact")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
    except (ValueError, RecursionError) as exc:
        raise jose.JoseError("claims") from exc
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    if not isinstance(issuer, str):
        raise jose.JoseError("iss")
    return issuer


def _prior(claims: Mapping[str, object]) -> Prior:
    amr, auth_time = claims.get("amr"), claims.get("auth_time")
    if not isinstance(auth_time, int) or not is_names(amr, most=_MOST_METHODS):
        return Prior()
    return Prior(tuple(amr), auth_time)
