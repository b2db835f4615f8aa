"""WebAuthn (Level 3): passkeys and security keys, bound to the origin that asks.

The steps are those of L3 §7.1 and §7.2, in their order, with one exception: everything about the
counter waits for the signature, so that nobody can accuse a key of being a clone without it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mfa_service import jose
from mfa_service.domain.attestation import AttestationPolicy, Model, Standing
from mfa_service.domain.errors import CloneSuspected
from mfa_service.domain.factor import (
    Begun,
    Binding,
    Credential,
    EnrollmentSubject,
    Proof,
    Registration,
    Verified,
)
from mfa_service.domain.ports import JsonObject, Randomness

from .webauthn_attestation import Attested, Statement, make_of
from .webauthn_ceremony import (
    ALGORITHMS,
    AuthenticatorData,
    Expected,
    Key,
    NotValid,
    client_data_of,
    only_rejections,
    response_of,
)

_TIMEOUT_MS = 300_000
_CHALLENGE_BYTES = 32
_TRANSPORTS = ("usb", "nfc", "ble", "smart-card", "hybrid", "internal")
_NO_COUNTER = -1


@dataclass(frozen=True, slots=True)
class WebAuthn:
    """Public keys that a browser or phone uses on our origins only.

    Options are objects for `PublicKeyCredential.parseCreationOptionsFromJSON` and
    `parseRequestOptionsFromJSON`.
    """

    method: str = "webauthn"
    type: str = "webauthn"
    default_label: str = "Passkey"
    order: int = 10
    slow: bool = False
    counted: bool = False

    def potential(
        self, attributes: Mapping[str, object], *, pin: bool, on_phone: bool = False
    ) -> tuple[str, ...]:
        """Return what it shows with user verification."""
        return (_evidence(attributes, user_verified=True, on_phone=on_phone),)

    def begin(self, subject: EnrollmentSubject, randomness: Randomness) -> Begun:
        """Return creation options; the challenge serves every try of this enrollment."""
        challenge = jose.b64url(randomness.bytes(_CHALLENGE_BYTES))
        name = subject.rp_name or urlsplit(subject.issuer).netloc
        handle = jose.b64url(subject.user_handle)
        options: JsonObject = {
            "rp": {"id": subject.rp_id, "name": name},
            "user": {"id": handle, "name": subject.sub, "displayName": subject.sub},
            "challenge": challenge,
            "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in ALGORITHMS],
            "timeout": _TIMEOUT_MS,
            "excludeCredentials": [_descriptor(known) for known in subject.registered],
            "authenticatorSelection": {
                "residentKey": "preferred",
                "requireResidentKey": False,
                "userVerification": "preferred",
            },
            "attestation": "direct" if subject.attested else "none",
        }
        return Begun({"challenge": challenge}, {"publicKey": options})

    def finish(
        self, pending: JsonObject, proof: Proof, *, registration: Registration, at: int
    ) -> Credential:
        """Return the credential that was made for us, and what its attestation is worth.

        Raises `ProofRejected` if any step of L3 §7.1 fails or the policy does not admit it.
        """
        with only_rejections():
            credential_id, response = response_of(proof.get("credential"))
            expected = Expected("webauthn.create", str(pending["challenge"]), registration.origins)
            client_data = client_data_of(response, expected)
            attestation_object = jose.unb64url(response.get("attestationObject"))
            attested = Attested.parse(attestation_object, client_data)
            attested.data.check(registration.rp_id)
            if credential_id != jose.b64url(attested.data.credential_id):
                raise NotValid("another id")
            key = Key.load(attested.data.public_key)
            statement = attested.verified(key)
            transports = response.get("transports")
            return _credential(attested.data, statement, transports, registration, at=at)

    def prompt(
        self, credentials: Sequence[Credential], *, binding: Binding, seconds: int
    ) -> JsonObject:
        """Return request options for these credentials."""
        return {
            "challenge": binding.nonce,
            "timeout": min(_TIMEOUT_MS, seconds * 1000),
            "rpId": binding.rp_id,
            "allowCredentials": [_descriptor(credential) for credential in credentials],
            "userVerification": "required" if binding.user_verification else "preferred",
        }

    def verify(
        self, credential: Credential, proof: Proof, *, binding: Binding, at: int
    ) -> Verified:
        """Return evidence of an assertion by this credential for `binding`.

        Raises `CloneSuspected` when all holds and the counter did not rise, else `ProofRejected`
        if any step of L3 §7.2 fails.
        """
        with only_rejections():
            data = _asserted(credential, proof, binding)
            return _verified(credential, data, binding, _counter_of(credential, data))


def credential_id_of(credential: Credential) -> str:
    """Return the credential's id in base64url, as `PublicKeyCredential.signal…` take it."""
    return str(credential.secret["credential_id"])


def unique_name(credential_id: bytes) -> str:
    """Return what no other authenticator of anybody may have: an id is a name for ever."""
    return f"webauthn|{hashlib.sha256(credential_id).hexdigest()}"


