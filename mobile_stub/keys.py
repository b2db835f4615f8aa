"""The phone's two keys: the device key, and the PIN key that exists only while it signs."""

import secrets
from dataclasses import dataclass
from hashlib import pbkdf2_hmac

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from mobile_stub.encoding import base64url

PIN_ITERATIONS = 600_000
PIN_SALT_PREFIX = b"stepup-pin-key/1"
DEVICE_SECRET_BYTES = 32


def new_device_key() -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key; a real phone makes it in hardware and cannot export it."""
    return ec.generate_private_key(ec.SECP256R1())


def new_device_secret() -> bytes:
    """Return 32 random bytes, new for every enrollment."""
    return secrets.token_bytes(DEVICE_SECRET_BYTES)


def public_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """Return the public half as a JWK with 32-byte coordinates (RFC 7518 §6.2.1)."""
    numbers = key.public_key().public_numbers()
    x, y = (base64url(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def key_to_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """Return unencrypted PKCS#8: the state file is this phone's keystore."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_from_pem(text: str) -> ec.EllipticCurvePrivateKey:
    """Read a P-256 key from PKCS#8; anything else is a `ValueError`."""
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (TypeError, UnsupportedAlgorithm) as fault:
        raise ValueError("not a plain private key") from fault
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not a P-256 key")  # noqa: TRY004  (callers catch one kind)
    return key


@dataclass(frozen=True, slots=True)
class PinKey:
    """The Ed25519 key that a PIN and this phone's secret yield together; it is never stored."""

    _private: Ed25519PrivateKey

    @classmethod
    def derive(cls, pin: str, device_secret: bytes) -> "PinKey":
        """Derive the key as the contract fixes it (section 6), about 0.2 s of hashing.

        A wrong PIN gives a different key, not an error: only the server can tell, and it counts
        (S 3.5.3).
        """
        salt = PIN_SALT_PREFIX + device_secret
        seed = pbkdf2_hmac("sha256", pin.encode(), salt, PIN_ITERATIONS, 32)
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    def jwk(self) -> dict[str, str]:
        """Return the public key as an OKP JWK (RFC 8037 §2)."""
        raw = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw)}

    def proof(self, purpose: str, *parts: str) -> str:
        """Sign `stepup-pin/1.<purpose>.<parts joined by dots>` and return base64url."""
        return base64url(self._private.sign(".".join(("stepup-pin/1", purpose, *parts)).encode()))
