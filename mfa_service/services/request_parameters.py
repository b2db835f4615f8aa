"""Parameters of an authorization request, judged one by one (OpenID Connect Core §3.1.2.1)."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from mfa_service.domain import strict_json
from mfa_service.domain.oauth import (
    OAuthError,
    Prior,
    ResponseMode,
    Target,
    invalid_request,
)
from mfa_service.domain.subject import Client
from mfa_service.domain.text import has_control, misleads

Parameters = Mapping[str, str]
LONGEST_SUB, LONGEST_NONCE, LONGEST_STATE, LONGEST_MESSAGE = 255, 255, 1024, 128
_MOST_PRIOR, _AHEAD = 16, 60
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_NUMBER = re.compile(r"[0-9]{1,10}\Z")
_PROMPTS = {"none", "login", "consent", "select_account"}
_MODES = {"query", "form_post"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Levels and methods that a request asks for, in the caller's words."""

    acr_values: tuple[str, ...] = ()
    essential: bool = False
    amr_values: tuple[str, ...] = ()


def target_of(client: Client, params: Parameters) -> Target:
    """Return where answers go. Raises `OAuthError` that must not be sent there: nothing may be.

    The address has to be one that is registered, character by character (RFC 9700 §2.1).
    """
    uri = params.get("redirect_uri")
    if uri is None or uri not in client.redirect_uris:
        raise invalid_request("The redirect_uri is not registered for this client.")
    state = params.get("state")
    if state is not None and len(state) > LONGEST_STATE:
        raise invalid_request("The state is too long.")
    mode = params.get("response_mode", "query")
    known = ResponseMode(mode) if mode in _MODES else ResponseMode.QUERY
    return Target(uri, known, state)


def check_code_flow(params: Parameters) -> str:
    """Return the PKCE challenge of a request for a code; raise `OAuthError` for anything else."""
    if params.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "Only the response type code is known.")
    if params.get("response_mode", "query") not in _MODES:
        raise invalid_request("The response mode is query or form_post.")
    if "registration" in params:
        raise OAuthError("registration_not_supported", "Clients are registered by the operator.")
    challenge = params.get("code_challenge", "")
    if params.get("code_challenge_method") != "S256" or not _CHALLENGE.match(challenge):
        raise invalid_request("A code_challenge with the method S256 is needed (RFC 7636).")
    check_prompt(params)
    return challenge


def check_prompt(params: Parameters) -> None:
    """Raise `OAuthError` unless the person may be asked: they always are."""
    prompts = words(params, "prompt")
    if not set(prompts) <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise invalid_request("The prompt is not one that is known here.")
    if prompts == ("none",):
        raise OAuthError("login_required", "A step-up always asks the person.")


def words(params: Parameters, name: str) -> tuple[str, ...]:
    """Return the members of a space-separated list, each once."""
    return tuple(dict.fromkeys(params.get(name, "").split()))


def scopes_of(client: Client, params: Parameters) -> tuple[str, ...]:
    """Return the granted scopes: `openid` and, of the registered ones, those of other APIs.

    Raises `OAuthError`. What only this service's own API knows is for client credentials.
    """
    asked = words(params, "scope")
    if "openid" not in asked:
        raise OAuthError("invalid_scope", "The scope has to contain openid.")
    permitted = {"openid", *(s for s in client.scopes if not s.startswith("mfa:"))}
    if not set(asked) <= permitted:
        raise OAuthError("invalid_scope", "More than is registered was asked.")
    return asked


def text(params: Parameters, name: str, *, longest: int) -> str | None:
    """Return a text of bounded length; raise `OAuthError` for a longer one."""
    value = params.get(name)
    if value is not None and len(value) > longest:
        raise invalid_request(f"{name} is too long.")
    return value


def binding_message(params: Parameters) -> str | None:
    """Return what is shown to the person; raise `OAuthError` for what could mislead them."""
    message = text(params, "binding_message", longest=LONGEST_MESSAGE)
    if message is not None and (has_control(message) or misleads(message)):
        raise invalid_request("binding_message holds characters that are not shown.")
    return message


def seconds(params: Parameters, name: str) -> int | None:
    """Return a number of seconds; raise `OAuthError` for anything else."""
    value = params.get(name)
    if value is None:
        return None
    if not _NUMBER.match(value):
        raise invalid_request(f"{name} is a number of seconds.")
    return int(value)


def prior_of(params: Parameters, *, at: int) -> Prior:
    """Return what an authentic caller says that it verified (contract section 3)."""
    if "prior" not in params:
        return Prior()
    value = json_object(params["prior"], "prior")
    amr, auth_time = value.get("amr", []), value.get("auth_time")
    if set(value) - {"amr", "auth_time"} or not is_names(amr, most=_MOST_PRIOR):
        raise invalid_request("prior holds amr, a list of texts, and auth_time.")
    if not isinstance(auth_time, int) or isinstance(auth_time, bool) or auth_time < 0:
        raise invalid_request("prior.auth_time is a number of seconds.")
    if auth_time > at + _AHEAD:
        raise invalid_request("prior.auth_time lies in the future.")
    return Prior(tuple(amr), auth_time)


def wanted_of(params: Parameters) -> Wanted:
    """Return the asked levels: `acr_values` are voluntary, `claims` may make them essential.

    Both at once are unspecified (OpenID Connect Core §5.5.1.1) and refused.
    """
    acr_values = words(params, "acr_values")
    id_token = _claims(params).get("id_token") or {}
    if not isinstance(id_token, dict):
        raise invalid_request("claims.id_token is an object.")
    acr, essential = _values(id_token, "acr")
    amr, _ = _values(id_token, "amr")
    if acr and acr_values:
        raise invalid_request("Ask for levels by acr_values or by claims, not by both.")
    return Wanted(acr or acr_values, bool(acr) and essential, amr)


def _claims(params: Parameters) -> Mapping[str, object]:
    return json_object(params["claims"], "claims") if "claims" in params else {}


def _values(claims: Mapping[str, object], name: str) -> tuple[tuple[str, ...], bool]:
    """Return `value` or `values` of a requested claim, and whether it is essential."""
    asked = claims.get(name)
    if asked is None:
        return (), False
    if not isinstance(asked, dict):
        raise invalid_request(f"claims.id_token.{name} is an object or null.")
    listed = asked.get("values", [asked["value"]] if "value" in asked else [])
    if not is_names(listed, most=64) or not isinstance(asked.get("essential", False), bool):
        raise invalid_request(f"claims.id_token.{name} is not as OpenID Connect has it.")
    return tuple(dict.fromkeys(listed)), bool(asked.get("essential", False))


def json_object(text: str, name: str) -> dict[str, object]:
    """Return a parameter that is a JSON object; raise `OAuthError` for another text."""
    try:
        value = strict_json.loads(text.encode())
    except (strict_json.NotStrictJson, UnicodeEncodeError) as exc:
        raise invalid_request(f"{name} is not a JSON object.") from exc
    if not isinstance(value, dict) or next(strict_json.faults(value), None):
        raise invalid_request(f"{name} is not a JSON object.")
    return value


def is_names(value: object, *, most: int) -> TypeGuard[list[str]]:
    """Tell whether it is a list of at most `most` texts without spaces."""
    if not isinstance(value, list) or len(value) > most:
        return False
    return all(isinstance(name, str) and name and not has_control(name) for name in value)


def as_parameters(claims: Mapping[str, object], *, left_out: Sequence[str]) -> dict[str, str]:
    """Return the claims of a request object as parameters, objects and numbers as JSON text."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in claims.items()
        if name not in left_out and value is not None
    }
