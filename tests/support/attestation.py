"""Android key attestation made here: a root, an intermediate, and leaves that say what we like."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pyasn1.codec.der.encoder import encode
from webauthn.helpers.asn1.android_key import KeyDescription

KEY_DESCRIPTION = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.1.17")
SOFTWARE, TRUSTED_ENVIRONMENT, STRONG_BOX = 0, 1, 2
GENERATED, IMPORTED = 0, 2
SIGN, VERIFY = 2, 3


@dataclass(frozen=True, slots=True)
class Described:
    """What the leaf says of its key."""

    challenge: bytes
    attestation_level: int = TRUSTED_ENVIRONMENT
    keymaster_level: int = TRUSTED_ENVIRONMENT
    hardware: Mapping[str, Any] = field(
        default_factory=lambda: {"purpose": [SIGN, VERIFY], "origin": GENERATED}
    )
    software: Mapping[str, Any] = field(default_factory=dict)

    def der(self) -> bytes:
        """Return the KeyDescription of the extension."""
        made = KeyDescription()
        made["attestationVersion"] = 300
        made["attestationSecurityLevel"] = self.attestation_level
        made["keymasterVersion"] = 300
        made["keymasterSecurityLevel"] = self.keymaster_level
        made["attestationChallenge"] = self.challenge
        made["uniqueId"] = b""
        _fill(made["softwareEnforced"], self.software)
        _fill(made["teeEnforced"], self.hardware)
        return bytes(encode(made))


def _fill(target: Any, values: Mapping[str, Any]) -> None:
    target.clear()
    for name, value in values.items():
        if name == "purpose":
            target[name].extend(value)
        else:
            target[name] = value


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate and the key that issues others; `at` is the time of the world."""

    name: str
    at: int
    ca: bool | None = True
    key: EllipticCurvePrivateKey = field(
        default_factory=lambda: generate_private_key(SECP256R1()), repr=False
    )
    issuer: "Authority | None" = None

    @property
    def certificate(self) -> x509.Certificate:
        """Return the same certificate again, up to its serial number."""
        issuer = self.issuer or self
        builder = _builder(self.name, issuer.name, self.key.public_key(), self.at)
        if self.ca is not None:
            constraints = x509.BasicConstraints(ca=self.ca, path_length=None)
            builder = builder.add_extension(constraints, critical=True)
        return builder.sign(issuer.key, hashes.SHA256())

    def doubtful(self) -> str:
        """Return a certificate (base64) with one more extension, 2.5.29.99, for tests to rename."""
        issuer = self.issuer or self
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.99"), b"\5\0")
        made = (
            _builder(self.name, issuer.name, self.key.public_key(), self.at)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(extension, critical=False)
            .sign(issuer.key, hashes.SHA256())
        )
        return base64.b64encode(made.public_bytes(Encoding.DER)).decode()

    def below(self, name: str, *, ca: bool | None = True) -> "Authority":
        """Return an authority that this one vouches for."""
        return Authority(name, self.at, ca, issuer=self)

    def leaf(
        self, public_key: EllipticCurvePublicKey, extension: bytes | None, *, days: int = 365
    ) -> x509.Certificate:
        """Return a certificate of a device key; a negative `days` has it expired."""
        builder = _builder("Android Keystore Key", self.name, public_key, self.at, days=days)
        if extension is not None:
            value = x509.UnrecognizedExtension(KEY_DESCRIPTION, extension)
            builder = builder.add_extension(value, critical=False)
        return builder.sign(self.key, hashes.SHA256())


def _builder(
    name: str, issuer: str, key: EllipticCurvePublicKey, at: int, *, days: int = 365
) -> x509.CertificateBuilder:
    now = datetime.fromtimestamp(at, UTC)
    start, end = (now - timedelta(days=730), now + timedelta(days=days))
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


@dataclass(frozen=True, slots=True)
class Manufacturer:
    """A root that the service trusts, and an intermediate below it."""

    root: Authority
    intermediate: Authority
    root_certificate: x509.Certificate

    @classmethod
    def at(cls, at: int) -> "Manufacturer":
        """Return a manufacturer whose certificates are alive at this time."""
        root = Authority("Root", at)
        return cls(root, root.below("Intermediate"), root.certificate)

    def pem(self) -> bytes:
        """Return the root for `MFA_ANDROID_ROOTS`."""
        return self.root_certificate.public_bytes(Encoding.PEM)

    def attest(
        self, public_key: EllipticCurvePublicKey, text: str, /, **changed: Any
    ) -> dict[str, Any]:
        """Return the `attestation` claim for a key, whose challenge is SHA-256 of an ASCII text."""
        described = replace(Described(hashlib.sha256(text.encode()).digest()), **changed)
        leaf = self.intermediate.leaf(public_key, described.der())
        return claim([leaf, self.intermediate.certificate, self.root_certificate])


def claim(chain: Sequence[x509.Certificate]) -> dict[str, Any]:
    """Return the claim that carries a chain, leaf first."""
    ders = [certificate.public_bytes(Encoding.DER) for certificate in chain]
    return {"format": "android-key", "x5c": [base64.b64encode(der).decode() for der in ders]}
