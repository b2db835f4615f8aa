"""A software authenticator with its browser: answers WebAuthn options, truly or with one lie.

    key = SoftAuthenticator()                                    # ES256, verifies the user
    made = key.create(options, origin="http://localhost:8000")   # RegistrationResponseJSON
    got = key.get(options, origin="http://localhost:8000")       # AuthenticationResponseJSON

`options` is what stands under `publicKey`. What the authenticator is goes into the constructor:

    SoftAuthenticator(alg=EDDSA | ES256 | RS256, aaguid=…, uv=False, be=True, bs=True, counts=True,
                      attestation="none" | "self" | Maker(), transports=("usb",))

What differs in one ceremony goes into `create` and `get`, by the names of `Odd`: flags, `counter`,
`cross_origin=True`, `top_origin=…`, `user_handle=…`, and hooks that change the parts before they
are signed (`client_data=`, `auth_data=`) or afterwards (`signature=`, `attestation_object=`,
`answer=`). `key.copy()` is a clone: same keys, same counter. A `Maker` is a root that issues
attestation certificates; `Maker().pem` goes into `MFA_WEBAUTHN_ROOTS`.
"""

import base64
import copy
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Self

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

EDDSA, ES256, RS256 = -8, -7, -257
NO_AAGUID = "00000000-0000-0000-0000-000000000000"
AAGUID_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
ORDINARY = object()
"""Says that a ceremony does the usual, where `None` would mean something."""


def b64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _unchanged(part: Any) -> Any:
    return part


@dataclass(frozen=True)
class Odd:
    """What one ceremony does otherwise. `None` and `ORDINARY`: as the authenticator does."""

    up: bool = True
    uv: bool | None = None
    be: bool | None = None
    bs: bool | None = None
    counter: int | None = None
    cross_origin: object = ORDINARY
    top_origin: object = ORDINARY
    rp_id: str | None = None
    user_handle: Any = ORDINARY
    credential_id: bytes | None = None
    client_data: Callable[[dict[str, Any]], dict[str, Any] | bytes] = _unchanged
    auth_data: Callable[[bytes], bytes] = _unchanged
    cose: Callable[[dict[int, Any]], dict[int, Any]] = _unchanged
    statement: Callable[[dict[str, Any]], dict[str, Any]] = _unchanged
    attestation_object: Callable[[bytes], bytes] = _unchanged
    signature: Callable[[bytes], bytes] = _unchanged
    answer: Callable[[dict[str, Any]], dict[str, Any]] = _unchanged


@dataclass
class _Kept:
    """One credential in the authenticator."""

    private_key: PrivateKey
    rp_id: str
    user_handle: bytes
    counter: int = 0


