"""What is believed of an authenticator's make: trust anchors, metadata, lists (S 5.4)."""

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """How well the key is known to be protected; the suffix of its rows in the table of levels."""

    UNATTESTED = "unattested"
    SYNCED = "synced"
    HARDWARE = "hardware"
    FIPS = "fips"


@dataclass(frozen=True, slots=True)
class Model:
    """One model of authenticator, as a FIDO metadata statement describes it.

    `roots` are DER certificates; `key_protection` and `statuses` are the words of the FIDO
    registry, as in `hardware` and `REVOKED`.
    """

    aaguid: str
    description: str
    roots: tuple[bytes, ...] = ()
    key_protection: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AttestationPolicy:
    """What the operator configured. `roots` are PEM certificates; the others lists of AAGUIDs.

    With `allowed`, only attested models on that list may be enrolled; `denied` never may.
    """

    roots: bytes = b""
    allowed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    fips: frozenset[str] = frozenset()
