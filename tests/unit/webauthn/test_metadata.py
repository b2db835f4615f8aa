"""What a metadata file says, and that nobody but its publisher says it (MDS3)."""

import base64
import json
from typing import Any

import jwt
import pytest

from mfa_service.domain.attestation import Model
from mfa_service.factors.webauthn_metadata import (
    Metadata,
    MetadataInvalid,
    signed_metadata,
    unsigned_metadata,
)
from tests.support.ceremonies import AT
from tests.support.makers import Maker
from tests.support.metadata import PUBLISHER, Publisher, entry, statement

AAGUID = "08987058-cadc-4b81-b6e1-30de50dcbe96"
MAKER, SIGNER = Maker(), Publisher()


def read(blob: bytes, signer: Publisher = SIGNER, publisher: str = PUBLISHER) -> Metadata:
    return signed_metadata(blob, roots=signer.roots, publisher=publisher, at=AT)


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def only(found: Metadata) -> Model:
    (model,) = found.models
    return model


def test_every_status_that_was_ever_reported_stays() -> None:
    """A later certification does not mend the keys that were made before."""
    told = entry(MAKER, AAGUID, "REVOKED", "FIDO_CERTIFIED_L2")
    assert only(read(SIGNER.blob(7, [told]))).is_broken


def test_a_newline_at_the_end_of_the_file_does_no_harm() -> None:
    assert only(read(SIGNER.blob(7, [entry(MAKER, AAGUID)]) + b"\r\n")).aaguid == AAGUID


@pytest.mark.parametrize("no", [True, -1, 7.0, 2**63, 10**400, "7", None])
def test_a_serial_number_that_is_none_is_refused(no: object) -> None:
    with pytest.raises(MetadataInvalid, match="serial number"):
        read(SIGNER.blob(no, [entry(MAKER, AAGUID)]))


@pytest.mark.parametrize("root", ["", "x", base64.b64encode(b"x").decode(), 7, None])
def test_an_anchor_that_does_not_load_is_as_if_it_were_not_there(root: object) -> None:
    told = statement(MAKER, AAGUID)
    told["attestationRootCertificates"].insert(0, root)
    found = only(read(SIGNER.blob(7, [{"aaguid": AAGUID, "metadataStatement": told}])))
    assert len(found.roots) == 1


def test_anchors_may_be_broken_into_lines() -> None:
    told = statement(MAKER, AAGUID)
    (text,) = told["attestationRootCertificates"]
    told["attestationRootCertificates"] = [f"{text[:64]}\r\n {text[64:]}\n"]
    assert len(only(unsigned_metadata(as_json(told))).roots) == 1


def test_what_has_no_aaguid_is_left_out() -> None:
    entries: list[Any] = [
        entry(MAKER, AAGUID),
        {"aaid": "4e4e#4005", "metadataStatement": {"description": "UAF"}},
        {"attestationCertificateKeyIdentifiers": ["00"], "metadataStatement": {}},
        {"aaguid": "no uuid", "metadataStatement": {}},
        {"aaguid": AAGUID},
        "x",
    ]
    assert only(read(SIGNER.blob(7, entries))).aaguid == AAGUID


def test_a_certificate_from_another_root_does_not_sign_for_the_publisher() -> None:
    """Somebody else's whole chain, with the right name on it."""
    with pytest.raises(MetadataInvalid, match="root"):
        read(Publisher().blob(7, [entry(MAKER, AAGUID)]))


def test_a_public_root_vouches_for_many_and_only_one_publishes() -> None:
    for name in ("evil.example", "mds.fidoalliance.org.evil.example", "*.fidoalliance.org"):
        other = Publisher(name=name, root_key=SIGNER.root_key)
        with pytest.raises(MetadataInvalid, match="is not that of"):
            read(other.blob(7, [entry(MAKER, AAGUID)]))


def test_another_publisher_may_be_named() -> None:
    own = Publisher(name="metadata.example")
    found = read(own.blob(7, [entry(MAKER, AAGUID)]), own, "metadata.example")
    assert only(found).aaguid == AAGUID


def test_a_public_key_used_as_a_secret_signs_nothing() -> None:
    """The oldest trick with tokens: HS256 with the key that everybody knows."""
    header = jwt.get_unverified_header(SIGNER.blob(7, []))
    public = SIGNER.key.public_key().public_numbers().n.to_bytes(256)
    payload = {"no": 7, "entries": [entry(MAKER, AAGUID)]}
    forged = jwt.encode(payload, public, algorithm="HS256", headers={"x5c": header["x5c"]})
    with pytest.raises(MetadataInvalid, match="not RS256 or ES256"):
        read(forged.encode())


def test_a_certificate_that_is_named_and_not_carried_is_not_fetched() -> None:
    header = {"x5u": "https://mds.fidoalliance.org/certificate"}
    blob = jwt.encode({"no": 7}, SIGNER.key, algorithm="RS256", headers=header)
    with pytest.raises(MetadataInvalid, match="carries no certificate"):
        read(blob.encode())


def test_one_statement_or_the_entries_of_a_blob_may_be_vouched_for_by_the_operator() -> None:
    told, entries = statement(MAKER, AAGUID), {"entries": [entry(MAKER, AAGUID, "REVOKED")]}
    assert not only(unsigned_metadata(as_json(told))).is_broken
    assert only(unsigned_metadata(as_json(entries))).is_broken
    assert unsigned_metadata(as_json(entries | {"no": 9})).no is None


@pytest.mark.parametrize("text", [b"", b"x", b"[]", b"{}", b'{"entries": []}', b'{"a":1,"a":2}'])
def test_json_that_names_no_model_is_no_metadata(text: bytes) -> None:
    with pytest.raises(MetadataInvalid):
        unsigned_metadata(text)
