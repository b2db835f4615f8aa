"""Changing the device key so that a lost reply never leaves a phone without its key."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx

from mobile_stub import jws
from mobile_stub.device_calls import JWS_TYPE, LIFETIME, DeviceCalls, new_jti
from mobile_stub.errors import MissingInput, Refused, Unreachable
from mobile_stub.keys import PinKey, new_device_key, public_jwk
from mobile_stub.pin_policy import typed_pin
from mobile_stub.refusals import pin_refusal_for
from mobile_stub.session import Session
from mobile_stub.state import NextKey, State, StateFile
from mobile_stub.wire import Wire

ROTATE_TYP = "stepup-rotate+jwt"
# A rotation is signed for 60 s and clocks may differ by 60 s; later it cannot arrive any more.
_SETTLED_AFTER = 300


def rotate(
    session: Session,
    store: StateFile,
    *,
    pin: str | None,
    attestation: Mapping[str, Any] | None,
) -> None:
    """Replace the device key, writing the new one down before it is sent (contract 6).

    Call it under the lock. Raises `MissingInput` when a PIN is set and not given, `Refused` when
    the service keeps the old key, `Unreachable` when the rotation did not happen or is unsettled.
    """
    pin_key = _pin_key(session, pin)
    state, wire = session.state, session.wire
    following = NextKey(state.next_key.key if state.next_key else new_device_key(), wire.now())
    trying = replace(state, next_key=following)
    store.save(trying)

    def body_for(_: str) -> bytes:
        return _rotation(session, following, pin_key, attestation)

    try:
        session.calls.call("POST", "/v1/device/keys", body_for=body_for, content_type=JWS_TYPE)
    except (Refused, Unreachable) as fault:
        if _is_final(fault):
            store.save(replace(state, next_key=None))
            if pin_key is not None and isinstance(fault, Refused):
                raise pin_refusal_for(fault) from fault
            raise
        if settled(wire, store, trying).next_key is not None:
            raise
    else:
        store.save(_promoted(trying, following))


def settled(wire: Wire, store: StateFile, state: State) -> State:
    """Return the state with the key that the service knows, the new one tried first.

    Call it under the lock. `Refused` when it knows neither. A new key that is not known stays
    until its rotation can no longer arrive.
    """
    following, device_id = state.next_key, state.device_id
    if following is None or device_id is None:
        return state
    try:
        DeviceCalls(wire, device_id, following.key).call("GET", "/v1/device")
    except Refused as refused:
        if refused.status_code != httpx.codes.UNAUTHORIZED:
            raise
    else:
        promoted = _promoted(state, following)
        store.save(promoted)
        return promoted
    DeviceCalls(wire, device_id, state.device_key).call("GET", "/v1/device")
    if wire.now() - following.sent_at > _SETTLED_AFTER:
        state = replace(state, next_key=None)
        store.save(state)
    return state


def _pin_key(session: Session, pin: str | None) -> PinKey | None:
    if session.device()["pin"] != "set":
        return None
    if pin is None:
        raise MissingInput("Changing the key of this phone needs your PIN.")
    return PinKey.derive(typed_pin(pin), session.state.device_secret)


def _rotation(
    session: Session,
    following: NextKey,
    pin_key: PinKey | None,
    attestation: Mapping[str, Any] | None,
) -> bytes:
    jwk, jti, at = public_jwk(following.key), new_jti(), session.wire.now()
    claims: dict[str, Any] = {
        "iss": session.device_id,
        "aud": session.state.issuer,
        "jti": jti,
        "iat": at,
        "exp": at + LIFETIME,
    }
    if pin_key is not None:
        new = jws.thumbprint(jwk)
        claims["pin_proof"] = pin_key.proof("rotate", session.device_id, jti, new)
    if attestation is not None:
        claims["attestation"] = dict(attestation)
    return jws.sign(following.key, {"typ": ROTATE_TYP, "jwk": jwk}, claims).encode()


def _is_final(fault: Refused | Unreachable) -> bool:
    """Say whether the rotation surely did not happen: it was refused, or never left."""
    if isinstance(fault, Unreachable):
        return not fault.lost_reply
    server_fault = fault.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
    return not server_fault and fault.status_code != httpx.codes.UNAUTHORIZED


def _promoted(state: State, following: NextKey) -> State:
    return replace(state, device_key=following.key, next_key=None)
