"""FIDO metadata made here: a publisher with a certificate, and BLOBs that it signs."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from .makers import Maker

PUBLISHER = "mds.fidoalliance.org"


def statement(maker: Maker, aaguid: str, *, protection: str = "hardware") -> dict[str, Any]:
    """Return a metadata statement for one model."""
    return {
        "description": f"Key of {maker.name}",
        "aaguid": aaguid,
        "keyProtection": [protection],
        "attestationRootCertificates": [base64.b64encode(maker.der).decode()],
    }


def entry(maker: Maker, aaguid: str, *statuses: str, **said: Any) -> dict[str, Any]:
    """Return a BLOB's entry for one model."""
    reports = [{"status": status} for status in ("FIDO_CERTIFIED", *statuses)]
    return {
        "aaguid": aaguid,
        "metadataStatement": statement(maker, aaguid, **said),
        "statusReports": reports,
    }


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Publisher:
    """A root, and a certificate below it that names `name`."""

    name: str = PUBLISHER
    until: int = 2050
    root_key: rsa.RSAPrivateKey = field(default_factory=_key, repr=False)
    key: rsa.RSAPrivateKey = field(default_factory=_key, repr=False)

    @property
    def root(self) -> bytes:
        """Return the root in PEM."""
        return self.roots[0].public_bytes(Encoding.PEM)

    @property
    def roots(self) -> list[x509.Certificate]:
        """Return what may stand above the publisher's certificate."""
        return [self._certificate("Root", self.root_key, ca=True)]

    def blob(
        self, no: object, entries: Iterable[dict[str, Any]], *, alg: str = "RS256", **more: Any
    ) -> bytes:
        """Return a signed BLOB (MDS3 §3.1.7)."""
        leaf = self._certificate(self.name, self.key, ca=False).public_bytes(Encoding.DER)
        header = {"x5c": [base64.b64encode(leaf).decode()]}
        payload = {"no": no, "nextUpdate": "2049-01-01", "entries": list(entries), **more}
        key = "" if alg == "none" else self.key
        return jwt.encode(payload, key, algorithm=alg, headers=header).encode()

    def _certificate(self, name: str, key: rsa.RSAPrivateKey, *, ca: bool) -> x509.Certificate:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        return (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named("Root"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2050 if ca else self.until, 1, 1, tzinfo=UTC))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self.root_key, SHA256())
        )


def written(folder: Path, name: str, content: bytes | dict[str, Any]) -> str:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return str(path)
