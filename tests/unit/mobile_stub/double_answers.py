"""How the double judges proofs and answers: contract section 6, in its order of checks."""

from collections.abc import Mapping
from typing import Any

from tests.unit.mobile_stub.double_jose import (
    Fault,
    Token,
    demand_header,
    demand_signature,
    key_from_jwk,
    pin_signed,
    take_apart,
)
from tests.unit.mobile_stub.double_records import Answer, Asked, Device, Problem


def read_jose(headers: Mapping[str, str], body: bytes) -> Token:
    if headers.get("content-type") != "application/jose":
        raise Fault("media type")
    return take_apart(body.decode())


def demand_times(claims: dict[str, Any], now: float) -> None:
    times = claims["iat"], claims["exp"]
    if any(type(value) is not int for value in times) or times[1] - times[0] > 60:
        raise Fault("times")
    if times[0] > now + 60 or times[1] <= now or len(claims["jti"]) < 22:
        raise Fault("times")


def demand_pin(device: Device, proof: object, text: str) -> None:
    if device.pin == "set" and pin_signed(device.pin_jwk, proof, text):
        device.wrong_pins = 0
        return
    device.wrong_pins += 1
    if device.wrong_pins >= 10:
        device.pin = "disabled"
    raise Problem(403, "proof-rejected")


def answer(
    device: Device,
    one: Asked,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
) -> Answer:
    if one.status != "pending":
        told = {"status": one.status, "reason": one.reason} if one.final == device.id else {}
        raise Problem(409, "challenge-not-open", told)
    try:
        token = read_jose(headers, body)
        demand_header(token, "stepup-response+jwt", "kid")
        demand_signature(token, key_from_jwk(device.jwk))
        demand_times(token.claims, now)
        _demand_answer(token, device, one)
    except (Fault, KeyError, ValueError) as fault:
        raise Problem(403, "proof-rejected", {"attempts_left": one.attempts_left}) from fault
    return _settle(token.claims, device, one)


def _settle(claims: dict[str, Any], device: Device, one: Asked) -> Answer:
    if claims["decision"] != "approve":
        reason = {"deny": "user_denied", "report_fraud": "fraud_reported"}[claims["decision"]]
        one.status, one.reason, one.final = "denied", reason, device.id
        return 200, {}, {"status": "denied"}
    one.attempts_left -= 1
    try:
        _demand_proofs(claims, device, one)
    except Problem as wrong:
        if one.attempts_left == 0:
            one.status, one.reason = "failed", "attempts_exhausted"
        raise Problem(403, "proof-rejected", {"attempts_left": one.attempts_left}) from wrong
    one.status, one.final = one.then, device.id
    return 200, {}, {"status": one.then}


def _demand_answer(token: Token, device: Device, one: Asked) -> None:
    claims = token.claims
    expected = {name: one.claims[name] for name in ("challenge_id", "nonce")}
    expected |= {"iss": device.id, "aud": one.claims["iss"]}
    if token.header["kid"] != device.id or {k: claims[k] for k in expected} != expected:
        raise Fault("answer")
    if claims["decision"] != "approve":
        if set(claims) != {*expected, "decision", "jti", "iat", "exp"}:
            raise Fault("too much in a refusal")
        return
    has = {name for name, claim in (("code", "code"), ("pin", "pin_proof")) if claim in claims}
    has |= {claims["proof"]["method"]} if "proof" in claims else set()
    if claims.get("tx_hash") != one.claims.get("tx_hash"):
        raise Fault("tx_hash")
    if not any(set(needs) <= has for needs in one.claims["require"]):
        raise Fault("require")


def _demand_proofs(claims: dict[str, Any], device: Device, one: Asked) -> None:
    if claims["code"] != one.code:
        raise Problem(403, "proof-rejected")
    if "pin_proof" in claims:
        text = ".".join((claims["challenge_id"], claims["nonce"], claims["code"]))
        demand_pin(device, claims["pin_proof"], f"stepup-pin/1.answer.{text}")
    if "proof" not in claims:
        return
    right = one.proof(claims["proof"]) if callable(one.proof) else claims["proof"] == one.proof
    if not right:
        raise Problem(403, "proof-rejected")