def reassessed(
    credential: Credential, *, policy: AttestationPolicy, models: Mapping[str, Model]
) -> Standing | None:
    """Return what the credential is worth by the policy and metadata of today.

    `None`: its model is banned. The attestation is judged anew, at the time when it was made:
    anchors may have come or gone since.
    """
    stored: Mapping[str, Any] = credential.secret
    statement, at = Statement.restored(stored["attestation"]), stored["made_at"]
    make = make_of(statement, credential.attributes, policy=policy, models=models, at=at)
    return None if policy.denies(make) else policy.standing_of(make, models.get(make.aaguid))


def _credential(
    data: AuthenticatorData,
    statement: Statement,
    transports: object,
    registration: Registration,
    *,
    at: int,
) -> Credential:
    """Judge the make (L3 §7.1 steps 22 to 24) and return what is kept of it all (step 27)."""
    attributes: dict[str, object] = {
        "aaguid": data.aaguid,
        "backup_eligible": data.backup_eligible,
        "backup_state": data.backup_state,
        "uv_initialized": data.user_verified,
        "transports": _known(transports),
    }
    policy, models = registration.policy, registration.models
    make = make_of(statement, attributes, policy=policy, models=models, at=at)
    if not policy.admits(make):
        raise NotValid("not admitted")
    standing = policy.standing_of(make, models.get(make.aaguid))
    secret: JsonObject = {
        "credential_id": jose.b64url(data.credential_id),
        "public_key": jose.b64url(data.public_key),
        "attestation": statement.stored(),
        "made_at": at,
    }
    return Credential(
        secret,
        counter=data.sign_count or _NO_COUNTER,
        attributes=attributes | {"standing": standing.value},
        unique=unique_name(data.credential_id),
    )


def _asserted(credential: Credential, proof: Proof, binding: Binding) -> AuthenticatorData:
    """Return the authenticator data of a signed assertion by `credential` (L3 §7.2, 5 to 21)."""
    credential_id, response = response_of(proof.get("credential"))
    if credential_id != credential_id_of(credential):
        raise NotValid("another credential")
    handle = response.get("userHandle")
    if handle is not None and jose.unb64url(handle) != binding.user_handle:
        raise NotValid("another user")
    expected = Expected("webauthn.get", binding.nonce, binding.place.origins)
    client_data = client_data_of(response, expected)
    data = AuthenticatorData.parse(jose.unb64url(response.get("authenticatorData")))
    data.check(binding.rp_id)
    if binding.user_verification and not data.user_verified and not binding.place.is_phone:
        raise NotValid("user verification")
    if data.backup_eligible is not credential.attributes.get("backup_eligible", False):
        raise NotValid("backup eligibility")
    key = Key.load(jose.unb64url(credential.secret["public_key"]))
    signature = jose.unb64url(response.get("signature"))
    key.verify(signature, data.raw + hashlib.sha256(client_data).digest())
    return data


def _counter_of(credential: Credential, data: AuthenticatorData) -> int | None:
    """Return the new count, `None` where there is none (L3 §6.1.1, §7.2 step 22)."""
    if data.sign_count > max(credential.counter, 0):
        return data.sign_count
    if credential.counter > 0:
        raise CloneSuspected
    return None


def _verified(
    credential: Credential, data: AuthenticatorData, binding: Binding, counter: int | None
) -> Verified:
    """Return the evidence, and what of the attributes changed (L3 §7.2 step 24).

    User verification that the credential did not have when it was made counts once another
    factor stands beside it: whoever found a security key could have set its PIN.
    """
    before = credential.attributes
    known = bool(before.get("uv_initialized"))
    counted = data.user_verified and (known or binding.corroborated)
    after = {"backup_state": data.backup_state, "uv_initialized": known or counted}
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    evidence = _evidence(before, user_verified=counted, on_phone=binding.place.is_phone)
    return Verified((evidence,), counter=counter, attributes=changed or None)


def _evidence(attributes: Mapping[str, object], *, user_verified: bool, on_phone: bool) -> str:
    """Return the row of the table of levels. A phone's ceremony is not bound to the browser."""
    standing = Standing(str(attributes.get("standing", Standing.UNATTESTED)))
    if standing is Standing.FIPS and (on_phone or not user_verified):
        standing = Standing.HARDWARE
    if not user_verified:
        return f"webauthn_{standing}"
    return f"passkey_on_phone_{standing}" if on_phone else f"passkey_{standing}"


def _descriptor(credential: Credential) -> JsonObject:
    descriptor: JsonObject = {"id": credential_id_of(credential), "type": "public-key"}
    if transports := _known(credential.attributes.get("transports")):
        descriptor["transports"] = transports
    return descriptor


def _known(transports: object) -> list[str]:
    """Return the transports that are such, in a fixed order; they are unsigned hints."""
    found = transports if isinstance(transports, list) else []
    return [name for name in _TRANSPORTS if name in found]


FACTOR = WebAuthn()
