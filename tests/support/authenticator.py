"""A software authenticator with its browser: answers WebAuthn options, truly or with one lie.

    key = SoftAuthenticator()                                   # ES256, verifies the user
    made = key.create(options, origin="http://localhost:8000")  # RegistrationResponseJSON
    got = key.get(options, origin="http://localhost:8000")      # AuthenticationResponseJSON

`options` is what stands under `publicKey`. What the authenticator is goes into the constructor:

    SoftAuthenticator(alg=EDDSA | ES256 | RS256, aaguid=…, uv=False, be=True, bs=True,
                      counts=True, attestation="none" | "self" | Maker(), transports=("usb",))

What differs in one ceremony goes into `create` and `get`, by the names of `Odd`: flags, `counter`,
`cross_origin=True`, `top_origin=…`, `user_handle=…`, and hooks that change the parts before they
are signed (`client_data=`, `auth_data=`) or afterwards (`signature=`, `attestation_object=`,
`answer=`). `key.copy()` is a clone: same keys, same counter. A `Maker` (makers.py) is a root that
issues attestation certificates; `Maker().pem` goes into `MFA_WEBAUTHN_ROOTS`.
"""

import copy
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import cbor2

from .cose import ES256, PrivateKey, b64url, cose_of, new_key, sign, unb64url
from .makers import Attestor, Made

NO_AAGUID = "00000000-0000-0000-0000-000000000000"
UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
ORDINARY = object()
"""Says that a ceremony does the usual, where `None` would mean something."""


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
    attestation: Literal["none", "self"] | Attestor = "none"
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
        made = Made(kept.private_key, self.aaguid, credential_id, data, client_data)
        name, statement = self._statement(made)
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

    def _statement(self, made: Made) -> tuple[str, dict[str, Any]]:
        if self.attestation == "none":
            return "none", {}
        if self.attestation == "self":
            return "packed", {"alg": self.alg, "sig": sign(made.key, made.signed)}
        return self.attestation.statement(made)


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
