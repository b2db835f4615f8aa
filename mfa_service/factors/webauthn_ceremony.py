"""What both WebAuthn ceremonies read and check: client data, authenticator data, public keys.

Strict where py_webauthn is lax (S 5.5): base64url without padding, one JSON text without a byte
order mark, no bytes after the CBOR, a key of exactly the kind that its algorithm asks for.
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    verify_signature,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier

from mfa_service import jose
from mfa_service.domain import strict_json
from mfa_service.domain.errors import ProofRejected

EDDSA, ES256, RS256 = -8, -7, -257
ALGORITHMS = (EDDSA, ES256, RS256)
MAX_ID = 1023
_UP, _UV, _BE, _BS, _AT, _ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
_MIN_RSA, _MAX_RSA = 2048, 4096
_HEAD = 37  # rpIdHash, flags, signCount
_ATTESTED_HEAD = _HEAD + 18  # AAGUID, length of the credential id

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey


class NotValid(ValueError):
    """A check of the ceremony fails; the message says which, and never leaves the process."""


@contextmanager
def only_rejections() -> Iterator[None]:
    """Raise `ProofRejected` for whatever broken input provokes, and nothing else.

    The decoders below raise what they like on bytes that nobody expected: a list of their
    exceptions would be incomplete, and a gap in it a failure of ours in the attacker's hands.
    """
    try:
        yield
    except ProofRejected:
        raise
    except Exception as exc:  # see above: no list of exceptions would be complete
        raise ProofRejected from exc


@dataclass(frozen=True, slots=True)
class Key:
    """A credential's public key and its COSE algorithm."""

    cose: bytes
    alg: int
    public_key: PublicKey

    @classmethod
    def load(cls, cose: bytes) -> "Key":
        """Return the key if it is of an algorithm that we offer and of the kind that it needs.

        Loading it shows that a point is on its curve (L3 §5.8.5).
        """
        decoded = decode_credential_public_key(cose)
        key, alg = decoded_public_key_to_cryptography(decoded), int(decoded.alg)
        if not isinstance(key, PublicKey) or not _fits(alg, key):
            raise NotValid("public key")
        return cls(cose, alg, key)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise unless `signature` over `data` is this key's."""
        algorithm = COSEAlgorithmIdentifier(self.alg)
        verify_signature(
            public_key=self.public_key, signature_alg=algorithm, signature=signature, data=data
        )


@dataclass(frozen=True, slots=True)
class AuthenticatorData:
    """What the authenticator signs (L3 §6.1). The last three only where a key was made."""

    raw: bytes
    rp_id_hash: bytes
    flags: int
    sign_count: int
    aaguid: str = ""
    credential_id: bytes = b""
    public_key: bytes = b""

    @property
    def user_verified(self) -> bool:
        """Whether a PIN or a biometric unlocked the key."""
        return bool(self.flags & _UV)

    @property
    def backup_eligible(self) -> bool:
        """Whether the key may be copied; fixed when it is made."""
        return bool(self.flags & _BE)

    @property
    def backup_state(self) -> bool:
        """Whether the key is copied now."""
        return bool(self.flags & _BS)

    @classmethod
    def parse(cls, raw: bytes) -> "AuthenticatorData":
        """Return the parts; raise for bytes that are missing or left over."""
        if len(raw) < _HEAD:
            raise NotValid("authenticator data")
        flags, count = raw[32], int.from_bytes(raw[33:_HEAD])
        aaguid, credential_id, public_key, end = "", b"", b"", _HEAD
        if flags & _AT:
            aaguid = str(uuid.UUID(bytes=raw[_HEAD : _HEAD + 16]))
            end = _ATTESTED_HEAD + int.from_bytes(raw[_HEAD + 16 : _ATTESTED_HEAD])
            credential_id, start = raw[_ATTESTED_HEAD:end], end
            end += _length_of_cbor(raw[start:])
            public_key = raw[start:end]
        if flags & _ED:
            end += _length_of_cbor(raw[end:])
        if end != len(raw):
            raise NotValid("authenticator data")
        return cls(raw, raw[:32], flags, count, aaguid, credential_id, public_key)

    def check(self, rp_id: str) -> None:
        """Check the party, presence and backup flags (L3 §7.1 steps 14 to 17, §7.2 15 to 18)."""
        if self.rp_id_hash != hashlib.sha256(rp_id.encode()).digest():
            raise NotValid("rpIdHash")
        if not self.flags & _UP:
            raise NotValid("user presence")
        if self.backup_state and not self.backup_eligible:
            raise NotValid("backup state")


@dataclass(frozen=True, slots=True)
class Expected:
    """What the client has to have been asked, and where."""

    type: str
    challenge: str
    origins: tuple[str, ...]


def response_of(credential: object) -> tuple[str, Mapping[str, object]]:
    """Return `id` and `response` of a credential in JSON; `id` and `rawId` have to be one."""
    if not isinstance(credential, dict) or credential.get("type") != "public-key":
        raise NotValid("credential")
    text, response = credential.get("id"), credential.get("response")
    if not isinstance(text, str) or text != credential.get("rawId"):
        raise NotValid("id")
    if not isinstance(response, dict) or not 0 < len(jose.unb64url(text)) <= MAX_ID:
        raise NotValid("response")
    return text, response


def client_data_of(response: Mapping[str, object], expected: Expected) -> bytes:
    """Return the client data as received, checked (L3 §7.1 steps 5 to 11, §7.2 7 to 14).

    No page of ours is made to be framed: a ceremony in a frame of another origin is refused.
    """
    raw = jose.unb64url(response.get("clientDataJSON"))
    data = strict_json.loads(raw)
    if not isinstance(data, dict) or data.get("type") != expected.type:
        raise NotValid("type")
    if data.get("challenge") != expected.challenge:
        raise NotValid("challenge")
    if data.get("origin") not in expected.origins:
        raise NotValid("origin")
    if data.get("crossOrigin", False) is not False or "topOrigin" in data:
        raise NotValid("framed")
    return raw


def cbor(raw: bytes) -> object:
    """Return the one CBOR item that `raw` is, without a byte after it."""
    stream = BytesIO(raw)
    item: object = cbor2.CBORDecoder(stream, allow_duplicate_keys=False).decode()
    if stream.tell() != len(raw):
        raise NotValid("bytes after CBOR")
    return item


def _length_of_cbor(raw: bytes) -> int:
    stream = BytesIO(raw)
    cbor2.CBORDecoder(stream, allow_duplicate_keys=False).decode()
    return stream.tell()


def _fits(alg: int, key: PublicKey) -> bool:
    """Tell whether a key is of the one kind that its algorithm allows (L3 §5.8.5)."""
    if alg == ES256:
        return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    if alg == EDDSA:
        return isinstance(key, Ed25519PublicKey)
    return alg == RS256 and isinstance(key, RSAPublicKey) and _MIN_RSA <= key.key_size <= _MAX_RSA
