"""Attestation statements: each format's procedure, and whether anybody we trust stands behind it.

A statement that contradicts itself is refused. One that holds and whose chain ends nowhere is
kept as unattested (L3 §7.1 step 24): it may become more by metadata that is imported later.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from webauthn.helpers.parse_attestation_statement import parse_attestation_statement
from webauthn.helpers.structs import AttestationStatement
from webauthn.helpers.tpm import parse_pub_area
from webauthn.registration.formats.fido_u2f import verify_fido_u2f
from webauthn.registration.formats.packed import verify_packed
from webauthn.registration.formats.tpm import verify_tpm

from mfa_service import jose
from mfa_service.domain.attestation import AttestationPolicy, Make, Model
from mfa_service.domain.ports import JsonObject

from . import android_key, certificates
from .webauthn_ceremony import AuthenticatorData, Key, NotValid, cbor

_APPLE_NONCE = x509.ObjectIdentifier("1.2.840.113635.100.8.2")
_APPLE_HEAD = bytes.fromhex("3024a1220420")  # SEQUENCE, [1], OCTET STRING of 32 bytes
_AAGUID = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
_NO_AAGUID = bytes(16)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a statement that holds shows, before anybody is trusted. `chain` is DER, leaf first.

    `vouches_for_model`: what signed also decides which AAGUID is named. `hardware`: the format is
    given for keys in hardware only.
    """

    format: str
    chain: tuple[bytes, ...] = ()
    vouches_for_model: bool = False
    hardware: bool = False

    def stored(self) -> JsonObject:
        """Return it as JSON, to be judged again when metadata or lists have changed."""
        chain = [jose.b64url(der) for der in self.chain]
        return {"format": self.format, "x5c": chain} | {
            "vouches_for_model": self.vouches_for_model,
            "hardware": self.hardware,
        }

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> "Statement":
        """Return what `stored` gave."""
        chain = tuple(jose.unb64url(text) for text in stored["x5c"])
        return cls(stored["format"], chain, stored["vouches_for_model"], stored["hardware"])


