"""The phone: the display code typed into it, and optionally a PIN that derives a key (contract 6).

The signature of the device key is checked before anything here: it authenticates the phone. What
this module judges is what the person typed into it.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mfa_service import jose
from mfa_service.domain import crockford
from mfa_service.domain.errors import ProofRejected
from mfa_service.domain.factor import (
    Begun,
    Binding,
    Credential,
    EnrollmentSubject,
    Proof,
    Registration,
    Verified,
)
from mfa_service.domain.ports import JsonObject, Randomness

_CODE_LENGTH = 26


@dataclass(frozen=True, slots=True)
class Phone:
    """A device key, and a PIN key of which only the public part is known here."""

    method: str = "push"
    type: str = "phone"
    default_label: str = "Phone"
    order: int = 20
    slow: bool = False
    counted: bool = False

    def potential(
        self, attributes: Mapping[str, object], *, pin: bool, on_phone: bool = False
    ) -> tuple[str, ...]:
        """Return the phone itself, and its PIN when there is one."""
        return (_key_evidence(attributes), "pin") if pin else (_key_evidence(attributes),)

    def begin(self, subject: EnrollmentSubject, randomness: Randomness) -> Begun:
        """Return an enrollment code of 130 random bits."""
        code = crockford.encode_bits(randomness.bytes(17), _CODE_LENGTH)
        return Begun({}, {"code": code})

    def finish(
        self, pending: JsonObject, proof: Proof, *, registration: Registration, at: int
    ) -> Credential:
        """Return what the claim brought, once the check code was typed into the browser."""
        expected, typed = str(pending["check_code"]), str(proof.get("check_code", ""))
        secret = pending["credential"]
        if not hmac.compare_digest(expected.encode(), typed.encode()):
            raise ProofRejected
        if not isinstance(secret, dict):
            raise ProofRejected
        return Credential(secret)

    def prompt(
        self, credentials: Sequence[Credential], *, binding: Binding, seconds: int
    ) -> JsonObject:
        """Return nothing: what is needed is in the person's hands."""
        return {}

    def verify(
        self, credential: Credential, proof: Proof, *, binding: Binding, at: int
    ) -> Verified:
        """Return evidence of the phone, and of the PIN if `pin_proof` came and holds.

        The display code is compared first: a wrong one is never counted as a wrong PIN.
        """
        check_display_code(proof, binding)
        evidence: tuple[str, ...] = (_key_evidence(credential.secret),)
        if "pin_proof" in proof:
            check_pin(credential, proof, binding)
            evidence = (*evidence, "pin")
        return Verified(evidence)


def check_display_code(proof: Proof, binding: Binding) -> None:
    """Raise `ProofRejected` unless the code that the browser shows was typed."""
    typed = str(proof.get("code", ""))
    if not hmac.compare_digest(typed.encode(), binding.display_code.encode()):
        raise ProofRejected


def check_pin(credential: Credential, proof: Proof, binding: Binding) -> None:
    """Raise `ProofRejected` unless the PIN key signed this challenge, nonce and code."""
    message = pin_message(proof, binding).encode()
    if not jose.holds_ed25519(credential.secret.get("pin_key"), proof.get("pin_proof"), message):
        raise ProofRejected


def pin_message(proof: Proof, binding: Binding) -> str:
    """Return what the PIN key has to sign for this challenge, nonce and typed code."""
    return f"stepup-pin/1.answer.{binding.challenge_id}.{binding.nonce}.{proof.get('code')}"


def _key_evidence(attributes: Mapping[str, object]) -> str:
    return "phone_hardware" if attributes.get("hardware") is True else "phone"


FACTOR = Phone()
