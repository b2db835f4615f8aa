"""What an answer needs, and the signed answer itself (contract 6, answer JWS)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as PrivateKey

from mobile_stub import jws
from mobile_stub.challenges import Challenge
from mobile_stub.device_calls import LIFETIME, new_jti
from mobile_stub.encoding import ascii_digits, typed_number
from mobile_stub.errors import BadInput, MissingInput
from mobile_stub.platform_authenticator import Ceremony, PlatformAuthenticator

RESPONSE_TYP = "stepup-response+jwt"
_DISPLAY_CODE_DIGITS = 6
_WORDS = {
    "code": "the code that the browser shows",
    "pin": "your PIN",
    "totp": "a code from your authenticator app",
    "recovery_code": "a recovery code",
    "webauthn": "your fingerprint or face",
}


class Decision(StrEnum):
    """What the person decided; deny and report are final."""

    APPROVE = "approve"
    DENY = "deny"
    REPORT_FRAUD = "report_fraud"


@dataclass(frozen=True, slots=True)
class FurtherProof:
    """One more proof inside an approval, a typed code of another method."""

    method: Literal["totp", "recovery_code"]
    code: str = field(repr=False)

    def for_wire(self, challenge: Challenge) -> dict[str, Any]:
        """Return the proof as section 3 of the contract has it, the code folded as typed codes are.

        Raises `BadInput` when nothing was typed, and for a one-time code that nobody asked for, so
        that it is not spent in vain.
        """
        if not any(self.method in needs for needs in challenge.require):
            words = _WORDS[self.method]
            raise BadInput(f"This request does not ask for {words}; leave it out.")
        folded = typed_number(self.code) if self.method == "totp" else ascii_digits(self.code)
        if not folded.strip():
            raise BadInput("The further code is empty.")
        return {"method": self.method, "code": folded.strip()}


@dataclass(frozen=True, slots=True)
class BiometricProof:
    """One more proof inside an approval: a passkey of this phone signs the request's nonce."""

    authenticator: PlatformAuthenticator
    ceremony: Ceremony
    method: Literal["webauthn"] = "webauthn"

    def for_wire(self, challenge: Challenge) -> dict[str, Any]:
        """Return the proof as section 3 of the contract has it.

        Raises `BadInput` where no passkey of this phone is asked for, `NotVerified` when the
        person was not recognised.
        """
        if challenge.webauthn is None:
            raise BadInput("This request does not ask for your fingerprint or face; leave it out.")
        credential = self.authenticator.assertion(challenge.webauthn, self.ceremony)
        return {"method": self.method, "credential": credential}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the service took an answer: the challenge's state and, where it has ended, why."""

    challenge_id: str
    status: str
    reason: str | None = None


def typed_display_code(typed: str) -> str:
    """Return the six typed digits in ASCII, or `BadInput` so that no attempt is wasted."""
    code = typed_number(typed)
    if len(code) != _DISPLAY_CODE_DIGITS or not (code.isascii() and code.isdigit()):
        raise BadInput("The code that the browser shows has six digits.")
    return code


def check_complete(challenge: Challenge, given: frozenset[str]) -> None:
    """Raise `MissingInput`, naming what is missing, unless `given` completes an alternative."""
    gaps = [set(needs) - given for needs in challenge.require]
    if any(not gap for gap in gaps):
        return
    known = _WORDS.keys() - (set() if challenge.biometric else {"webauthn"})
    fillable = [gap for gap in gaps if gap <= known]
    if fillable:
        wishes = dict.fromkeys(_listed(gap) for gap in fillable)
        raise MissingInput(f"This request needs {', or '.join(wishes)}.")
    if any("webauthn" in gap for gap in gaps):
        raise MissingInput("This request needs a passkey, which this phone does not have.")
    raise MissingInput("This request needs something that this phone does not know.")


def answer_jws(  # noqa: PLR0913  (the parts of one signed message)
    challenge: Challenge,
    decision: Decision,
    evidence: dict[str, Any],
    *,
    key: PrivateKey,
    device_id: str,
    issuer: str,
    at: int,
) -> bytes:
    """Return the signed answer, valid for 60 seconds from `at`; nobody keeps a copy."""
    claims = {
        "iss": device_id,
        "aud": issuer,
        "challenge_id": challenge.id,
        "nonce": challenge.nonce,
        "decision": decision.value,
        **evidence,
        "jti": new_jti(),
        "iat": at,
        "exp": at + LIFETIME,
    }
    return jws.sign(key, {"typ": RESPONSE_TYP, "kid": device_id}, claims).encode()


def _listed(gap: set[str]) -> str:
    return " and ".join(words for need, words in _WORDS.items() if need in gap)
