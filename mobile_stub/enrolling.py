"""Claiming an enrollment: new keys, one signed claim, and the check code for the browser."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as PrivateKey

from mobile_stub import jws
from mobile_stub.device_calls import JWS_TYPE, LIFETIME, new_jti
from mobile_stub.enrollment_uri import Offer
from mobile_stub.errors import BadInput, Refused, ServerNotTrusted, StateFault
from mobile_stub.keys import PinKey, new_device_key, new_device_secret, public_jwk
from mobile_stub.refusals import refusal_for
from mobile_stub.server_keys import ServerKeys
from mobile_stub.session import Session, json_reply
from mobile_stub.state import State, StateFile
from mobile_stub.wire import Wire

ENROLL_TYP = "stepup-enroll+jwt"
APP_VERSION = "0.1.0"
PLATFORM = "mobile-stub"
NO_PUSH: Mapping[str, Any] = {"provider": "none"}
_LONGEST_NAME = 64
_DEVICE_ID = re.compile(r"aut_[A-Za-z0-9_-]{16,128}")
_CHECK_CODE = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, slots=True)
class Claim:
    """What the phone says of itself when it enrolls; `push` and `attestation` as on the wire."""

    name: str
    pin: str | None = field(default=None, repr=False)
    push: Mapping[str, Any] = field(default_factory=lambda: NO_PUSH)
    attestation: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse a name that no service would take."""
        if not 1 <= len(self.name) <= _LONGEST_NAME or not self.name.isprintable():
            raise BadInput(f"The name of a phone has 1 to {_LONGEST_NAME} plain characters.")


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The answered claim; `check_code` is for the person to type into the browser.

    `pin_advice` says why the PIN should be changed, where only the answer could tell.
    """

    device_id: str
    sub: str
    issuer: str
    check_code: str = field(repr=False)
    state: str
    pin_advice: str | None = None


def enroll(
    offer: Offer, claim: Claim, *, store: StateFile, open_wire: Callable[[str], Wire]
) -> Enrolled:
    """Claim the enrollment and write the phone down; it is usable once the browser confirmed.

    Call it under the lock. The keys are stored before the claim leaves, so that the same code
    can be claimed again by the same key after a lost reply. Raises `StateFault` when the file
    holds a phone that still works, `Refused` when the service declines.
    """
    draft = _draft(offer, store=store, open_wire=open_wire)
    with open_wire(offer.issuer) as wire:
        # Proves that this is the service it claims to be, and sets the clock, before the code goes.
        ServerKeys(wire).fetch()
        store.save(draft)
        try:
            reply = _send(wire, draft, offer, claim)
        except Refused as refused:
            if refused.status_code < httpx.codes.INTERNAL_SERVER_ERROR and draft.device_id is None:
                store.delete()
            raise
    enrolled = _enrolled(json_reply(reply), offer)
    store.save(replace(draft, device_id=enrolled.device_id, sub=enrolled.sub))
    return enrolled


def _draft(offer: Offer, *, store: StateFile, open_wire: Callable[[str], Wire]) -> State:
    enrollment = sha256(offer.code.encode()).hexdigest()
    if store.exists():
        former = store.load()
        if (former.issuer, former.enrollment) == (offer.issuer, enrollment):
            return former
        _refuse_working_phone(former, open_wire)
    return State(offer.issuer, new_device_key(), new_device_secret(), enrollment)


def _refuse_working_phone(former: State, open_wire: Callable[[str], Wire]) -> None:
    if former.device_id is None:
        return
    with open_wire(former.issuer) as wire:
        try:
            Session.over(wire, former).device()
        except Refused as refused:
            if refused.status_code == httpx.codes.UNAUTHORIZED:
                return
            raise
    raise StateFault("This state file already holds a phone; remove it or use another file.")


def _send(wire: Wire, draft: State, offer: Offer, claim: Claim) -> httpx.Response:
    pin_key = PinKey.derive(claim.pin, draft.device_secret) if claim.pin is not None else None
    body = _claim_jws(draft.device_key, offer, claim, pin_key, wire.now())
    path, headers = "/v1/device/enrollments/claim", {"Content-Type": JWS_TYPE}
    reply = wire.send("POST", path, body=body, headers=headers)
    if not reply.is_success:
        raise refusal_for(reply)
    return reply


def _claim_jws(
    key: PrivateKey, offer: Offer, claim: Claim, pin_key: PinKey | None, at: int
) -> bytes:
    claims: dict[str, Any] = {
        "aud": offer.issuer,
        "code": offer.code,
        "name": claim.name,
        "platform": PLATFORM,
        "app_version": APP_VERSION,
        "push": dict(claim.push),
        "jti": new_jti(),
        "iat": at,
        "exp": at + LIFETIME,
    }
    if pin_key is not None:
        claims |= {"pin_jwk": pin_key.jwk(), "pin_proof": pin_key.proof("enroll", offer.code)}
    if claim.attestation is not None:
        claims["attestation"] = dict(claim.attestation)
    return jws.sign(key, {"typ": ENROLL_TYP, "jwk": public_jwk(key)}, claims).encode()


def _enrolled(reply: dict[str, Any], offer: Offer) -> Enrolled:
    texts = {
        name: reply.get(name) for name in ("device_id", "sub", "issuer", "check_code", "state")
    }
    if texts["issuer"] != offer.issuer:
        raise ServerNotTrusted("The service that answered is not the one of the enrollment link.")
    well_formed = (
        all(isinstance(text, str) for text in texts.values())
        and _DEVICE_ID.fullmatch(str(texts["device_id"]))
        and _CHECK_CODE.fullmatch(str(texts["check_code"]))
    )
    if not well_formed:
        raise ServerNotTrusted("The service's answer to the enrollment cannot be read.")
    return Enrolled(**{name: str(text) for name, text in texts.items()})
