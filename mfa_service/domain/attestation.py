"""What is believed of an authenticator's make: trust anchors, metadata, lists (S 5.4)."""

from dataclasses import dataclass
from enum import StrEnum

_IN_HARDWARE = frozenset({"hardware", "secure_element", "tee"})
_BROKEN = frozenset(
    {
        "REVOKED",
        "USER_VERIFICATION_BYPASS",
        "ATTESTATION_KEY_COMPROMISE",
        "USER_KEY_REMOTE_COMPROMISE",
        "USER_KEY_PHYSICAL_COMPROMISE",
    }
)


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

    @property
    def is_broken(self) -> bool:
        """Whether a status says that its attestation or its keys can no longer be believed."""
        return bool(self.statuses & _BROKEN)

    @property
    def keeps_keys_in_hardware(self) -> bool:
        """Whether its keys cannot be copied out of it."""
        return bool(self.key_protection & _IN_HARDWARE)


@dataclass(frozen=True, slots=True)
class Make:
    """What is known of how one credential was made; `aaguid` alone is a mere claim.

    `trusted`: its attestation ends at a trust anchor. `identified`: the anchor's owner vouches
    for the AAGUID too, and not only for the key. `hardware_format`: the attestation is of a kind
    that is given for keys in hardware only.
    """

    aaguid: str
    backup_eligible: bool
    trusted: bool = False
    identified: bool = False
    hardware_format: bool = False


@dataclass(frozen=True, slots=True)
class AttestationPolicy:
    """What the operator configured. `roots` are PEM certificates; the others lists of AAGUIDs.

    With `allowed`, only attested models on that list may be enrolled; `denied` never may.
    """

    roots: bytes = b""
    allowed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    fips: frozenset[str] = frozenset()

    def denies(self, make: Make) -> bool:
        """Tell whether authenticators that say they are of this model are banned."""
        return make.aaguid in self.denied

    def admits(self, make: Make) -> bool:
        """Tell whether such an authenticator may be enrolled."""
        listed = not self.allowed or (make.identified and make.aaguid in self.allowed)
        return listed and not self.denies(make)

    def standing_of(self, make: Make, model: Model | None) -> Standing:
        """Return what the key is worth; `model` is the metadata for `make.aaguid`.

        A key that may be copied is never hardware, whoever attests it (SP 800-63B-4 §3.2.13). A
        model that is broken by its metadata counts as unattested.
        """
        if make.backup_eligible:
            return Standing.SYNCED
        if not make.trusted or (model is not None and model.is_broken):
            return Standing.UNATTESTED
        on_list = make.identified and make.aaguid in self.fips
        if model is not None and make.identified:
            in_hardware = model.keeps_keys_in_hardware
        else:
            in_hardware = make.hardware_format or on_list
        if not in_hardware:
            return Standing.UNATTESTED
        return Standing.FIPS if on_list else Standing.HARDWARE
