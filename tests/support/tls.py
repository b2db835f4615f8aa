"""Certificates of servers, made by an authority of the tests."""

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_FROM, _UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass(frozen=True)
class Authority:
    """An authority, and the names that its server's certificate has; loopback's by default."""

    names: tuple[str, ...] = ("localhost", "127.0.0.1")
    until: datetime = _UNTIL
    key: ec.EllipticCurvePrivateKey = field(default_factory=_key, repr=False)

    @property
    def pem(self) -> bytes:
        """Return the authority's own certificate."""
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = self._builder("Authority of tests", self.key.public_key(), _UNTIL)
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        builder = builder.add_extension(usage, critical=True)
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)

    def write_ca(self, path: Path) -> str:
        """Write the authority's certificate and return where it is."""
        path.write_bytes(self.pem)
        return str(path)

    def write_server(self, folder: Path) -> None:
        """Write `ca.pem`, `server.pem` and `server.key`."""
        key = _key()
        builder = self._builder("server", key.public_key(), self.until)
        found = x509.SubjectAlternativeName([_general(name) for name in self.names])
        certificate = builder.add_extension(found, critical=False).sign(self.key, SHA256())
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "ca.pem").write_bytes(self.pem)
        (folder / "server.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        (folder / "server.key").write_bytes(key.private_bytes(*form))

    def _builder(
        self, name: str, key: ec.EllipticCurvePublicKey, until: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name("Authority of tests"))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_FROM)
            .not_valid_after(until)
        )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
