"""What platforms attest, format by format, and what each is believed for (S 5.4, L3 §8)."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from mfa_service.domain.attestation import AttestationPolicy, Model
from mfa_service.domain.errors import ProofRejected
from tests.support.attestation import IMPORTED, SIGN, SOFTWARE, VERIFY, Manufacturer
from tests.support.attestation_formats import (
    FIXED_TPM,
    IN_TPM,
    MADE_THERE,
    AndroidKey,
    Apple,
    FidoU2f,
    Tpm,
)
from tests.support.authenticator import SoftAuthenticator
from tests.support.ceremonies import AT, Ceremonies
from tests.support.forging import with_another_end
from tests.support.makers import Attestor, Maker

AAGUID = "08987058-cadc-4b81-b6e1-30de50dcbe96"
LISTED = frozenset({AAGUID})
MAKER, ANDROID = Maker(), Manufacturer.at(AT)
ROOTS = MAKER.pem + ANDROID.pem()
PLATFORMS: dict[str, Attestor] = {
    "tpm": Tpm(MAKER),
    "apple": Apple(MAKER),
    "android-key": AndroidKey(ANDROID),
}
each_platform = pytest.mark.parametrize("attestor", PLATFORMS.values(), ids=PLATFORMS)


def party(attestor: Attestor, roots: bytes = ROOTS, **policy: Any) -> Ceremonies:
    key = SoftAuthenticator(aaguid=AAGUID, attestation=attestor)
    return Ceremonies(key, AttestationPolicy(roots=roots, **policy))


def standing(of: Ceremonies) -> object:
    return of.register().attributes["standing"]


@each_platform
def test_a_platform_that_an_anchor_vouches_for_keeps_keys_in_hardware(attestor: Attestor) -> None:
    assert standing(party(attestor)) == "hardware"


@each_platform
def test_without_its_anchor_it_is_unattested(attestor: Attestor) -> None:
    assert standing(party(attestor, b"")) == "unattested"
    assert standing(party(attestor, Maker().pem)) == "unattested"


@each_platform
def test_a_platforms_anchor_does_not_vouch_for_the_model_that_software_names(
    attestor: Attestor,
) -> None:
    """A TPM signs whatever AAGUID it is handed: no way onto the lists of the operator."""
    assert standing(party(attestor, fips=LISTED)) == "hardware"
    with pytest.raises(ProofRejected):
        party(attestor, allowed=LISTED).register()


@each_platform
def test_metadata_of_the_model_with_its_anchor_does(attestor: Attestor) -> None:
    roots = (MAKER.der, ANDROID.root_certificate.public_bytes(Encoding.DER))
    model = Model(AAGUID, "Platform", roots=roots, key_protection=frozenset({"tee"}))
    known = party(attestor, b"", allowed=LISTED, fips=LISTED)
    known.models = {AAGUID: model}
    assert standing(known) == "fips"


@each_platform
def test_a_statement_of_one_ceremony_does_not_serve_another(attestor: Attestor) -> None:
    """Whoever holds an old statement has no key in hardware."""
    kept: dict[str, Any] = {}

    def keep(said: dict[str, Any]) -> dict[str, Any]:
        kept.update(said)
        return said

    here = party(attestor)
    here.register(statement=keep)
    with pytest.raises(ProofRejected):
        here.register(statement=lambda _: kept)


@each_platform
def test_a_platforms_statement_without_its_certificates_is_refused(attestor: Attestor) -> None:
    for x5c in ([], "x", [b"x"], ["x"], None):
        with pytest.raises(ProofRejected):
            party(attestor).register(statement=lambda said, x5c=x5c: said | {"x5c": x5c})


@pytest.mark.parametrize(
    "attestor",
    [
        pytest.param(Tpm(MAKER, over=b"x"), id="certified for something else"),
        pytest.param(Tpm(MAKER, manufacturer="id:00000000"), id="nobody's chip"),
        pytest.param(
            Tpm(MAKER, usage=ExtendedKeyUsageOID.SERVER_AUTH),
            id="certificate of a server",
        ),
        pytest.param(Tpm(MAKER, model=str(uuid.UUID(int=1))), id="certificate of another model"),
        pytest.param(Apple(MAKER, over=b"x"), id="Apple's nonce of something else"),
        pytest.param(
            Apple(MAKER, of=ec.generate_private_key(ec.SECP256R1()).public_key()),
            id="Apple's word for another key",
        ),
        pytest.param(AndroidKey(ANDROID, {"challenge": b"x" * 32}), id="Android's other challenge"),
        pytest.param(
            AndroidKey(ANDROID, {"software": {"allApplications": ""}}), id="for all applications"
        ),
        pytest.param(FidoU2f(MAKER, over=b"x"), id="U2F over something else"),
    ],
)
def test_a_statement_that_contradicts_itself_is_refused(attestor: Attestor) -> None:
    for roots in (ROOTS, b""):
        with pytest.raises(ProofRejected):
            party(attestor, roots).register()


@pytest.mark.parametrize("attributes", [IN_TPM & ~FIXED_TPM, IN_TPM & ~MADE_THERE, 0])
def test_a_key_that_a_tpm_may_give_away_or_was_handed_is_not_in_hardware(attributes: int) -> None:
    assert standing(party(Tpm(MAKER, attributes))) == "unattested"


@pytest.mark.parametrize(
    "said",
    [
        {"attestation_level": SOFTWARE},
        {"keymaster_level": SOFTWARE},
        {"hardware": {"purpose": [SIGN], "origin": IMPORTED}},
        {"hardware": {"purpose": [VERIFY], "origin": 0}},
        {"hardware": {}},
    ],
    ids=str,
)
def test_a_key_that_android_holds_in_software_or_was_handed_is_not_in_hardware(
    said: dict[str, Any],
) -> None:
    assert standing(party(AndroidKey(ANDROID, said))) == "unattested"


def test_u2f_holds_and_is_believed_nothing() -> None:
    assert standing(party(FidoU2f(MAKER), fips=LISTED)) == "unattested"


CHANGES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "another version": lambda said: said | {"ver": "1.2"},
    "another algorithm": lambda said: said | {"alg": -8},
    "no certInfo": lambda said: said | {"certInfo": b""},
    "another magic": lambda said: said | {"certInfo": b"\0" + said["certInfo"][1:]},
    "another area": lambda said: said | {"pubArea": with_another_end(said["pubArea"])},
    "bytes of no area": lambda said: said | {"pubArea": b"x"},
    "another signature": lambda said: said | {"sig": said["sig"][:-1] + b"\0\0"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_tpm_statement_with_one_fault_is_refused(
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    with pytest.raises(ProofRejected):
        party(Tpm(MAKER)).register(statement=change)
