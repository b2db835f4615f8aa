"""What the phone shows: challenges and outcomes in plain words, safe for a terminal."""

import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

from mobile_stub.answers import Decision, Outcome
from mobile_stub.challenges import Challenge
from mobile_stub.enrolling import Enrolled
from mobile_stub.refusals import ending

# Controls, format characters (bidi and zero-width among them), separators, surrogates, unknowns.
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_NEEDS = {
    "code": "the code that the browser shows",
    "pin": "your PIN",
    "totp": "an authenticator app code",
    "recovery_code": "a recovery code",
}
_BIOMETRIC = "your fingerprint or face"
_NO_PASSKEY = "a passkey, which this phone does not have"
_CONTEXT = {
    "application": "Application",
    "ip": "Network address",
    "location": "Place",
    "user_agent": "Browser",
}
REMOVAL_WARNING = (
    "A removed phone goes on counting as a suspended one: without another way to prove yourself,"
    " only an administrator can help you to enroll again."
)


def shown(text: str) -> str:
    """Return `text` with every invisible or direction-changing character written out (T21)."""
    return "".join(
        f"\\u{ord(char):04x}" if unicodedata.category(char) in _INVISIBLE else char for char in text
    )


def challenge_for_json(challenge: Challenge) -> dict[str, Any]:
    """Return the signed fields for programs; `id` is what the other commands take."""
    return {
        "id": challenge.id,
        "challenge_id": challenge.id,
        "client_name": challenge.client_name,
        "sub": challenge.sub,
        "purpose": challenge.purpose,
        "binding_message": challenge.binding_message,
        "transaction": challenge.transaction,
        "tx_hash": challenge.tx_hash,
        "context": challenge.context,
        "require": [list(needs) for needs in challenge.require],
        "webauthn": challenge.webauthn,
        "biometric": challenge.biometric,
        "fraud_reported": challenge.fraud_reported,
        "iat": challenge.issued_at,
        "exp": challenge.expires_at,
    }


def challenge_in_words(challenge: Challenge) -> str:
    """Return what the person has to see before deciding, several lines."""
    lines = [f"Request {challenge.id}", f"  {shown(challenge.client_name)} asks {_act(challenge)}."]
    if challenge.fraud_reported:
        lines.append("  WARNING: fraud was reported for this account a short while ago.")
    if challenge.binding_message is not None:
        lines.append(f"  Message: {shown(challenge.binding_message)}")
    if challenge.transaction is not None:
        text = json.dumps(challenge.transaction, ensure_ascii=False, indent=2)
        lines += ["  You approve exactly this:", *(f"    {shown(x)}" for x in text.split("\n"))]
    lines += _context_lines(challenge.context or {})
    lines.append(f"  Needs: {_needs(challenge)}")
    until = datetime.fromtimestamp(challenge.expires_at, tz=UTC)
    lines.append(f"  Valid until {until:%H:%M:%S} UTC")
    return "\n".join(lines)


def enrolled_in_words(enrolled: Enrolled) -> str:
    """Return the check code and what to do with it."""
    return (
        f"This phone is enrolled for {shown(enrolled.sub)} at {shown(enrolled.issuer)}.\n"
        f"Check code: {enrolled.check_code}\n"
        "Type the check code into the browser to finish."
    )


def outcome_in_words(decision: Decision, outcome: Outcome) -> str:
    """Return how the service took the answer."""
    if outcome.status == "pending":
        return "Accepted. The request still waits for another proof."
    if outcome.status == "denied" and decision is Decision.REPORT_FRAUD:
        return "Denied and reported as fraud."
    words = ending(outcome.status, outcome.reason)
    return f"{words[:1].upper()}{words[1:]}."


def device_in_words(device: dict[str, Any]) -> str:
    """Return what the service says about this phone, one fact a line."""
    push = device.get("push") or {}
    facts = {**device, "push": push.get("provider") if isinstance(push, dict) else None}
    return "\n".join(f"{name}: {shown(str(value))}" for name, value in facts.items())


def _act(challenge: Challenge) -> str:
    sub = shown(challenge.sub)
    if challenge.purpose == "manage":
        return f"to change how you sign in, as {sub}"
    if challenge.transaction is not None:
        return f"{sub} to approve a transaction"
    return f"to sign you in as {sub}"


def _needs(challenge: Challenge) -> str:
    words = {**_NEEDS, "webauthn": _BIOMETRIC if challenge.biometric else _NO_PASSKEY}
    return ", or ".join(
        " and ".join(words.get(need, shown(need)) for need in needs) for needs in challenge.require
    )


def _context_lines(context: dict[str, Any]) -> list[str]:
    return [
        f"  {words}: {shown(str(context[name]))}"
        for name, words in _CONTEXT.items()
        if context.get(name)
    ]
