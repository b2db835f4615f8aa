"""One truth, many names: how a result is told to consumers that know other words for it.

What was proven is judged once, by the level table; a dialect only renames its levels and leaves
out `amr` values that its consumers do not know. Microsoft Entra is not here: it asks by kinds of
factors, in `entra_words`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from .assurance import Assurance, LevelTable

REGISTERED_AMR = frozenset(
    {"face", "fpt", "geo", "hwk", "iris", "kba", "mca", "mfa", "otp", "pin", "pop", "pwd", "rba"}
    | {"retina", "sc", "sms", "swk", "tel", "user", "vbm", "wia"}
)
"""IANA's registry "Authentication Method Reference Values" (RFC 8176 §2; `pop` by EAP)."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Names of levels, by the level's key in the table, and the `amr` values that are known.

    With `username` the subject is told as `preferred_username` too: its consumer compares that.
    """

    acr: Mapping[str, str] = field(default_factory=dict)
    amr: frozenset[str] | None = None
    username: bool = False

    def told(self, assurance: Assurance, levels: LevelTable) -> Assurance:
        """Return the same result in this dialect's words; never a higher level than it is."""
        if not self.acr and self.amr is None:
            return assurance
        satisfied = dict.fromkeys(self.name_of(acr, levels) for acr in assurance.acr_satisfied)
        kept = (value for value in assurance.amr if self.amr is None or value in self.amr)
        return replace(
            assurance,
            acr=self.name_of(assurance.acr, levels),
            acr_satisfied=tuple(satisfied),
            amr=tuple(kept),
        )

    def name_of(self, acr: str, levels: LevelTable) -> str:
        """Return what a level is called: by its own name, or that of the next lower named one."""
        rank = levels.rank(acr)
        if not self.acr or rank is None:
            return acr
        named = [self.acr[key] for key in levels.keys[: rank + 1] if key in self.acr]
        return named[-1] if named else acr

    def understood(self, acr_values: Iterable[str], levels: LevelTable) -> tuple[str, ...]:
        """Return what is asked in the table's names: for each the lowest level that is called so.

        The table's own names mean themselves everywhere: a gateway's challenge speaks them. What
        nobody knows is asked as it is, and nothing satisfies it.
        """
        if not self.acr:
            return tuple(acr_values)
        lowest = {
            name: levels.acrs[levels.keys.index(key)]
            for key, name in reversed(list(self.acr.items()))
            if key in levels.keys
        }
        return tuple(lowest.get(name, name) for name in acr_values)

    def supported(self, levels: LevelTable) -> tuple[str, ...]:
        """Return every name that can be asked for, lowest first."""
        return tuple(dict.fromkeys(self.name_of(acr, levels) for acr in levels.acrs))


DIALECTS: Mapping[str, Dialect] = {
    "contract": Dialect(),
    "rfc8176": Dialect(amr=REGISTERED_AMR),
    "okta": Dialect(
        {
            "none": "0",
            "aal1": "urn:okta:loa:1fa:any",
            "aal2": "urn:okta:loa:2fa:any",
            "phr": "phr",
            "phrh": "phrh",
        },
        REGISTERED_AMR,
        username=True,
    ),
    "keycloak": Dialect(
        {"none": "0", "aal1": "1", "aal2": "2", "phr": "3", "phrh": "4", "aal3": "5"},
        REGISTERED_AMR,
    ),
    "refeds": Dialect(
        {
            "none": "0",
            "aal1": "https://refeds.org/profile/sfa",
            "aal2": "https://refeds.org/profile/mfa",
        },
        REGISTERED_AMR,
    ),
    "nist": Dialect(
        {
            "none": "0",
            "aal1": "http://idmanagement.gov/ns/assurance/aal/1",
            "aal2": "http://idmanagement.gov/ns/assurance/aal/2",
            "aal3": "http://idmanagement.gov/ns/assurance/aal/3",
        },
        REGISTERED_AMR,
    ),
}
