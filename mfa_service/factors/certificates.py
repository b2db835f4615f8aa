"""Whether a chain of certificates ends at a trust anchor, at a time that the caller names.

Our own, because the checks of attestation libraries read the wall clock, and those for TLS ask
attestation certificates for what they do not have.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

MAX_CHAIN = 8

FAULTS = (
    ValueError,
    TypeError,
    RecursionError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises on certificates that are none."""


class NotTrusted(ValueError):
    """The chain does not hold; the message says where."""


def check_chain(
    chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], *, at: int
) -> None:
    """Return if each certificate is alive and issued by the next, and the last is or has a root.

    Raises `NotTrusted`, or one of `FAULTS` for certificates that do not parse. Revocation lists
    are not consulted: nothing here leaves the process.
    """
    if not 1 <= len(chain) <= MAX_CHAIN:
        raise NotTrusted("length")
    now = datetime.fromtimestamp(at, UTC)
    for certificate in chain:
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise NotTrusted("validity")
    for below, (issued, issuer) in enumerate(pairwise(chain)):
        _check_issued(issued, issuer, below=below)
    last, below = chain[-1], len(chain) - 1
    if not any(last == root or _is_issued(last, root, below=below) for root in roots):
        raise NotTrusted("root")


def is_trusted(
    chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], *, at: int
) -> bool:
    """Tell whether `check_chain` returns."""
    try:
        check_chain(chain, roots, at=at)
    except FAULTS:
        return False
    return True


def _check_issued(issued: x509.Certificate, issuer: x509.Certificate, *, below: int) -> None:
    """Check one link; `below` is how many authorities stand between `issuer` and the leaf."""
    constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    if not constraints.ca:
        raise NotTrusted("not a CA")
    if constraints.path_length is not None and constraints.path_length < below:
        raise NotTrusted("path too long")
    issued.verify_directly_issued_by(issuer)


def _is_issued(issued: x509.Certificate, issuer: x509.Certificate, *, below: int) -> bool:
    try:
        _check_issued(issued, issuer, below=below)
    except FAULTS:
        return False
    return True
