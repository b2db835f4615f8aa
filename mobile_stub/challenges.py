"""What a challenge asks, as the service signed it and nothing else."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from mobile_stub import jws
from mobile_stub.encoding import from_base64url
from mobile_stub.errors import BadInput, ChallengeExpired, ServerNotTrusted
from mobile_stub.platform_authenticator import usable_passkey
from mobile_stub.server_keys import ServerKeys
from mobile_stub.state import State
from mobile_stub.webauthn_options import request_options

CHALLENGE_TYP = "stepup-challenge+jwt"
_FURTHEST_AHEAD = 60
_NONCE_BYTES = 32
_HASH_BYTES = 32
_ID = re.compile(r"chl_[A-Za-z0-9_-]{16,128}")
_PURPOSES = ("login", "manage")
_NOT_AS_PROMISED = "The service sent a request that breaks its own rules; it was ignored."


@dataclass(frozen=True, slots=True)
class Challenge:
    """The signed fields of one challenge; times are seconds since the epoch.

    `require` lists alternatives, weakest first, each all that one answer needs. `transaction`
    is as the service gave it, and `tx_hash` is what an approval signs for it. `webauthn` holds the
    options for biometrics on this phone, and `biometric` says that it has a passkey for them.
    """

    id: str
    client_name: str
    sub: str
    nonce: str = field(repr=False)
    require: tuple[tuple[str, ...], ...]
    purpose: str
    fraud_reported: bool
    issued_at: int
    expires_at: int
    binding_message: str | None = None
    transaction: dict[str, Any] | None = None
    tx_hash: str | None = None
    context: dict[str, Any] | None = None
    webauthn: dict[str, Any] | None = field(default=None, repr=False)
    biometric: bool = False


def checked_id(typed: str) -> str:
    """Return a challenge id that is safe inside a path, or `BadInput`."""
    if not _ID.fullmatch(typed):
        raise BadInput("This is not the id of a request; take it from the list of requests.")
    return typed


def verified_challenge(token: str, *, state: State, keys: ServerKeys, at: int) -> Challenge:
    """Return what the service signed for this very phone (contract 6, challenge JWS).

    Raises `ChallengeExpired` when its time is over, and `ServerNotTrusted` for any other fault of
    header, signature, issuer, audience, subject, times or shape.
    """
    unverified = jws.read(token, typ=CHALLENGE_TYP)
    claims = unverified.verified_by(keys.key_for(unverified.kid))
    expected = (state.issuer, state.device_id, state.sub)
    if (claims.get("iss"), claims.get("aud"), claims.get("sub")) != expected:
        raise ServerNotTrusted("This request is meant for another phone; it was ignored.")
    challenge = _challenge_from(claims)
    if challenge.issued_at > at + _FURTHEST_AHEAD:
        raise ServerNotTrusted("This request comes from the future; check the phone's clock.")
    if challenge.expires_at <= at:
        raise ChallengeExpired("This request has expired.")
    return replace(challenge, biometric=_biometric(challenge, state))


def _challenge_from(claims: dict[str, Any]) -> Challenge:
    challenge = Challenge(
        id=_text(claims, "challenge_id"),
        client_name=_text(claims, "client_name"),
        sub=_text(claims, "sub"),
        nonce=_bytes_text(claims, "nonce", _NONCE_BYTES),
        require=_alternatives(claims.get("require")),
        purpose=_text(claims, "purpose"),
        fraud_reported=_of(claims, "fraud_reported", bool) or False,
        issued_at=_time(claims, "iat"),
        expires_at=_time(claims, "exp"),
        binding_message=_of(claims, "binding_message", str),
        transaction=_of(claims, "transaction", dict),
        tx_hash=_hash(claims),
        context=_of(claims, "context", dict),
        webauthn=_of(claims, "webauthn", dict),
    )
    # An approval must not sign the hash of something that was not shown, nor leave out a shown one.
    if (challenge.transaction is None) != (challenge.tx_hash is None):
        raise ServerNotTrusted(_NOT_AS_PROMISED)
    if not _ID.fullmatch(challenge.id) or challenge.purpose not in _PURPOSES:
        raise ServerNotTrusted(_NOT_AS_PROMISED)
    return challenge


def _biometric(challenge: Challenge, state: State) -> bool:
    """Say whether a passkey of this phone would do for the options, which must be for this request.

    Options with another challenge than the nonce would have the passkey sign something else.
    """
    if challenge.webauthn is None:
        return False
    try:
        options = request_options(challenge.webauthn, issuer=state.issuer)
    except BadInput as fault:
        raise ServerNotTrusted(_NOT_AS_PROMISED) from fault
    if options.challenge != challenge.nonce:
        raise ServerNotTrusted(_NOT_AS_PROMISED)
    return usable_passkey(state, options) is not None


def _of(claims: dict[str, Any], name: str, kind: type) -> Any:  # noqa: ANN401  (JSON is untyped)
    value = claims.get(name)
    if value is not None and not isinstance(value, kind):
        raise ServerNotTrusted(_NOT_AS_PROMISED)
    return value


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        raise ServerNotTrusted(_NOT_AS_PROMISED)
    return value


def _bytes_text(claims: dict[str, Any], name: str, length: int) -> str:
    value = _text(claims, name)
    try:
        data = from_base64url(value)
    except ValueError as fault:
        raise ServerNotTrusted(_NOT_AS_PROMISED) from fault
    if len(data) != length:
        raise ServerNotTrusted(_NOT_AS_PROMISED)
    return value


def _hash(claims: dict[str, Any]) -> str | None:
    return None if claims.get("tx_hash") is None else _bytes_text(claims, "tx_hash", _HASH_BYTES)


def _time(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int:
        raise ServerNotTrusted(_NOT_AS_PROMISED)
    return value


def _alternatives(value: object) -> tuple[tuple[str, ...], ...]:
    if not isinstance(value, list) or not all(isinstance(needs, list) for needs in value):
        raise ServerNotTrusted(_NOT_AS_PROMISED)
    if not all(isinstance(need, str) for needs in value for need in needs):
        raise ServerNotTrusted(_NOT_AS_PROMISED)
    return tuple(tuple(needs) for needs in value)
