"""What an authorization request asks of the sign-in: levels, freshness, a transaction."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import rfc8785

PASSWORD_ONLY = "0"  # noqa: S105
LEVELS = (
    PASSWORD_ONLY,
    "urn:stepup:acr:aal1",
    "urn:stepup:acr:aal2",
    "phr",
    "phrh",
    "urn:stepup:acr:aal3",
)
MAX_TRANSACTION = 4096
PROMPTS = frozenset({"none", "login", "consent", "select_account"})


class InvalidRequestError(Exception):
    """The request contradicts itself or the standards; the text may be shown to the client."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The sign-in that is asked for.

    `levels` are the known ones, in preference order; `asked` says whether any was named at all,
    known or not. With `essential` one of them must be reached. `max_age` is in seconds.
    """

    levels: tuple[str, ...] = ()
    asked: bool = False
    essential: bool = False
    max_age: int | None = None
    login: bool = False
    silent: bool = False
    sub: str | None = None
    transaction: Mapping[str, Any] | None = None
    tx_hash: str | None = None


def wanted_from(parameters: Mapping[str, str]) -> Wanted:
    """Read the request's parameters.

    `acr_values` is taken as necessary (RFC 9470 section 5, so that a client which repeats a
    challenge is never sent round in circles); `claims` with a voluntary `acr` is the way to ask
    softly (Core 5.5.1.1). Both at once contradict each other and raise `InvalidRequestError`, as
    does anything malformed.
    """
    acr, sub = _claims(parameters.get("claims"))
    names = tuple(parameters.get("acr_values", "").split())
    if names and acr.names:
        raise InvalidRequestError("acr_values and an acr claim with values exclude each other")
    names = names or acr.names
    prompts = _prompts(parameters.get("prompt", ""))
    max_age = _max_age(parameters.get("max_age"))
    transaction = _transaction(parameters.get("transaction"))
    return Wanted(
        levels=tuple(name for name in dict.fromkeys(names) if name in LEVELS),
        asked=bool(names),
        essential=acr.essential if acr.names else bool(names),
        max_age=max_age,
        login="login" in prompts or max_age == 0,
        silent="none" in prompts,
        sub=sub,
        transaction=transaction,
        tx_hash=transaction_hash(transaction) if transaction is not None else None,
    )


def transaction_hash(transaction: Mapping[str, Any]) -> str:
    """Return base64url(SHA-256(RFC 8785 form)), as the service and the relying party do."""
    digest = hashlib.sha256(rfc8785.dumps(dict(transaction))).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class _AcrClaim:
    names: tuple[str, ...] = ()
    essential: bool = False


def _claims(text: str | None) -> tuple[_AcrClaim, str | None]:
    if text is None:
        return _AcrClaim(), None
    id_token = _object(text, "claims").get("id_token") or {}
    if not isinstance(id_token, dict):
        raise InvalidRequestError("claims.id_token must be an object")
    acr, sub = id_token.get("acr") or {}, id_token.get("sub") or {}
    if not isinstance(acr, dict) or not isinstance(sub, dict):
        raise InvalidRequestError("a claim in claims must be null or an object")
    wanted_sub = sub.get("value")
    if wanted_sub is not None and not isinstance(wanted_sub, str):
        raise InvalidRequestError("claims.id_token.sub.value must be a string")
    return _acr_claim(acr), wanted_sub


def _acr_claim(acr: Mapping[str, Any]) -> _AcrClaim:
    if "value" in acr and "values" in acr:
        raise InvalidRequestError("the acr claim has both value and values")
    values = acr.get("values", [acr["value"]] if "value" in acr else [])
    essential = acr.get("essential", False)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidRequestError("the acr claim's values must be strings")
    if not isinstance(essential, bool) or ("values" in acr and not values):
        raise InvalidRequestError("the acr claim is malformed")
    return _AcrClaim(tuple(values), essential)


def _prompts(text: str) -> frozenset[str]:
    prompts = frozenset(text.split())
    if not prompts <= PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequestError("this combination of prompt values is not possible")
    return prompts


def _max_age(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004
        raise InvalidRequestError("max_age must be a number of seconds")
    return int(text)


def _transaction(text: str | None) -> Mapping[str, Any] | None:
    if text is None:
        return None
    transaction = _object(text, "transaction")
    try:
        size = len(rfc8785.dumps(dict(transaction)))
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise InvalidRequestError("transaction has no canonical form") from error
    if not transaction or size > MAX_TRANSACTION:
        raise InvalidRequestError("transaction must have between 1 member and 4096 bytes")
    return transaction


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(
            text, parse_float=_refuse, parse_constant=_refuse, object_pairs_hook=_without_duplicates
        )
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{name} is not an acceptable JSON object") from error
    if not isinstance(value, dict):
        raise InvalidRequestError(f"{name} must be a JSON object")
    return value


def _refuse(number: str) -> NoReturn:
    raise ValueError(number)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate key")
    return value
