"""Sealing and keyed hashing under the operator's master keys, each with a key id."""

import functools
import hashlib
import hmac
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mfa_service.domain.ports import Randomness, SealBroken
from mfa_service.jose import b64url

_VERSION = 1
_NONCE_BYTES = 12
_REMEMBERED = 512


def seal_mark(kid: str) -> bytes:
    """Return how everything begins that is sealed under a key."""
    return bytes((_VERSION, len(kid))) + kid.encode()


def key_of_sealed(sealed: bytes) -> str | None:
    """Return the id of the key that a sealed value names; `None` if it is no such value."""
    name = bytes(sealed[2 : 2 + sealed[1]]) if len(sealed) > 1 and sealed[0] == _VERSION else b""
    return name.decode("ascii") if name.isalnum() else None


def hash_mark(kid: str) -> str:
    """Return how every hash under a key begins."""
    return f"{kid}."


def key_of_hash(hashed: str) -> str | None:
    """Return the id of the key that a hash names; `None` if it is no such hash."""
    kid, dot, _ = hashed.partition(".")
    return kid if dot and kid.isalnum() else None


class MasterKeys:
    """Key id → 32 bytes; the first seals and hashes, all of them can be read."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self.current = next(iter(self._keys))

    def __repr__(self) -> str:
        """Name the keys, hide them."""
        return f"MasterKeys({', '.join(self._keys)})"

    def derive(self, kid: str, purpose: str) -> bytes:
        """Return a 32-byte key for one purpose; raise `KeyError` for an unknown id."""
        return hmac.digest(self._keys[kid], purpose.encode(), hashlib.sha256)

    def ids(self) -> tuple[str, ...]:
        """Return the key ids, current first."""
        return tuple(self._keys)


class AesGcmBox:
    """AES-256-GCM under a key derived for the place, so a moved value does not open.

    The place is part of the key and of the additional data (S 9.6.3). Format: version, length of
    the key id, key id, 96-bit random nonce, ciphertext and tag. One derived key seals the few
    versions of one row's column, far below 2^32 (SP 800-38D §8.3).
    """

    def __init__(self, keys: MasterKeys, randomness: Randomness) -> None:
        self._keys = keys
        self._randomness = randomness
        # A step-up opens the same few values several times within seconds.
        self._cipher = functools.lru_cache(_REMEMBERED)(self._derived)

    def seal(self, plaintext: bytes, *, place: str) -> bytes:
        """Return `plaintext` sealed for `place` under the current key."""
        kid = self._keys.current
        nonce = self._randomness.bytes(_NONCE_BYTES)
        sealed = self._cipher(kid, place).encrypt(nonce, plaintext, place.encode())
        return seal_mark(kid) + nonce + sealed

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Return what was sealed for `place`; raise `SealBroken` otherwise."""
        try:
            version, size = sealed[0], sealed[1]
            kid = sealed[2 : 2 + size].decode()
            rest = sealed[2 + size :]
            nonce, text = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
            if version != _VERSION:
                raise SealBroken("unknown version")
            return self._cipher(kid, place).decrypt(nonce, text, place.encode())
        except (IndexError, KeyError, ValueError, InvalidTag) as exc:
            raise SealBroken("a sealed value does not open here") from exc

    def _derived(self, kid: str, place: str) -> AESGCM:
        return AESGCM(self._keys.derive(kid, f"seal/1|{place}"))


class HmacHash:
    """HMAC-SHA-256 with a key derived for the purpose; the result names its key id."""

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys

    def of(self, value: str, *, purpose: str) -> str:
        """Return `kid.hash` under the current key."""
        return self._hash(self._keys.current, value, purpose)

    def every(self, value: str, *, purpose: str) -> tuple[str, ...]:
        """Return `kid.hash` under each key, current first."""
        return tuple(self._hash(kid, value, purpose) for kid in self._keys.ids())

    def _hash(self, kid: str, value: str, purpose: str) -> str:
        key = self._keys.derive(kid, f"hash/1|{purpose}")
        return hash_mark(kid) + b64url(hmac.digest(key, value.encode(), hashlib.sha256))
