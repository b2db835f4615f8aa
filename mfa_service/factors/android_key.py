"""Android key attestation: the only thing that lets a phone's key count as in hardware.

Checks of contract section 6 and S 6.2 E5: the chain ends at a configured root, the leaf's key is
the device key, the challenge is ours, both security levels are TEE or StrongBox, the key was
generated there, may sign, and is not for all applications.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from pyasn1.codec.der.decoder import decode
from pyasn1.error import PyAsn1Error
from webauthn.helpers.asn1.android_key import KeyDescription

from mfa_service import jose
from mfa_service.domain.ports import JsonObject

_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.1.17")
_IN_HARDWARE = (1, 2)  # TrustedEnvironment, StrongBox
_GENERATED, _SIGN = 0, 2
_MAX_CHAIN = 8


_FAULTS = (
    ValueError,
    TypeError,
    RecursionError,
    PyAsn1Error,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


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
        _check_chain(chain, x509.load_pem_x509_certificates(roots), at=at)
        _check_key(chain[0], jwk)
        _check_description(chain[0], hashlib.sha256(challenge.encode("ascii")).digest())
    except _FAULTS:
        return False
    return True


def _chain_of(x5c: object) -> list[x509.Certificate]:
    if not isinstance(x5c, list) or not 1 <= len(x5c) <= _MAX_CHAIN:
        raise _NotAttested("x5c")
    try:
        ders = [base64.b64decode(text, validate=True) for text in x5c]
    except binascii.Error as exc:
        raise _NotAttested("x5c") from exc
    return [x509.load_der_x509_certificate(der) for der in ders]


def _check_chain(
    chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], *, at: int
) -> None:
    """Each certificate is alive and issued by the next; the last is a root or issued by one."""
    now = datetime.fromtimestamp(at, UTC)
    for certificate in chain:
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise _NotAttested("validity")
    for issued, issuer in pairwise(chain):
        _check_issued(issued, issuer)
    last = chain[-1]
    if not any(last == root or _is_issued(last, root) for root in roots):
        raise _NotAttested("root")


def _check_issued(issued: x509.Certificate, issuer: x509.Certificate) -> None:
    constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    if not constraints.ca:
        raise _NotAttested("not a CA")
    issued.verify_directly_issued_by(issuer)


def _is_issued(issued: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        _check_issued(issued, issuer)
    except _FAULTS:
        return False
    return True


def _check_key(leaf: x509.Certificate, jwk: JsonObject) -> None:
    key = leaf.public_key()
    if not isinstance(key, EllipticCurvePublicKey) or jose.public_jwk(key) != jwk:
        raise _NotAttested("another key")


def _check_description(leaf: x509.Certificate, challenge: bytes) -> None:
    extension = leaf.extensions.get_extension_for_oid(_EXTENSION).value
    if not isinstance(extension, x509.UnrecognizedExtension):
        raise _NotAttested("extension")
    description, _ = decode(extension.value, asn1Spec=KeyDescription())
    levels = (description["attestationSecurityLevel"], description["keymasterSecurityLevel"])
    if bytes(description["attestationChallenge"]) != challenge:
        raise _NotAttested("challenge")
    if not all(int(level) in _IN_HARDWARE for level in levels):
        raise _NotAttested("security level")
    enforced, software = description["teeEnforced"], description["softwareEnforced"]
    if enforced["allApplications"].isValue or software["allApplications"].isValue:
        raise _NotAttested("for all applications")
    if not enforced["origin"].isValue or int(enforced["origin"]) != _GENERATED:
        raise _NotAttested("origin")
    if not enforced["purpose"].isValue or _SIGN not in {int(p) for p in enforced["purpose"]}:
        raise _NotAttested("purpose")
