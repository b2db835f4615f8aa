"""What Microsoft Entra asks of an external authentication method, and what of ours answers it.

Entra asks for kinds of factors (`acr`) and methods (`amr`), and takes back exactly one of each.
Everything of ours that counts is something the person has: Entra has seen the password, and knows
no method for a PIN or a recovery code. (Microsoft Learn, "External multifactor authentication
method provider reference".)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .challenge import PUSH, WEBAUTHN

_POSSESSION = frozenset(
    {
        "possession",
        "knowledgeorpossession",
        "possessionorinherence",
        "knowledgeorpossessionorinherence",
    }
)
ACR_VALUES = _POSSESSION | {"knowledge", "inherence", "knowledgeorinherence"}
_METHODS = {"fido": WEBAUTHN, "hwk": PUSH, "swk": PUSH, "otp": "totp"}
_EVIDENCE = (
    ("fido", ("webauthn_", "passkey_")),
    ("hwk", ("phone_hardware",)),
    ("swk", ("phone",)),
    ("otp", ("totp",)),
)
"""Values of `amr`, best first, and how the names of what shows them begin (`levels.toml`)."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Microsoft's clouds: who signs hints there, and where answers go."""

    name: str
    authority: str
    redirect_uri: str

    @property
    def issuer(self) -> str:
        """The issuer of hints, with `{tenantid}` in the place of the tenant."""
        return f"{self.authority}/{{tenantid}}/v2.0"

    @property
    def metadata(self) -> str:
        """Where the metadata of that issuer are."""
        return f"{self.authority}/common/v2.0/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant that is trusted: `client_id` is ours, `application_id` the provider's in Entra."""

    tenant_id: str
    client_id: str
    application_id: str
    cloud: Cloud

    @property
    def issuer(self) -> str:
        """The `iss` of its hints."""
        return self.cloud.issuer.replace("{tenantid}", self.tenant_id)


def _microsoft(name: str, authority: str) -> Cloud:
    return Cloud(name, authority, f"{authority}/common/federation/externalauthprovider")


CLOUDS = {
    cloud.name: cloud
    for cloud in (
        _microsoft("global", "https://login.microsoftonline.com"),
        _microsoft("us-government", "https://login.microsoftonline.us"),
        _microsoft("china", "https://login.partner.microsoftonline.cn"),
    )
}


def acr_of(asked: Iterable[str]) -> str | None:
    """Return the asked `acr` that something the person has satisfies; `None` if there is none."""
    return next((value for value in asked if value in _POSSESSION), None)


def countable(asked: Sequence[str]) -> tuple[str, ...]:
    """Return the asked `amr` values that we can answer with, best first; all if none is asked."""
    return tuple(value for value in _METHODS if not asked or value in asked)


def methods_for(amr_values: Iterable[str]) -> tuple[str, ...]:
    """Return the methods by which a person can show one of these values."""
    return tuple(dict.fromkeys(_METHODS[value] for value in amr_values))


def amr_of(verified: Iterable[str], asked: Sequence[str]) -> str | None:
    """Return the one `amr` to answer with: the best of those asked that the evidence shows."""
    names = tuple(verified)
    for value, starts in _EVIDENCE:
        if value in asked and any(name.startswith(starts) for name in names):
            return value
    return None
