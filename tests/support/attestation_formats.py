"""Attestation in the formats that platforms give: TPM, Apple, Android and U2F, forged here."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from .attestation import Described, Manufacturer
from .cose import ES256, sign
from .makers import Extensions, Made, Maker, names

APPLE_NONCE = x509.ObjectIdentifier("1.2.840.113635.100.8.2")
AIK = x509.ObjectIdentifier("2.23.133.8.3")
IN_TPM = 0x0006_0472
"""What Windows Hello asks of a key: `fixedTPM`, `fixedParent`, `sensitiveDataOrigin` and more."""
FIXED_TPM, MADE_THERE = 1 << 1, 1 << 5
_NULL, _SHA256, _ECC, _P256 = (code.to_bytes(2) for code in (0x10, 0x0B, 0x23, 0x03))


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _p256(made: Made) -> ec.EllipticCurvePublicKey:
    assert isinstance(made.key, ec.EllipticCurvePrivateKey)
    return made.key.public_key()


def _coordinates(made: Made) -> tuple[bytes, bytes]:
    point = _p256(made).public_numbers()
    return point.x.to_bytes(32), point.y.to_bytes(32)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


@dataclass(frozen=True)
class Tpm:
    """A TPM (L3 §8.3) with an attestation identity key below `maker`.

    `attributes` are the key's (TPMA_OBJECT), `model` an AAGUID that the certificate names.
    """

    maker: Maker
    attributes: int = IN_TPM
    manufacturer: str = "id:49465800"
    model: str | None = None
    usage: x509.ObjectIdentifier = AIK
    over: bytes | None = None

    def statement(self, made: Made) -> tuple[str, dict[str, Any]]:
        """Certify the key, and that it was made for this ceremony."""
        key, area = _new_key(), self._area(made)
        info = self._info(area, made.signed if self.over is None else self.over)
        return "tpm", {
            "ver": "2.0",
            "alg": ES256,
            "x5c": [self._certificate(key).public_bytes(Encoding.DER)],
            "sig": sign(key, info),
            "certInfo": info,
            "pubArea": area,
        }

    def _area(self, made: Made) -> bytes:
        head = _ECC + _SHA256 + self.attributes.to_bytes(4) + _sized(b"")
        x, y = _coordinates(made)
        return head + _NULL + _NULL + _P256 + _NULL + _sized(x) + _sized(y)

    def _info(self, area: bytes, signed: bytes) -> bytes:
        name = _SHA256 + hashlib.sha256(area).digest()
        head = bytes.fromhex("ff5443478017") + _sized(b"")
        extra, clock_and_firmware = hashlib.sha256(signed).digest(), bytes(25)
        return head + _sized(extra) + clock_and_firmware + _sized(name) + _sized(b"")

    def _certificate(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        values = {1: self.manufacturer, 2: "SLB 9670", 3: "id:0013"}
        chip = x509.Name(
            x509.NameAttribute(x509.ObjectIdentifier(f"2.23.133.2.{number}"), value)
            for number, value in values.items()
        )
        extensions: Extensions = (
            (x509.SubjectAlternativeName([x509.DirectoryName(chip)]), True),
            (x509.ExtendedKeyUsage([self.usage]), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
        )
        named: Extensions = ((names(self.model), False),) if self.model else ()
        return self.maker.certificate(x509.Name([]), key.public_key(), (*extensions, *named))


@dataclass(frozen=True)
class Apple:
    """Apple's anonymous attestation (L3 §8.8). `of`: attest this key in place of the one made."""

    maker: Maker
    of: ec.EllipticCurvePublicKey | None = None
    over: bytes | None = None

    def statement(self, made: Made) -> tuple[str, dict[str, Any]]:
        """Issue a certificate for the key itself."""
        signed = made.signed if self.over is None else self.over
        value = bytes.fromhex("3024a1220420") + hashlib.sha256(signed).digest()
        nonce = x509.UnrecognizedExtension(APPLE_NONCE, value)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Key")])
        key = self.of or _p256(made)
        leaf = self.maker.certificate(subject, key, ((nonce, False),))
        return "apple", {"x5c": [leaf.public_bytes(Encoding.DER)]}


@dataclass(frozen=True)
class AndroidKey:
    """Android's key store (L3 §8.4). `said` goes into what it says of the key."""

    manufacturer: Manufacturer
    said: dict[str, Any] = field(default_factory=dict)

    def statement(self, made: Made) -> tuple[str, dict[str, Any]]:
        """Issue a certificate that describes the key, and sign with the key."""
        described = Described(**({"challenge": made.hash} | self.said))
        below = self.manufacturer.intermediate
        chain = (below.leaf(_p256(made), described.der()), below.certificate)
        x5c = [certificate.public_bytes(Encoding.DER) for certificate in chain]
        return "android-key", {"alg": ES256, "sig": sign(made.key, made.signed), "x5c": x5c}


@dataclass(frozen=True)
class FidoU2f:
    """A security key from before FIDO2 (L3 §8.6)."""

    maker: Maker
    over: bytes | None = None

    def statement(self, made: Made) -> tuple[str, dict[str, Any]]:
        """Sign what U2F signs."""
        key = _new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "U2F")])
        leaf = self.maker.certificate(subject, key.public_key(), ())
        point = b"\x04" + b"".join(_coordinates(made))
        said = b"\0" + made.data[:32] + made.hash + made.credential_id + point
        signature = sign(key, said if self.over is None else self.over)
        return "fido-u2f", {"x5c": [leaf.public_bytes(Encoding.DER)], "sig": signature}
