"""The bytes that an authenticator signs: flags, counter, COSE key (WebAuthn L3 §6.1, §6.5.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as PublicKey

NO_MODEL = bytes(16)
_USER_PRESENT, _USER_VERIFIED = 0x01, 0x04
_BACKUP_ELIGIBLE, _BACKED_UP, _ATTESTED = 0x08, 0x10, 0x40
_KTY_EC2, _ALG_ES256, _CRV_P256 = 2, -7, 1
_NEGATIVE, _BYTES, _TEXT, _MAP = 1, 2, 3, 5
_SHORT, _ONE_BYTE = 24, 0x100


@dataclass(frozen=True, slots=True)
class Facts:
    """What an authenticator states with each signature."""

    rp_id: str
    user_verified: bool
    synced: bool
    sign_count: int


def assertion_data(facts: Facts) -> bytes:
    """Return authenticator data without a credential."""
    return _data(facts, 0)


def registration_data(facts: Facts, credential_id: bytes, key: PublicKey) -> bytes:
    """Return authenticator data with the new credential; our make has no AAGUID."""
    length = len(credential_id).to_bytes(2, "big")
    return _data(facts, _ATTESTED) + NO_MODEL + length + credential_id + cbor(_cose(key))


def attestation_object(data: bytes) -> bytes:
    """Return the object that says nothing about the make (format `none`, L3 §8.7)."""
    return cbor({"fmt": "none", "attStmt": {}, "authData": data})


CborItem = int | bytes | str | Mapping["int | str", "CborItem"]


def cbor(item: CborItem) -> bytes:
    """Return the few kinds of CBOR that we need, maps in the given order (RFC 8949 §3)."""
    if isinstance(item, int):
        return _head(_NEGATIVE, -1 - item) if item < 0 else _head(0, item)
    if isinstance(item, bytes):
        return _head(_BYTES, len(item)) + item
    if isinstance(item, str):
        text = item.encode()
        return _head(_TEXT, len(text)) + text
    pairs = (cbor(key) + cbor(value) for key, value in item.items())
    return _head(_MAP, len(item)) + b"".join(pairs)


def _head(major: int, number: int) -> bytes:
    if number < _SHORT:
        return bytes([major << 5 | number])
    if number < _ONE_BYTE:
        return bytes([major << 5 | 24, number])
    return bytes([major << 5 | 25]) + number.to_bytes(2, "big")


def _data(facts: Facts, more: int) -> bytes:
    flags = _USER_PRESENT | more
    flags |= _USER_VERIFIED if facts.user_verified else 0
    flags |= _BACKUP_ELIGIBLE | _BACKED_UP if facts.synced else 0
    return sha256(facts.rp_id.encode()).digest() + bytes([flags]) + facts.sign_count.to_bytes(4)


def _cose(key: PublicKey) -> Mapping[int | str, CborItem]:
    numbers = key.public_numbers()
    x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
    return {1: _KTY_EC2, 3: _ALG_ES256, -1: _CRV_P256, -2: x, -3: y}
