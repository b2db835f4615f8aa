"""Manufacturers of authenticators, forged here: roots, and attestation certificates below them."""

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from .cose import ES256, PrivateKey, sign

AAGUID_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
Extensions = tuple[tuple[x509.ExtensionType, bool], ...]
"""Extensions, each with whether it is critical."""


@dataclass(frozen=True)
class Made:
    """A credential that has just been made, as its attestation sees it."""

    key: PrivateKey
    aaguid: str
    credential_id: bytes
    data: bytes
    client_data: bytes

    @property
    def hash(self) -> bytes:
        """SHA-256 of the client data."""
        return hashlib.sha256(self.client_data).digest()

    @property
    def signed(self) -> bytes:
        """What most formats sign."""
        return self.data + self.hash


class Attestor(Protocol):
    """Whoever attests credentials."""

    def statement(self, made: Made) -> tuple[str, dict[str, Any]]:
        """Return the name of the format and the statement."""


@dataclass(frozen=True)
class Maker:
    """A manufacturer: a root, and attestation certificates below it, alive from 2020 to 2050.

    `units` is the OU of the certificates, `names_model` whether they carry the AAGUID,
    `authority` whether they say to be of an authority.
    """

    name: str = "Maker"
    units: str = "Authenticator Attestation"
    names_model: bool = True
    authority: bool = False
    until: int = 2050
    root_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False
    )

    @property
    def root(self) -> x509.Certificate:
        """Return the root's certificate, which differs each time in its serial number only."""
        ca = x509.BasicConstraints(ca=True, path_length=0)
        return self.certificate(_name(self.name), self.root_key.public_key(), ((ca, True),))

    @property
    def pem(self) -> bytes:
        """Return the root as an operator configures it."""
        return self.root.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        """Return the root as metadata has it."""
        return self.root.public_bytes(Encoding.DER)

    def statement(self, made: Made) -> tuple[str, dict[str, Any]]:
        """Return a packed statement."""
        return "packed", self.packed(made.signed, made.aaguid)

    def packed(self, signed: bytes, aaguid: str) -> dict[str, Any]:
        """Return a packed statement by a fresh attestation key (L3 §8.2)."""
        key = ec.generate_private_key(ec.SECP256R1())
        x5c = [self.leaf(key, aaguid).public_bytes(Encoding.DER)]
        return {"alg": ES256, "sig": sign(key, signed), "x5c": x5c}

    def leaf(self, key: ec.EllipticCurvePrivateKey, aaguid: str) -> x509.Certificate:
        """Return an attestation certificate (L3 §8.2.1)."""
        ca = x509.BasicConstraints(ca=self.authority, path_length=None)
        subject = _name("Batch", organization=self.name, unit=self.units)
        named = ((names(aaguid), False),) if self.names_model else ()
        return self.certificate(subject, key.public_key(), ((ca, True), *named))

    def certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extensions: Extensions
    ) -> x509.Certificate:
        """Return a certificate that the root issues."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_name(self.name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(self.until, 1, 1, tzinfo=UTC))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.root_key, SHA256())


def names(aaguid: str) -> x509.UnrecognizedExtension:
    """Return the extension that names a model (L3 §8.2.1)."""
    return x509.UnrecognizedExtension(AAGUID_EXTENSION, b"\x04\x10" + uuid.UUID(aaguid).bytes)


def _name(common: str, *, organization: str = "Makers", unit: str = "") -> x509.Name:
    pairs = [
        (NameOID.COUNTRY_NAME, "SE"),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, common),
    ]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs if value])
