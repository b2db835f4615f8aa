"""What every factor owes, over the registry: a new one joins by adding a sample here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from mfa_service.domain.errors import ProofRejected
from mfa_service.domain.factor import (
    API,
    Begun,
    Binding,
    Credential,
    EnrollmentSubject,
    Factor,
    Place,
    Proof,
    Registration,
    Verified,
)
from mfa_service.factors import load_factors
from mfa_service.factors.phone import pin_message
from mfa_service.factors.recovery_code import Argon2id, RecoveryCode
from tests.support.authenticator import SoftAuthenticator
from tests.support.phone import PinKey
from tests.support.properties import FEW, json_values

AT = 1_795_430_000
ORIGIN, RP_ID, HANDLE = "https://mfa.example", "mfa.example", b"alice's handle"
BINDING = Binding(
    "chl_a", "bm9uY2U", "123456", RP_ID, Place(API, (ORIGIN,)), HANDLE, user_verification=True
)
FULL_WIDTH = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
ALICE = EnrollmentSubject(ORIGIN, "alice", RP_ID, "Example", HANDLE)


class Counting:
    """Randomness that is none: the same values each time."""

    def __init__(self, start: int = 0) -> None:
        self._next = start

    def bytes(self, count: int) -> bytes:
        self._next += 1
        return bytes((self._next * 7 + i * 31) % 256 for i in range(count))

    def digits(self, count: int) -> str:
        self._next += 1
        return f"{self._next:0{count}}"


@dataclass(frozen=True)
class Sample:
    """A factor with a credential of Alice's, a right proof, and secrets that nobody may print."""

    factor: Factor
    credential: Credential
    proof: Proof
    wrong: tuple[Proof, ...]
    secrets: tuple[str, ...]
    once: bool = True


def totp_sample(factor: Factor, seed: int) -> Sample:
    begun = factor.begin(ALICE, Counting(seed))
    secret = str(begun.pending["secret"])
    code = pyotp.TOTP(secret).at(AT)
    wrong = str((int(code) + 1) % 1_000_000).zfill(6)
    shapes = ("", code[:5], code + "0", f"-{code[1:]}", code.translate(FULL_WIDTH), f"{code}\n")
    credential = Credential(begun.pending)
    proofs = tuple({"code": text} for text in (wrong, *shapes))
    return Sample(factor, credential, {"code": code}, proofs, (secret,))


def recovery_sample(factor: Factor, seed: int) -> Sample:
    begun = factor.begin(ALICE, Counting(seed))
    codes = list(map(str, begun.shown["codes"]))  # type: ignore[call-overload]
    swapped = codes[0][:3] + codes[1][3:]
    other = codes[0][:-1] + ("0" if codes[0][-1] != "0" else "1")
    proofs = tuple({"code": code} for code in (swapped, other, "", codes[0][3:], codes[0] + "0"))
    credential = Credential(begun.pending, uses=begun.uses)
    return Sample(factor, credential, {"code": codes[0]}, proofs, (codes[0], other))


def phone_sample(factor: Factor, seed: int) -> Sample:
    pin = PinKey(Ed25519PrivateKey.from_private_bytes(Counting(seed).bytes(32)))
    credential = Credential({"hardware": False, "pin_key": pin.jwk})
    proof: dict[str, Any] = {"code": BINDING.display_code}
    proof["pin_proof"] = pin.sign(pin_message(proof, BINDING))
    stale = pin.sign(pin_message(proof, Binding("chl_b", "bm9uY2U", "123456")))
    wrong: tuple[Proof, ...] = (
        proof | {"code": "123457"},
        proof | {"code": ""},
        proof | {"pin_proof": stale},
        proof | {"pin_proof": PinKey().sign(pin_message(proof, BINDING))},
        proof | {"pin_proof": ""},
        {},
    )
    return Sample(factor, credential, proof, wrong, (pin.jwk["x"],), once=False)


def webauthn_sample(factor: Factor, seed: int) -> Sample:
    begun = factor.begin(ALICE, Counting(seed))
    key = SoftAuthenticator(counts=True)
    made = key.create(begun.shown["publicKey"], origin=ORIGIN)  # type: ignore[arg-type]
    registration = Registration(RP_ID, (ORIGIN,))
    credential = factor.finish(
        begun.pending, {"credential": made}, registration=registration, at=AT
    )
    options = factor.prompt([credential], binding=BINDING, seconds=60)
    stale: dict[str, Any] = options | {"challenge": "b3RoZXI"}
    wrong: tuple[dict[str, Any], ...] = (
        key.get(stale, origin=ORIGIN),
        key.get(options, origin="https://evil.example"),
        key.get(options, origin=ORIGIN, uv=False),
        key.get(options, origin=ORIGIN, rp_id="evil.example"),
        key.get(options, origin=ORIGIN, user_handle=b"bob's handle"),
        made,
        {},
    )
    proof = {"credential": key.get(options, origin=ORIGIN)}
    proofs = ({"credential": answer} for answer in wrong)
    return Sample(factor, credential, proof, (*proofs, {}), (BINDING.nonce,))


