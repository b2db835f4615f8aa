"""Android key attestation: the only thing that lets a phone's key count as in hardware.

Checks of contract section 6 and S 6.2 E5: the chain ends at a configured root, the leaf's key is
the device key, the challenge is ours, both security levels are TEE or StrongBox, the key was
generated there, may sign, and is not for all applications.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from pyasn1.codec.der.decoder import decode
from pyasn1.error import PyAsn1Error
from webauthn.helpers.asn1.android_key import KeyDescription

from mfa_service import jose
from mfa_service.domain.ports import JsonObject

from . import certificates

_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.1.17")
_IN_HARDWARE = (1, 2)  # TrustedEnvironment, StrongBox
_GENERATED, _SIGN = 0, 2
FAULTS = (*certificates.FAULTS, PyAsn1Error)
"""What a chain or a description that is none provokes."""


class _NotAttested(ValueError):
    """The attestation does not show a key in hardware."""


def proves_hardware(
    attestation: object, jwk: JsonObject, *, challenge: str, roots: bytes, at: int
) -> bool:
    """Tell whether `attestation` shows that the key `jwk` lives in hardware.

    `challenge` is the ASCII text whose SHA-256 was attested, `roots` are PEM certificates. Any
    other format, a fault, or no roots: the key counts as software, and nothing else happens.
    """
    if not isinstance(attestation, dict) or attestation.get("format") != "android-key" or not roots:
        return False
    try:
        chain = _chain_of(attestation.get("x5c"))
        certificates.check_chain(chain, x509.load_pem_x509_certificates(roots), at=at)
        _check_key(chain[0], jwk)
        _check_description(chain[0], hashlib.sha256(challenge.encode("ascii")).digest())
    except FAULTS:
        return False
    return True


def _chain_of(x5c: object) -> list[x509.Certificate]:
    if not isinstance(x5c, list) or not 1 <= len(x5c) <= certificates.MAX_CHAIN:
        raise _NotAttested("x5c")
    try:
        ders = [base64.b64decode(text, validate=True) for text in x5c]
    except binascii.Error as exc:
        raise _NotAttested("x5c") from exc
    return [x509.load_der_x509_certificate(der) for der in ders]


def _check_key(leaf: x509.Certificate, jwk: JsonObject) -> None:
    key = leaf.public_key()
    if not isinstance(key, EllipticCurvePublicKey) or jose.public_jwk(key) != jwk:
        raise _NotAttested("another key")


def _check_description(leaf: x509.Certificate, challenge: bytes) -> None:
    description = description_of(leaf)
    if bytes(description["attestationChallenge"]) != challenge:
        raise _NotAttested("challenge")
    if is_for_all_applications(description):
        raise _NotAttested("for all applications")
    if not is_in_hardware(description):
        raise _NotAttested("not generated in hardware, to sign")


def description_of(leaf: x509.Certificate) -> Mapping[str, Any]:
    """Return what the keystore says of the key of `leaf`; raises one of `FAULTS` if it does not."""
    extension = leaf.extensions.get_extension_for_oid(_EXTENSION).value
    if not isinstance(extension, x509.UnrecognizedExtension):
        raise _NotAttested("extension")
    description: Mapping[str, Any] = decode(extension.value, asn1Spec=KeyDescription())[0]
    return description


def is_for_all_applications(description: Mapping[str, Any]) -> bool:
    """Tell whether any application on the phone may use the key."""
    lists = (description["teeEnforced"], description["softwareEnforced"])
    return any(enforced["allApplications"].isValue for enforced in lists)


def is_in_hardware(description: Mapping[str, Any]) -> bool:
    """Tell whether TEE or StrongBox generated the key and holds it to signing."""
    levels = (description["attestationSecurityLevel"], description["keymasterSecurityLevel"])
    enforced = description["teeEnforced"]
    if not all(int(level) in _IN_HARDWARE for level in levels):
        return False
    if not enforced["origin"].isValue or int(enforced["origin"]) != _GENERATED:
        return False
    return bool(enforced["purpose"].isValue) and _SIGN in {int(p) for p in enforced["purpose"]}
