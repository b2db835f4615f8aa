"""Our signing keys: made, stored, published with a certificate, and used for what we state."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID

from mfa_service import jose

ES256, RS256 = "ES256", "RS256"
ALGORITHMS = (ES256, RS256)
RSA_BITS = 3072  # 128 bits of strength (ASVS 11.2.3)
_CERTIFICATE_DAYS = 3650
_LONGEST_NAME = 64
PrivateKey = EllipticCurvePrivateKey | RSAPrivateKey


class Signer:
    """Signs by one algorithm with one key; `kid` is its RFC 7638 thumbprint."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.alg = ES256 if isinstance(key, EllipticCurvePrivateKey) else RS256
        self.public_jwk = public_jwk(key)
        self.kid = jose.thumbprint(self.public_jwk)

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Return a compact JWS with `alg`, `typ` and `kid` in its header."""
        return jose.sign(claims, self._key, alg=self.alg, typ=typ, kid=self.kid)


def new_key(alg: str) -> PrivateKey:
    """Return a new key for one of `ALGORITHMS`; RSA takes a good part of a second."""
    if alg == RS256:
        return generate_rsa(public_exponent=65537, key_size=RSA_BITS)
    return generate_private_key(SECP256R1())


def to_der(key: PrivateKey) -> bytes:
    """Return the key as unencrypted PKCS #8, for sealing."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def from_der(der: bytes) -> PrivateKey:
    """Return the key; raise `ValueError` for one that we do not sign with."""
    key = load_der_private_key(der, None)
    if not isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey):
        raise ValueError("The key is of another type.")  # noqa: TRY004  # the bytes are at fault
    return key


def public_jwk(key: PrivateKey) -> dict[str, str]:
    """Return the public JWK, with no other members than the key's own."""
    if isinstance(key, EllipticCurvePrivateKey):
        return jose.public_jwk(key.public_key())
    numbers = key.public_key().public_numbers()
    n, e = (jose.b64url(_bytes(number)) for number in (numbers.n, numbers.e))
    return {"kty": "RSA", "n": n, "e": e}


def certificate(key: PrivateKey, name: str, *, at: int) -> str:
    """Return a self-signed certificate over the key, DER in base64, as `x5c` has it.

    Nobody's trust rests on it: consumers such as Entra read the key from it (RFC 7517 §4.7).
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_LONGEST_NAME])])
    begins = datetime.fromtimestamp(at, UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=_CERTIFICATE_DAYS))
        .sign(key, SHA256())
    )
    return base64.b64encode(made.public_bytes(Encoding.DER)).decode("ascii")


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
