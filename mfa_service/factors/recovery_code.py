"""Recovery codes: ten saved look-up secrets of 80 bits, each good once (SP 800-63B-4 §4.2.1)."""

import hmac
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from argon2.low_level import Type, hash_secret_raw

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

_CODES = 10
_SELECTOR, _SECRET = 2, 16
_SHAPE = re.compile(rf"[{crockford.ALPHABET}]{{{_SELECTOR + _SECRET}}}\Z")
_NOWHERE = {"salt": "00" * 16, "hash": "00" * 32}


@dataclass(frozen=True, slots=True)
class Argon2id:
    """OWASP's minimum (S 9.6.1): the codes carry 80 random bits, unlike passwords."""

    memory_kib: int = 19_456
    passes: int = 2

    def hash(self, secret: str, salt: bytes) -> bytes:
        """Return 32 bytes."""
        return hash_secret_raw(secret.encode(), salt, self.passes, self.memory_kib, 1, 32, Type.ID)


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """`SS-XXXX-XXXX-XXXX-XXXX`: a selector that finds the hash, and the secret."""

    method: str = "recovery_code"
    type: str = "recovery_codes"
    default_label: str = "Recovery codes"
    order: int = 90
    slow: bool = True
    counted: bool = True
    argon2: Argon2id = field(default_factory=Argon2id)
    # Two threads of their own: at most two blocks of memory are held, whoever asks, and
    # a core is left to those who wait.
    hashers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(2, "argon2"), repr=False, compare=False
    )

    def potential(
        self, attributes: Mapping[str, object], *, pin: bool, on_phone: bool = False
    ) -> tuple[str, ...]:
        """Return what a code shows: possession of the saved list."""
        return ("recovery_code",)

    def begin(self, subject: EnrollmentSubject, randomness: Randomness) -> Begun:
        """Return ten new codes, complete at once; they are never shown again."""
        selectors: set[str] = set()
        while len(selectors) < _CODES:
            selectors.add(crockford.encode_bits(randomness.bytes(2), _SELECTOR))
        codes, rows = [], {}
        for selector in sorted(selectors):
            secret = crockford.encode_bits(randomness.bytes(10), _SECRET)
            codes.append(f"{selector}-{crockford.grouped(secret)}")
            rows[selector] = self._row(secret, randomness.bytes(16))
        return Begun({"codes": rows}, {"codes": codes}, complete=True, uses=_CODES)

    def finish(
        self, pending: JsonObject, proof: Proof, *, registration: Registration, at: int
    ) -> Credential:
        """Refuse: codes need no confirmation."""
        raise ProofRejected

    def prompt(
        self, credentials: Sequence[Credential], *, binding: Binding, seconds: int
    ) -> JsonObject:
        """Return nothing: what is needed is in the person's hands."""
        return {}

    def verify(
        self, credential: Credential, proof: Proof, *, binding: Binding, at: int
    ) -> Verified:
        """Return evidence that spends the code: one hash per try, also for an unknown selector."""
        typed = crockford.normalise(str(proof.get("code", "")))
        if not _SHAPE.match(typed):
            raise ProofRejected
        selector, secret = typed[:_SELECTOR], typed[_SELECTOR:]
        rows = credential.secret["codes"]
        row = rows.get(selector, _NOWHERE) if isinstance(rows, dict) else _NOWHERE
        computed = self._hash(secret, bytes.fromhex(row["salt"]))
        if not hmac.compare_digest(computed, bytes.fromhex(row["hash"])) or row is _NOWHERE:
            raise ProofRejected
        return Verified(("recovery_code",), spends=selector)

    def _row(self, secret: str, salt: bytes) -> dict[str, str]:
        return {"salt": salt.hex(), "hash": self._hash(secret, salt).hex()}

    def _hash(self, secret: str, salt: bytes) -> bytes:
        return self.hashers.submit(self.argon2.hash, secret, salt).result()


FACTOR = RecoveryCode()