@dataclass(frozen=True, slots=True)
class Attested:
    """An attestation object with the client data that it is over."""

    raw: bytes
    statement: Mapping[str, object]
    format: str
    data: AuthenticatorData
    client_data: bytes

    @classmethod
    def parse(cls, raw: bytes, client_data: bytes) -> "Attested":
        """Return the parts; raise for anything that is not an attestation object (L3 §6.5)."""
        item = cbor(raw)
        if not isinstance(item, dict):
            raise NotValid("attestation object")
        name, data, statement = item["fmt"], item["authData"], item["attStmt"]
        if not isinstance(name, str) or not isinstance(data, bytes):
            raise NotValid("attestation object")
        if not isinstance(statement, dict):
            raise NotValid("attestation statement")
        return cls(raw, statement, name, AuthenticatorData.parse(data), client_data)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the client data."""
        return hashlib.sha256(self.client_data).digest()

    @property
    def signed(self) -> bytes:
        """What most formats sign."""
        return self.data.raw + self.hash

    @property
    def parsed(self) -> AttestationStatement:
        """The statement as py_webauthn wants it."""
        return parse_attestation_statement(dict(self.statement))

    def verified(self, key: Key) -> Statement:
        """Check the statement by the procedure of its format (L3 §8); raise if it does not hold.

        A format that we do not know is refused; so are `android-safetynet`, whose service has
        ended, and `compound`.
        """
        return _FORMATS[self.format](self, key)


def make_of(
    statement: Statement,
    attributes: Mapping[str, object],
    *,
    policy: AttestationPolicy,
    models: Mapping[str, Model],
    at: int,
) -> Make:
    """Return what is known of a credential's make; `at` is when it was made.

    The model's own anchors vouch for its AAGUID. The operator's vouch for a key; whether for the
    AAGUID too depends on the format: a TPM or Android signs whatever AAGUID software hands it.
    """
    chain = [x509.load_der_x509_certificate(der) for der in statement.chain]
    aaguid = str(attributes["aaguid"])
    model = models.get(aaguid)
    own = [x509.load_der_x509_certificate(der) for der in model.roots] if model else []
    configured = x509.load_pem_x509_certificates(policy.roots) if policy.roots else []
    by_model = certificates.is_trusted(chain, own, at=at)
    trusted = by_model or certificates.is_trusted(chain, configured, at=at)
    return Make(
        aaguid,
        bool(attributes["backup_eligible"]),
        trusted=trusted,
        identified=by_model or (trusted and statement.vouches_for_model),
        hardware_format=statement.hardware,
    )


def _none(attested: Attested, _key: Key) -> Statement:
    if attested.statement:
        raise NotValid("none")
    return Statement("none")


def _packed(attested: Attested, key: Key) -> Statement:
    """L3 §8.2. Self attestation says nothing of the make."""
    verify_packed(
        attestation_statement=attested.parsed,
        attestation_object=attested.raw,
        client_data_json=attested.client_data,
        credential_public_key=key.cose,
        pem_root_certs_bytes=[],
    )
    if "x5c" not in attested.statement:
        return Statement("packed")
    chain = _chain_of(attested)
    _check_packed_certificate(x509.load_der_x509_certificate(chain[0]), attested.data)
    return Statement("packed", chain, vouches_for_model=True)


def _check_packed_certificate(leaf: x509.Certificate, data: AuthenticatorData) -> None:
    """L3 §8.2.1, which py_webauthn leaves out.

    Without it any key under a trusted root could attest others: an application's key that
    Android attests, or that of a TPM.
    """
    units = leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    if leaf.version is not x509.Version.v3:
        raise NotValid("certificate version")
    if [unit.value for unit in units] != ["Authenticator Attestation"]:
        raise NotValid("certificate subject")
    for extension in leaf.extensions:
        if isinstance(extension.value, x509.BasicConstraints) and extension.value.ca:
            raise NotValid("certificate of an authority")
    _check_model(leaf, data)


def _check_model(leaf: x509.Certificate, data: AuthenticatorData) -> None:
    """Check that a certificate that names a model names this one (L3 §8.2, §8.3)."""
    named = b"\x04\x10" + bytes.fromhex(data.aaguid.replace("-", ""))
    for extension in leaf.extensions:
        if extension.oid == _AAGUID and extension.value.public_bytes() != named:
            raise NotValid("AAGUID")


def _tpm(attested: Attested, key: Key) -> Statement:
    """L3 §8.3; a key that may leave the TPM, or was brought to it, is kept as unattested.

    The standard does not ask, but a TPM certifies such keys as well.
    """
    statement = attested.parsed
    verify_tpm(
        attestation_statement=statement,
        attestation_object=attested.raw,
        client_data_json=attested.client_data,
        credential_public_key=key.cose,
        pem_root_certs_bytes=[],
    )
    chain = _chain_of(attested)
    _check_model(x509.load_der_x509_certificate(chain[0]), attested.data)
    key_there = parse_pub_area(statement.pub_area or b"").object_attributes
    if not (key_there.fixed_tpm and key_there.sensitive_data_origin):
        return Statement("tpm")
    return Statement("tpm", chain, hardware=True)


def _android_key(attested: Attested, key: Key) -> Statement:
    """L3 §8.4, but that a key held in software is kept as unattested instead of refused."""
    statement, chain = attested.parsed, _chain_of(attested)
    leaf = x509.load_der_x509_certificate(chain[0])
    if statement.alg != key.alg or statement.sig is None:
        raise NotValid("algorithm")
    key.verify(statement.sig, attested.signed)
    _check_same_key(leaf, key)
    description = android_key.description_of(leaf)
    if bytes(description["attestationChallenge"]) != attested.hash:
        raise NotValid("challenge")
    if android_key.is_for_all_applications(description):
        raise NotValid("for all applications")
    if not android_key.is_in_hardware(description):
        return Statement("android-key")
    return Statement("android-key", chain, hardware=True)


def _apple(attested: Attested, key: Key) -> Statement:
    """L3 §8.8."""
    chain = _chain_of(attested)
    leaf = x509.load_der_x509_certificate(chain[0])
    nonce = leaf.extensions.get_extension_for_oid(_APPLE_NONCE).value.public_bytes()
    if nonce != _APPLE_HEAD + hashlib.sha256(attested.signed).digest():
        raise NotValid("nonce")
    _check_same_key(leaf, key)
    return Statement("apple", chain, hardware=True)


def _fido_u2f(attested: Attested, key: Key) -> Statement:
    """L3 §8.6, checked and then forgotten: U2F tells no model, and is legacy here."""
    verify_fido_u2f(
        attestation_statement=attested.parsed,
        client_data_json=attested.client_data,
        rp_id_hash=attested.data.rp_id_hash,
        credential_id=attested.data.credential_id,
        credential_public_key=key.cose,
        aaguid=_NO_AAGUID,  # the library asks for zeros, the standard does not
        pem_root_certs_bytes=[],
    )
    return Statement("fido-u2f")


_FORMATS: Mapping[str, Callable[[Attested, Key], Statement]] = {
    "none": _none,
    "packed": _packed,
    "tpm": _tpm,
    "android-key": _android_key,
    "apple": _apple,
    "fido-u2f": _fido_u2f,
}


def _chain_of(attested: Attested) -> tuple[bytes, ...]:
    x5c = attested.statement.get("x5c")
    if not isinstance(x5c, Sequence) or not 1 <= len(x5c) <= certificates.MAX_CHAIN:
        raise NotValid("x5c")
    if not all(isinstance(der, bytes) for der in x5c):
        raise NotValid("x5c")
    return tuple(x5c)


def _check_same_key(leaf: x509.Certificate, key: Key) -> None:
    if _spki(leaf.public_key()) != _spki(key.public_key):
        raise NotValid("another key")


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
