"""The passkeys of this phone: made, and used after the finger or face was recognised."""

import secrets
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mobile_stub.authenticator_data import (
    Facts,
    assertion_data,
    attestation_object,
    registration_data,
)
from mobile_stub.encoding import base64url, compact_json
from mobile_stub.errors import BadInput, NotVerified
from mobile_stub.keys import new_device_key
from mobile_stub.state import Passkey, State, StateFile
from mobile_stub.webauthn_options import (
    ES256,
    CreationOptions,
    RequestOptions,
    checked_origin,
    creation_options,
    origin_of,
    request_options,
)

_CREDENTIAL_ID_BYTES = 32


class Biometric(StrEnum):
    """What comes of looking at the person; `absent` is a touch that verifies nobody (UV=0)."""

    OK = "ok"
    FAIL = "fail"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Ceremony:
    """How a ceremony goes: where it says that it happened, and whether the person is recognised.

    Without `origin` it happens at the service's own (contract 8: `MFA_APP_ORIGINS`).
    """

    biometric: Biometric = Biometric.OK
    origin: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no client would call an origin."""
        if self.origin is not None:
            checked_origin(self.origin)

    @property
    def user_verified(self) -> bool:
        """Whether the person was recognised; `NotVerified` if that was tried in vain."""
        if self.biometric is Biometric.FAIL:
            raise NotVerified("Your finger or face was not recognised. Nothing was sent.")
        return self.biometric is Biometric.OK

    def client_data(self, kind: str, challenge: str, *, issuer: str) -> bytes:
        """Return what the client states about the ceremony (L3 §5.8.1)."""
        origin = self.origin or origin_of(issuer)
        stated = {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}
        return compact_json(stated)


@dataclass(frozen=True, slots=True)
class PlatformAuthenticator:
    """Makes and uses the passkeys in one state file; keys never leave it.

    A real phone asks for the finger or face; here `Ceremony` says what comes of it.
    """

    store: StateFile = field(repr=False)

    def register(
        self, given: dict[str, Any], ceremony: Ceremony, *, synced: bool
    ) -> dict[str, Any]:
        """Make a passkey and return RegistrationResponseJSON (L3 §6.3.2).

        A passkey of the same user for the same service is replaced, as authenticators do.
        Raises `BadInput` for options that cannot be followed or exclude this phone.
        """
        verified = ceremony.user_verified
        with self.store.locked():
            state = self.store.load()
            options = creation_options(given, issuer=state.issuer)
            if any(_matches(known, options.rp_id, options.excluded) for known in state.passkeys):
                raise BadInput("This phone already has a passkey for this account.")
            made = Passkey(
                id=secrets.token_bytes(_CREDENTIAL_ID_BYTES),
                rp_id=options.rp_id,
                user_handle=options.user_handle,
                key=new_device_key(),
                synced=synced,
            )
            others = (p for p in state.passkeys if not _same_account(p, made))
            self.store.save(replace(state, passkeys=(*others, made)))
        client_data = ceremony.client_data(
            "webauthn.create", options.challenge, issuer=state.issuer
        )
        return _registration(made, options, client_data, user_verified=verified)

    def assertion(self, given: dict[str, Any], ceremony: Ceremony) -> dict[str, Any]:
        """Sign with the newest passkey that the options allow, and return its response JSON.

        The counter has risen in the file before anything is signed (L3 §6.3.3). Raises `BadInput`
        without such a passkey.
        """
        verified = ceremony.user_verified
        with self.store.locked():
            state = self.store.load()
            options = request_options(given, issuer=state.issuer)
            found = usable_passkey(state, options)
            if found is None:
                raise BadInput("This phone has no passkey that this request would take.")
            used = found.used_once_more()
            kept = tuple(used if known is found else known for known in state.passkeys)
            self.store.save(replace(state, passkeys=kept))
        client_data = ceremony.client_data("webauthn.get", options.challenge, issuer=state.issuer)
        return _assertion(used, client_data, user_verified=verified)


def usable_passkey(state: State, options: RequestOptions) -> Passkey | None:
    """Return the newest passkey that the options allow, if there is one."""
    for known in reversed(state.passkeys):
        if known.rp_id == options.rp_id and (not options.allowed or known.id in options.allowed):
            return known
    return None


def _matches(known: Passkey, rp_id: str, ids: frozenset[bytes]) -> bool:
    return known.rp_id == rp_id and known.id in ids


def _same_account(one: Passkey, other: Passkey) -> bool:
    return (one.rp_id, one.user_handle) == (other.rp_id, other.user_handle)


def _facts(passkey: Passkey, *, user_verified: bool) -> Facts:
    return Facts(passkey.rp_id, user_verified, passkey.synced, passkey.sign_count)


def _registration(
    made: Passkey, options: CreationOptions, client_data: bytes, *, user_verified: bool
) -> dict[str, Any]:
    public = made.key.public_key()
    data = registration_data(_facts(made, user_verified=user_verified), made.id, public)
    response = {
        "clientDataJSON": base64url(client_data),
        "attestationObject": base64url(attestation_object(data)),
        "authenticatorData": base64url(data),
        "transports": ["internal"],
        "publicKey": base64url(
            public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        ),
        "publicKeyAlgorithm": ES256,
    }
    results = {"credProps": {"rk": True}} if "credProps" in options.extensions else {}
    return _credential(made, response, results)


def _assertion(used: Passkey, client_data: bytes, *, user_verified: bool) -> dict[str, Any]:
    data = assertion_data(_facts(used, user_verified=user_verified))
    signature = used.key.sign(data + sha256(client_data).digest(), ECDSA(SHA256()))
    response = {
        "clientDataJSON": base64url(client_data),
        "authenticatorData": base64url(data),
        "signature": base64url(signature),
        "userHandle": base64url(used.user_handle),
    }
    return _credential(used, response, {})


def _credential(
    passkey: Passkey, response: dict[str, Any], results: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": base64url(passkey.id),
        "rawId": base64url(passkey.id),
        "type": "public-key",
        "response": response,
        "authenticatorAttachment": "platform",
        "clientExtensionResults": results,
    }
