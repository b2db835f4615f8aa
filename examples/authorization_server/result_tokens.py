"""Verify the step-up service's `result_token`: the only thing that `acr` is ever taken from."""

from dataclasses import dataclass
from typing import Any

from examples.authorization_server.decision import Evidence
from examples.common.expiring import Clock, Expiring
from examples.common.remote_keys import BadTokenError, RemoteKeys

TYP = "stepup-result+jwt"
RESULT_SECONDS = 300
LEEWAY = 60


@dataclass(frozen=True, slots=True)
class Expected:
    """What we asked. `levels` are the acceptable ones (empty: any), `tx_hash` is our own hash."""

    txn: str
    sub: str
    levels: tuple[str, ...]
    nonce: str
    tx_hash: str | None


class ResultTokens:
    """Believes a token of `issuer` for `client_id` about one challenge of ours, and once."""

    def __init__(self, keys: RemoteKeys, *, issuer: str, client_id: str, now: Clock) -> None:
        self._keys = keys
        self._issuer = issuer
        self._client_id = client_id
        self._now = now
        self._seen: Expiring[bool] = Expiring(RESULT_SECONDS + 2 * LEEWAY, now)

    def verify(self, token: str, expected: Expected) -> Evidence:
        """Return the token's evidence; raise `BadTokenError` for whatever is not as expected."""
        claims = self._keys.claims(token, alg="ES256", typ=TYP)
        if not _well_formed(claims):
            raise BadTokenError("claims are missing or malformed")
        wrong = self._unexpected(claims, expected) + self._untimely(claims)
        if wrong:
            raise BadTokenError(f"not as expected: {', '.join(wrong)}")
        if not self._seen.add(claims["jti"], value=True):
            raise BadTokenError("used before")
        return Evidence(
            sub=claims["sub"],
            acr=claims["acr"],
            acr_satisfied=tuple(claims["acr_satisfied"]),
            amr=tuple(claims["amr"]),
            auth_time=claims["auth_time"],
        )

    def _unexpected(self, claims: dict[str, Any], expected: Expected) -> list[str]:
        values = {
            "iss": self._issuer,
            "aud": self._client_id,
            "sub": expected.sub,
            "txn": expected.txn,
            "nonce": expected.nonce,
            "tx_hash": expected.tx_hash,
        }
        wrong = [name for name, value in values.items() if claims.get(name) != value]
        if expected.levels and claims["acr"] not in expected.levels:
            wrong.append("acr")
        return wrong

    def _untimely(self, claims: dict[str, Any]) -> list[str]:
        now = self._now()
        timely = {
            "iat": claims["iat"] <= now + LEEWAY,
            "exp": now < claims["exp"],
            "auth_time": now - RESULT_SECONDS <= claims["auth_time"] <= now + LEEWAY,
        }
        return [name for name, good in timely.items() if not good]


def _well_formed(claims: dict[str, Any]) -> bool:
    numbers = (claims.get(name) for name in ("iat", "exp", "auth_time"))
    texts = (claims.get(name) for name in ("jti", "acr"))
    lists = (claims.get(name) for name in ("acr_satisfied", "amr"))
    return (
        all(type(number) is int for number in numbers)
        and all(isinstance(text, str) for text in texts)
        and all(
            isinstance(value, list) and all(isinstance(item, str) for item in value)
            for value in lists
        )
    )
