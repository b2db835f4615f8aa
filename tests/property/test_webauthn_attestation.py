"""Attestation and metadata made of any bytes: refused as such, and never believed."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfa_service.domain.attestation import AttestationPolicy
from mfa_service.domain.errors import ProofRejected
from mfa_service.factors.webauthn_metadata import (
    MetadataInvalid,
    signed_metadata,
    unsigned_metadata,
)
from tests.support.attestation import Manufacturer
from tests.support.attestation_formats import AndroidKey, Apple, FidoU2f, Tpm
from tests.support.authenticator import SoftAuthenticator
from tests.support.ceremonies import AT, ORIGIN, Ceremonies
from tests.support.cose import b64url, unb64url
from tests.support.makers import Attestor, Maker
from tests.support.metadata import PUBLISHER, Publisher, entry
from tests.support.properties import REPEATABLE, json_values, scalars

AAGUID = "08987058-cadc-4b81-b6e1-30de50dcbe96"
MAKER, ANDROID = Maker(), Manufacturer.at(AT)
POLICY = AttestationPolicy(roots=MAKER.pem + ANDROID.pem(), fips=frozenset({AAGUID}))
OPTIONS = {"rp": {"id": "example.org"}, "user": {"id": "aA"}, "challenge": "YQ"}
ATTESTORS: dict[str, Attestor] = {
    "packed": MAKER,
    "tpm": Tpm(MAKER),
    "apple": Apple(MAKER),
    "android-key": AndroidKey(ANDROID),
    "fido-u2f": FidoU2f(MAKER),
}


def made_by(attestor: Attestor) -> dict[str, Any]:
    key = SoftAuthenticator(aaguid=AAGUID, attestation=attestor)
    return key.create(OPTIONS, origin=ORIGIN)


PARTY = Ceremonies(policy=POLICY)
MADE = {name: made_by(attestor) for name, attestor in ATTESTORS.items()}
GENUINE = {name: PARTY.finish({"challenge": "YQ"}, made) for name, made in MADE.items()}
SIGNER = Publisher()
ROOTS = SIGNER.roots
BLOB = SIGNER.blob(7, [entry(MAKER, AAGUID)])


@pytest.mark.parametrize("name", ATTESTORS)
@REPEATABLE
@given(data=st.data())
def test_a_changed_attestation_is_refused_or_believed_no_more_than_before(
    name: str, data: Any
) -> None:
    made = MADE[name]
    raw = bytearray(unb64url(made["response"]["attestationObject"]))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[at]))
    response = made["response"] | {"attestationObject": b64url(bytes(raw))}
    try:
        found = PARTY.finish({"challenge": "YQ"}, made | {"response": response})
    except ProofRejected:
        return
    assert found.attributes["standing"] in {
        "unattested",
        "synced",
        GENUINE[name].attributes["standing"],
    }
    if found.attributes["standing"] in {"hardware", "fips"}:
        assert found.secret["public_key"] == GENUINE[name].secret["public_key"]
        assert found.attributes == GENUINE[name].attributes


@REPEATABLE
@given(st.integers(0, len(BLOB) - 1), st.integers(0, 255))
def test_a_blob_with_one_byte_changed_is_no_metadata(at: int, byte: int) -> None:
    changed = BLOB[:at] + bytes([byte]) + BLOB[at + 1 :]
    if changed == BLOB:
        return
    with pytest.raises(MetadataInvalid):
        signed_metadata(changed, roots=ROOTS, publisher=PUBLISHER, at=AT)


@REPEATABLE
@given(json_values, st.binary(max_size=40))
def test_a_blob_of_anything_is_no_metadata(header: Any, rest: bytes) -> None:
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=")
    blob = b".".join([head, b64url(rest).encode(), b64url(rest).encode()])
    with pytest.raises(MetadataInvalid):
        signed_metadata(blob, roots=ROOTS, publisher=PUBLISHER, at=AT)


members = st.sampled_from(
    [
        *("aaguid", "metadataStatement", "statusReports", "status", "description"),
        *("keyProtection", "attestationRootCertificates", "entries"),
    ]
)
statements = st.recursive(
    scalars | st.just(AAGUID),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(members, inner, max_size=4),
    max_leaves=10,
)


@REPEATABLE
@given(st.dictionaries(members, statements))
def test_json_of_any_shape_is_metadata_or_no_metadata_and_nothing_else(value: Any) -> None:
    try:
        found = unsigned_metadata(json.dumps(value).encode())
    except MetadataInvalid:
        return
    assert found.models
    assert found.no is None
