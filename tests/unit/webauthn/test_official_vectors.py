"""The 15 official test vectors of WebAuthn Level 3, registration and authentication."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mfa_service.domain.attestation import AttestationPolicy, Model
from mfa_service.domain.errors import ProofRejected
from mfa_service.domain.factor import API, Binding, Credential, Place, Registration
from mfa_service.factors.webauthn import FACTOR
from tests.support.cose import b64url

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "webauthn.json").read_text("utf-8"))
BY_NAME = {vector["name"]: vector for vector in VECTORS["vectors"]}
RP_ID, ORIGIN, AT = VECTORS["rp_id"], VECTORS["origin"], 1_795_000_000
ROOT = bytes.fromhex(VECTORS["attestation_ca_cert"])
FRAMED = ("none-es256-crossOrigin", "none-es256-topOrigin")
NOT_OFFERED = ("packed-es384", "packed-es512", "packed-ed448")
NO_SUCH_MAKER = ("tpm-es256",)
"""Its certificate names the TPM manufacturer 00000000, whom the TCG never registered."""
HELD = [name for name in BY_NAME if name not in {*FRAMED, *NOT_OFFERED, *NO_SUCH_MAKER}]


def part(vector: dict[str, Any], ceremony: str, name: str) -> str:
    return b64url(bytes.fromhex(vector[ceremony][name]))


def registered(
    vector: dict[str, Any], policy: AttestationPolicy | None = None, models: Any = None
) -> Credential:
    id_ = part(vector, "registration", "credential_id")
    response = {
        name: part(vector, "registration", name) for name in ("clientDataJSON", "attestationObject")
    }
    made = {"id": id_, "rawId": id_, "type": "public-key", "response": response}
    registration = Registration(RP_ID, (ORIGIN,), policy or AttestationPolicy(), models or {})
    pending: dict[str, object] = {"challenge": part(vector, "registration", "challenge")}
    return FACTOR.finish(pending, {"credential": made}, registration=registration, at=AT)


def known(vector: dict[str, Any]) -> Credential:
    """Return the credential as if it had been registered, whatever its registration was."""
    secret: dict[str, object] = {
        "credential_id": part(vector, "registration", "credential_id"),
        "public_key": b64url(bytes.fromhex(vector["credential_public_key_cose"])),
    }
    flags = vector["registration"]["flags"]
    attributes = {"backup_eligible": flags["BE"], "uv_initialized": flags["UV"]}
    return Credential(secret, attributes=attributes)


def evidence(vector: dict[str, Any], credential: Credential, **binding: Any) -> tuple[str, ...]:
    id_ = part(vector, "registration", "credential_id")
    names = ("clientDataJSON", "authenticatorData", "signature")
    response = {name: part(vector, "authentication", name) for name in names}
    given = {"id": id_, "rawId": id_, "type": "public-key", "response": response}
    nonce = part(vector, "authentication", "challenge")
    asked = Binding(nonce=nonce, rp_id=RP_ID, place=Place(API, (ORIGIN,)), **binding)
    return FACTOR.verify(credential, {"credential": given}, binding=asked, at=AT).evidence


def test_there_are_15() -> None:
    assert len(BY_NAME) == len(VECTORS["vectors"]) == 15


@pytest.mark.parametrize("name", HELD)
def test_what_we_offer_registers_and_authenticates(name: str) -> None:
    vector = BY_NAME[name]
    credential = registered(vector)
    flags = vector["registration"]["flags"]
    made, later = flags, vector["authentication"]["flags"]
    standing = "synced" if made["BE"] else "unattested"
    assert credential.attributes["standing"] == standing
    assert credential.attributes["uv_initialized"] is made["UV"]
    counted = made["UV"] and later["UV"]
    kind = "passkey" if counted else "webauthn"
    assert evidence(vector, credential) == (f"{kind}_{standing}",)


@pytest.mark.parametrize("name", FRAMED)
def test_a_ceremony_in_a_foreign_frame_is_refused_though_all_else_holds(name: str) -> None:
    with pytest.raises(ProofRejected):
        registered(BY_NAME[name])
    with pytest.raises(ProofRejected):
        evidence(BY_NAME[name], known(BY_NAME[name]))


@pytest.mark.parametrize("name", NOT_OFFERED)
def test_an_algorithm_that_we_did_not_offer_is_refused(name: str) -> None:
    with pytest.raises(ProofRejected):
        registered(BY_NAME[name])
    with pytest.raises(ProofRejected):
        evidence(BY_NAME[name], known(BY_NAME[name]))


@pytest.mark.parametrize("name", NO_SUCH_MAKER)
def test_a_statement_that_does_not_hold_is_refused_and_its_key_would_sign(name: str) -> None:
    with pytest.raises(ProofRejected):
        registered(BY_NAME[name])
    assert evidence(BY_NAME[name], known(BY_NAME[name])) == ("passkey_unattested",)


@pytest.mark.parametrize("name", [name for name in HELD if name != "packed-eddsa"])
def test_whoever_attests_it_a_key_that_may_be_copied_is_never_hardware(name: str) -> None:
    root = x509.load_der_x509_certificate(ROOT).public_bytes(Encoding.PEM)
    vector = BY_NAME[name]
    expected = "synced" if vector["registration"]["flags"]["BE"] else "unattested"
    found = registered(vector, AttestationPolicy(roots=root))
    assert found.attributes["standing"] == expected


@pytest.mark.parametrize(
    ("roots", "protection", "standing"),
    [
        ((ROOT,), {"hardware"}, "hardware"),
        ((ROOT,), {"software"}, "unattested"),
        ((), {"hardware"}, "unattested"),
    ],
)
def test_a_model_known_by_its_metadata_is_worth_what_that_says(
    roots: tuple[bytes, ...], protection: set[str], standing: str
) -> None:
    vector = BY_NAME["packed-eddsa"]
    aaguid = str(registered(vector).attributes["aaguid"])
    model = Model(aaguid, "Key", roots=roots, key_protection=frozenset(protection))
    found = registered(vector, models={aaguid: model})
    assert found.attributes["standing"] == standing