@dataclass
class SoftAuthenticator:
    """Holds credentials by id; the one made last answers where several may."""

    alg: int = ES256
    aaguid: str = NO_AAGUID
    uv: bool = True
    be: bool = False
    bs: bool = False
    counts: bool = False
    attestation: "Literal['none', 'self'] | Maker" = "none"
    transports: tuple[str, ...] = ("internal",)
    kept: dict[bytes, _Kept] = field(default_factory=dict, repr=False)

    def copy(self) -> Self:
        """Return a clone, as if the keys had been stolen."""
        made = copy.copy(self)
        made.kept = {key: copy.copy(kept) for key, kept in self.kept.items()}
        return made

    def create(self, options: Mapping[str, Any], *, origin: str, **odd: Any) -> dict[str, Any]:
        """Make a credential and return a RegistrationResponseJSON."""
        wish = Odd(**odd)
        credential_id = os.urandom(32) if wish.credential_id is None else wish.credential_id
        kept = _Kept(new_key(self.alg), options["rp"]["id"], unb64url(options["user"]["id"]))
        self.kept[credential_id] = kept
        client_data = _client_data("webauthn.create", options, origin, wish)
        cose = cbor2.dumps(wish.cose(cose_of(kept.private_key)))
        head = uuid.UUID(self.aaguid).bytes + len(credential_id).to_bytes(2) + credential_id
        data = wish.auth_data(self._data(kept, wish, AT) + head + cose)
        name, statement = self._statement(kept, data + hashlib.sha256(client_data).digest())
        item = {"fmt": name, "attStmt": wish.statement(statement), "authData": data}
        response = {
            "clientDataJSON": b64url(client_data),
            "attestationObject": b64url(wish.attestation_object(cbor2.dumps(item))),
            "transports": list(self.transports),
        }
        return wish.answer(_public_key_credential(credential_id, response))

    def get(self, options: Mapping[str, Any], *, origin: str, **odd: Any) -> dict[str, Any]:
        """Sign and return an AuthenticationResponseJSON; `KeyError` if nothing here is allowed."""
        wish = Odd(**odd)
        credential_id = wish.credential_id or self._allowed(options)
        kept = self.kept[credential_id]
        kept.counter += self.counts
        client_data = _client_data("webauthn.get", options, origin, wish)
        data = wish.auth_data(self._data(kept, wish, 0))
        signature = sign(kept.private_key, data + hashlib.sha256(client_data).digest())
        handle = kept.user_handle if wish.user_handle is ORDINARY else wish.user_handle
        response = {
            "clientDataJSON": b64url(client_data),
            "authenticatorData": b64url(data),
            "signature": b64url(wish.signature(signature)),
            "userHandle": None if handle is None else b64url(handle),
        }
        return wish.answer(_public_key_credential(credential_id, response))

    def _allowed(self, options: Mapping[str, Any]) -> bytes:
        ids = {unb64url(one["id"]) for one in options.get("allowCredentials", [])}
        fitting = [
            credential_id
            for credential_id, kept in self.kept.items()
            if kept.rp_id == options["rpId"] and (not ids or credential_id in ids)
        ]
        if not fitting:
            raise KeyError("no credential of this authenticator is allowed")
        return fitting[-1]

    def _data(self, kept: _Kept, wish: Odd, more: int) -> bytes:
        flags = UP * wish.up | more
        for bit, asked, usual in (
            (UV, wish.uv, self.uv),
            (BE, wish.be, self.be),
            (BS, wish.bs, self.bs),
        ):
            flags |= bit * (usual if asked is None else asked)
        counter = kept.counter if wish.counter is None else wish.counter
        rp_id = kept.rp_id if wish.rp_id is None else wish.rp_id
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + counter.to_bytes(4)

    def _statement(self, kept: _Kept, signed: bytes) -> tuple[str, dict[str, Any]]:
        if isinstance(self.attestation, Maker):
            return "packed", self.attestation.packed(signed, self.aaguid)
        if self.attestation == "self":
            return "packed", {"alg": self.alg, "sig": sign(kept.private_key, signed)}
        return "none", {}


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
        builder = self._builder(_name(self.name), self.root_key.public_key())
        return builder.add_extension(ca, critical=True).sign(self.root_key, SHA256())

    @property
    def pem(self) -> bytes:
        """Return the root as an operator configures it."""
        return self.root.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        """Return the root as metadata has it."""
        return self.root.public_bytes(Encoding.DER)

    def packed(self, signed: bytes, aaguid: str) -> dict[str, Any]:
        """Return a packed statement by a fresh attestation key (L3 §8.2)."""
        key = ec.generate_private_key(ec.SECP256R1())
        x5c = [self.leaf(key, aaguid).public_bytes(Encoding.DER)]
        return {"alg": ES256, "sig": sign(key, signed), "x5c": x5c}

    def leaf(self, key: ec.EllipticCurvePrivateKey, aaguid: str) -> x509.Certificate:
        """Return an attestation certificate (L3 §8.2.1)."""
        ca = x509.BasicConstraints(ca=self.authority, path_length=None)
        subject = _name("Batch", country="SE", organization=self.name, unit=self.units)
        builder = self._builder(subject, key.public_key()).add_extension(ca, critical=True)
        if self.names_model:
            value = b"\x04\x10" + uuid.UUID(aaguid).bytes
            extension = x509.UnrecognizedExtension(AAGUID_EXTENSION, value)
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.root_key, SHA256())

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_name(self.name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(self.until, 1, 1, tzinfo=UTC))
        )


def new_key(alg: int) -> PrivateKey:
    """Return a new private key of a COSE algorithm."""
    if alg == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    if alg == RS256:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def sign(key: PrivateKey, data: bytes) -> bytes:
    """Sign as WebAuthn does: ECDSA in DER, RSA by PKCS #1 v1.5 (L3 §6.5.5)."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(SHA256()))
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), SHA256())
    return key.sign(data)


def cose_of(key: PrivateKey) -> dict[int, Any]:
    """Return the public key as a COSE map."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        return {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {1: 3, 3: RS256, -1: numbers.n.to_bytes(key.key_size // 8), -2: b"\1\0\1"}
    return {1: 1, 3: EDDSA, -1: 6, -2: key.public_key().public_bytes_raw()}


def _client_data(kind: str, options: Mapping[str, Any], origin: str, wish: Odd) -> bytes:
    said: dict[str, Any] = {"type": kind, "challenge": options["challenge"], "origin": origin}
    said["crossOrigin"] = False if wish.cross_origin is ORDINARY else wish.cross_origin
    if wish.top_origin is not ORDINARY:
        said["topOrigin"] = wish.top_origin
    changed = wish.client_data(said)
    return changed if isinstance(changed, bytes) else json.dumps(changed).encode()


def _public_key_credential(credential_id: bytes, response: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": b64url(credential_id),
        "rawId": b64url(credential_id),
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": response,
    }


def _name(
    common: str, *, country: str = "SE", organization: str = "Makers", unit: str = ""
) -> x509.Name:
    pairs = [
        (NameOID.COUNTRY_NAME, country),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, common),
    ]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs if value])
