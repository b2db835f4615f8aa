"""Giving one answer: what goes into it, and what is done when its reply is lost."""

from typing import Any

import httpx

from mobile_stub.answers import (
    BiometricProof,
    Decision,
    FurtherProof,
    Outcome,
    answer_jws,
    check_complete,
    typed_display_code,
)
from mobile_stub.challenges import Challenge
from mobile_stub.device_calls import JWS_TYPE
from mobile_stub.errors import BadInput, PhoneError, Refused, ServerNotTrusted, Unreachable
from mobile_stub.keys import PinKey
from mobile_stub.pin_policy import typed_pin
from mobile_stub.session import Session, json_reply

PIN_DISABLED = (
    "The PIN of this phone is disabled after too many wrong entries."
    " Only a new enrollment of this phone brings a PIN back."
)
_NO_PIN = "This phone was enrolled without a PIN; only a new enrollment sets one."


def check_pin_set(session: Session) -> None:
    """Raise `BadInput` unless the service has a usable PIN for this phone."""
    standing = session.device()["pin"]
    if standing != "set":
        raise BadInput(PIN_DISABLED if standing == "disabled" else _NO_PIN)


def approval(
    session: Session,
    challenge: Challenge,
    *,
    code: str,
    pin: str | None,
    proof: FurtherProof | BiometricProof | None,
) -> dict[str, Any]:
    """Return the claims of an approval that completes an alternative of `require`.

    Raises `MissingInput`, `BadInput` or `NotVerified` before an attempt, a PIN try or a one-time
    code is spent.
    """
    evidence: dict[str, Any] = {"code": typed_display_code(code)}
    given = {"code", *(["pin"] if pin is not None else []), *([proof.method] if proof else [])}
    check_complete(challenge, frozenset(given))
    if challenge.tx_hash is not None:
        evidence["tx_hash"] = challenge.tx_hash
    if proof is not None:
        evidence["proof"] = proof.for_wire(challenge)
    if pin is not None:
        evidence["pin_proof"] = _pin_proof(session, challenge, evidence["code"], pin)
    return evidence


def answered(
    session: Session, challenge: Challenge, decision: Decision, evidence: dict[str, Any]
) -> Outcome:
    """Sign and send the answer, and return how the service took it.

    When the reply is lost and the challenge is gone, the same answer is sent once more: an
    ended challenge costs no attempt and tells this device what it had decided (contract 6).
    While it is still open the person is asked to answer again, since a repetition could cost one.
    """
    try:
        return _sent(session, challenge, decision, evidence)
    except Unreachable as lost:
        if not lost.lost_reply or _still_open(session, challenge):
            raise
    except Refused as refused:
        if "pin_proof" in evidence and refused.slug == "proof-rejected":
            raise _with_pin_standing(session, refused) from refused
        raise
    try:
        return _sent(session, challenge, decision, evidence)
    except Refused as refused:
        if "status" not in refused.facts:
            raise
        reason = refused.facts.get("reason")
        status = str(refused.facts["status"])
        return Outcome(challenge.id, status, None if reason is None else str(reason))


def _pin_proof(session: Session, challenge: Challenge, code: str, typed: str) -> str:
    pin = typed_pin(typed)
    # A PIN that is not set or disabled would cost an attempt.
    if not any("pin" in needs for needs in challenge.require):
        check_pin_set(session)
    key = PinKey.derive(pin, session.state.device_secret)
    return key.proof("answer", challenge.id, challenge.nonce, code)


def _sent(
    session: Session, challenge: Challenge, decision: Decision, evidence: dict[str, Any]
) -> Outcome:
    def body_for(_: str) -> bytes:
        return answer_jws(
            challenge,
            decision,
            evidence,
            key=session.state.device_key,
            device_id=session.device_id,
            issuer=session.state.issuer,
            at=session.wire.now(),
        )

    path = f"/v1/device/challenges/{challenge.id}/answer"
    reply = session.calls.call("POST", path, body_for=body_for, content_type=JWS_TYPE)
    said = json_reply(reply)
    status, reason = said.get("status"), said.get("reason")
    if not isinstance(status, str):
        raise ServerNotTrusted("The service's reply to the answer cannot be read.")
    return Outcome(challenge.id, status, reason if isinstance(reason, str) else None)


def _still_open(session: Session, challenge: Challenge) -> bool:
    try:
        session.challenge(challenge.id)
    except Refused as refused:
        if refused.status_code in (httpx.codes.NOT_FOUND, httpx.codes.CONFLICT):
            return False
        raise
    return True


def _with_pin_standing(session: Session, refused: Refused) -> Refused:
    """Add the reason that the person can act on; the service's own body never names a cause."""
    try:
        disabled = session.device()["pin"] == "disabled"
    except PhoneError:
        return refused
    if not disabled:
        return refused
    return Refused(
        f"{refused} {PIN_DISABLED}",
        status_code=refused.status_code,
        slug=refused.slug,
        attempts_left=refused.facts.get("attempts_left"),
        pin="disabled",
    )
