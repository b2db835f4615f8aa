"""Time-based one-time passwords (RFC 6238): SHA-1, 6 digits, 30 s."""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import pyotp

from mfa_service.domain.errors import ProofRejected, ProofReplayed
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

_PERIOD = 30
_SECRET_BYTES = 20
_DIGITS = re.compile(r"[0-9]{6}\Z")


@dataclass(frozen=True, slots=True)
class Totp:
    """Accepts the current step and `drift` steps either side, each later than the last one."""

    method: str = "totp"
    type: str = "totp"
    default_label: str = "Authenticator app"
    order: int = 30
    slow: bool = False
    counted: bool = True
    drift: int = 1

    def potential(
        self, attributes: Mapping[str, object], *, pin: bool, on_phone: bool = False
    ) -> tuple[str, ...]:
        """Return what a code shows: possession of the seed."""
        return ("totp",)

    def begin(self, subject: EnrollmentSubject, randomness: Randomness) -> Begun:
        """Draw a 160-bit seed (RFC 4226 §4 R6) and describe it as an otpauth URI."""
        secret = base64.b32encode(randomness.bytes(_SECRET_BYTES)).decode("ascii")
        shown: JsonObject = {"otpauth_uri": otpauth_uri(subject, secret), "secret": secret}
        return Begun({"secret": secret}, shown)

    def finish(
        self, pending: JsonObject, proof: Proof, *, registration: Registration, at: int
    ) -> Credential:
        """Return the credential, with the confirming code already spent."""
        credential = Credential(pending)
        verified = self.verify(credential, proof, binding=Binding(), at=at)
        return Credential(pending, counter=-1 if verified.counter is None else verified.counter)

    def prompt(
        self, credentials: Sequence[Credential], *, binding: Binding, seconds: int
    ) -> JsonObject:
        """Return nothing: what is needed is in the person's hands."""
        return {}

    def verify(
        self, credential: Credential, proof: Proof, *, binding: Binding, at: int
    ) -> Verified:
        """Return evidence whose counter is the matched step, so a code works once (RFC 6238 §5.2).

        Raises `ProofReplayed` for a code of a step that is not later than the last accepted one.
        """
        code = _code_of(proof)
        matched = self._steps_matching(str(credential.secret["secret"]), code, credential, at)
        if not matched:
            raise ProofRejected
        if max(matched) <= credential.counter:
            raise ProofReplayed
        return Verified(("totp",), counter=max(matched))

    def _steps_matching(self, secret: str, code: str, credential: Credential, at: int) -> list[int]:
        """Compare with every step of the window and the last accepted one, without early exit."""
        now = at // _PERIOD
        steps = {step for step in range(now - self.drift, now + self.drift + 1) if step >= 0}
        if credential.counter >= 0:
            steps.add(credential.counter)
        totp = _Generator(secret, digits=6, interval=_PERIOD)
        return [step for step in steps if hmac.compare_digest(totp.generate_otp(step), code)]


class _Generator(pyotp.TOTP):
    """Decodes its secret once, not for every code."""

    _seed = b""

    def byte_secret(self) -> bytes:
        self._seed = self._seed or super().byte_secret()
        return self._seed


def otpauth_uri(subject: EnrollmentSubject, secret: str) -> str:
    """Return an otpauth URI; issuer and account are percent-encoded, `/` and `:` included."""
    issuer = quote(urlsplit(subject.issuer).netloc, safe="")
    account = quote(subject.sub, safe="")
    return f"otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}"


def _code_of(proof: Proof) -> str:
    """Return six ASCII digits, spaces forgiven; pyotp alone would accept full-width ones."""
    code = str(proof.get("code", "")).replace(" ", "")
    if not _DIGITS.match(code):
        raise ProofRejected
    return code


FACTOR = Totp()