MAKERS: Mapping[str, Callable[[Factor, int], Sample]] = {
    "totp": totp_sample,
    "recovery_code": recovery_sample,
    "push": phone_sample,
    "webauthn": webauthn_sample,
}
FACTORS = load_factors()
CHEAP: Mapping[str, Factor] = {
    "recovery_code": RecoveryCode(argon2=Argon2id(memory_kib=8, passes=1))
}
METHODS = sorted(FACTORS)


def sample_of(method: str, seed: int = 0) -> Sample:
    return MAKERS[method](CHEAP.get(method, FACTORS[method]), seed)


def verify(sample: Sample, proof: Proof, *, binding: Binding = BINDING) -> Verified:
    return sample.factor.verify(sample.credential, proof, binding=binding, at=AT)


def test_every_factor_of_the_registry_has_a_sample_here() -> None:
    assert sorted(MAKERS) == METHODS


@pytest.mark.parametrize("method", METHODS)
def test_a_right_proof_gives_evidence_that_the_factor_had_promised(method: str) -> None:
    sample = sample_of(method)
    promised = sample.factor.potential({}, pin=True)
    evidence = verify(sample, sample.proof).evidence
    assert evidence
    assert set(evidence) <= set(promised)


@pytest.mark.parametrize("method", METHODS)
def test_wrong_proofs_are_refused(method: str) -> None:
    sample = sample_of(method)
    for proof in sample.wrong:
        with pytest.raises(ProofRejected):
            verify(sample, proof)


@pytest.mark.parametrize("method", METHODS)
def test_what_a_proof_uses_up_is_named_so_that_it_works_once(method: str) -> None:
    sample = sample_of(method)
    verified = verify(sample, sample.proof)
    assert (verified.spends is not None or verified.counter is not None) is sample.once


@pytest.mark.parametrize("method", METHODS)
def test_a_proof_whose_counter_was_accepted_is_refused(method: str) -> None:
    sample = sample_of(method)
    counter = verify(sample, sample.proof).counter
    if counter is None:
        assert sample.factor.method != "totp"
        return
    used = replace(sample.credential, counter=counter)
    with pytest.raises(ProofRejected):
        sample.factor.verify(used, sample.proof, binding=BINDING, at=AT)


@pytest.mark.parametrize("method", METHODS)
def test_another_subjects_proof_is_refused(method: str) -> None:
    alice, bob = sample_of(method), sample_of(method, seed=500)
    with pytest.raises(ProofRejected):
        verify(alice, bob.proof)


@pytest.mark.parametrize("method", METHODS)
@FEW
@given(
    proof=st.dictionaries(
        st.sampled_from(["code", "pin_proof", "check_code", "credential", "method"]), json_values
    )
)
def test_any_proof_at_all_is_refused_with_proof_rejected_and_nothing_else(
    method: str, proof: dict[str, Any]
) -> None:
    sample = sample_of(method)
    with pytest.raises(ProofRejected):
        verify(sample, proof)


@pytest.mark.parametrize("method", METHODS)
@FEW
@given(proof=st.dictionaries(st.sampled_from(["code", "check_code", "credential"]), json_values))
def test_any_confirmation_at_all_is_refused_with_proof_rejected_and_nothing_else(
    method: str, proof: dict[str, Any]
) -> None:
    sample = sample_of(method)
    pending = dict(sample.credential.secret) | {"check_code": "204981", "credential": {}}
    with pytest.raises(ProofRejected):
        sample.factor.finish(pending, proof, registration=Registration(), at=AT)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_inputs_give_the_same_outputs(method: str) -> None:
    factor = sample_of(method).factor
    first, second = (factor.begin(ALICE, Counting(3)) for _ in range(2))
    assert (first.pending, first.shown) == (second.pending, second.shown)
    sample = sample_of(method)
    assert verify(sample, sample.proof) == verify(sample, sample.proof)


@pytest.mark.parametrize("method", METHODS)
def test_other_randomness_gives_other_secrets(method: str) -> None:
    factor = sample_of(method).factor
    assert factor.begin(ALICE, Counting(1)).shown != factor.begin(ALICE, Counting(500)).shown


@pytest.mark.parametrize("method", METHODS)
def test_no_secret_is_in_a_repr(method: str) -> None:
    sample = sample_of(method)
    begun: Begun = sample.factor.begin(ALICE, Counting())
    verified = verify(sample, sample.proof)
    shown = [repr(thing) for thing in (begun, sample.credential, sample.factor, BINDING)]
    proven = flat(sample.proof)
    secrets = [*sample.secrets, *proven, *flat(begun.shown), *flat(begun.pending)]
    assert not [text for text in shown for secret in secrets if len(secret) > 1 and secret in text]
    assert not [secret for secret in proven if secret in repr(verified)]


def flat(value: object) -> list[str]:
    """Return every text in a JSON value."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in flat(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in flat(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("method", METHODS)
def test_names_on_the_wire_are_those_of_the_contract(method: str) -> None:
    types = {
        "push": "phone",
        "totp": "totp",
        "recovery_code": "recovery_codes",
        "webauthn": "webauthn",
    }
    assert FACTORS[method].type == types[method]
    assert 1 <= len(FACTORS[method].default_label) <= 64
