"""What an access token says once it was verified, whoever issued it (RFC 9068 §2.2, RFC 7662)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self


class TokenRefused(Exception):
    """The token is not to be believed; the text is a word for the log, never for the caller."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims that a gateway judges and passes on; empty where the token says nothing."""

    issuer: str
    audience: tuple[str, ...]
    sub: str = field(default="", repr=False)
    client_id: str = ""
    scopes: tuple[str, ...] = ()
    acr: str = ""
    amr: tuple[str, ...] = ()
    auth_time: int | None = None

    @classmethod
    def of(cls, issuer: str, claims: Mapping[str, object]) -> Self:
        """Return what verified claims say; raise `TokenRefused` if one is of another type.

        A token that is bound to a key (`cnf`, RFC 7800) is refused: whoever presents it here has
        not proven that they hold the key.
        """
        if "cnf" in claims:
            raise TokenRefused("sender_constrained")
        auth_time = claims.get("auth_time")
        if auth_time is not None and type(auth_time) is not int:
            raise TokenRefused("claims")
        return cls(
            issuer=issuer,
            audience=_texts(claims.get("aud"), alone=True),
            sub=_text(claims.get("sub")),
            client_id=_text(claims.get("client_id")),
            scopes=tuple(dict.fromkeys(_text(claims.get("scope")).split())),
            acr=_text(claims.get("acr")),
            amr=_texts(claims.get("amr")),
            auth_time=auth_time,
        )


def _text(value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise TokenRefused("claims")
    return value or ""


def _texts(value: object, *, alone: bool = False) -> tuple[str, ...]:
    """Return a list of texts; `alone` takes one text for a list of one (RFC 7519 §4.1.3)."""
    listed = [value] if alone and isinstance(value, str) else value
    if listed is None:
        return ()
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise TokenRefused("claims")
    return tuple(listed)
