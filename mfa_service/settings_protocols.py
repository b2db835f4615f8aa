"""Reads what concerns OpenID Connect and its kin: issuers whose hints are believed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mfa_service.domain import origins
from mfa_service.domain.entra import Tenant
from mfa_service.domain.subject import is_realm
from mfa_service.domain.toml_table import Table, TomlInvalid, parsed, tables_of
from mfa_service.settings_entra import tenants_from_toml

T = TypeVar("T")
_MEMBERS = frozenset({"issuer", "audience", "realm", "prior", "metadata"})


@dataclass(frozen=True, slots=True)
class TrustedHints:
    """An issuer whose `id_token_hint` counts in a realm when it was made for `audience`.

    With `prior`, what its `amr` and `auth_time` say counts as verified. `metadata` is where its
    metadata are, if not at the usual place.
    """

    issuer: str
    audience: str
    realm: str = "default"
    prior: bool = False
    metadata: str | None = None


class ProtocolReader:
    """Reads the files; `fault` is told the variable and what is wrong with it."""

    def __init__(self, environ: Mapping[str, str], fault: Callable[[str, str], None]) -> None:
        self._environ = environ
        self._fault = fault

    def hints(self) -> tuple[TrustedHints, ...]:
        """Return MFA_HINT_ISSUERS; nothing without it, or after a fault."""
        return self._file("MFA_HINT_ISSUERS", hints_from_toml) or ()

    def entra(self) -> tuple[Tenant, ...]:
        """Return MFA_ENTRA: the Microsoft Entra tenants that may ask us."""
        return self._file("MFA_ENTRA", tenants_from_toml) or ()

    def notification_hosts(self) -> frozenset[str]:
        """Return MFA_NOTIFICATION_HOSTS: `host:port` of CIBA clients in our own network."""
        given = self._environ.get("MFA_NOTIFICATION_HOSTS", "")
        hosts = frozenset(part.strip() for part in given.split(",") if part.strip())
        if not all(map(_is_host_and_port, hosts)):
            self._fault("MFA_NOTIFICATION_HOSTS", "is a comma list of host:port")
        return hosts

    def _file(self, name: str, read: Callable[[str], T]) -> T | None:
        """Return what a file named by a variable holds; `None` without it or after a fault."""
        path = self._environ.get(name, "").strip()
        if not path:
            return None
        try:
            return read(Path(path).read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as exc:
            self._fault(name, f"cannot be read ({type(exc).__name__})")
        except TomlInvalid as exc:
            for text in exc.faults:
                self._fault(name, text)
        return None


def hints_from_toml(text: str) -> tuple[TrustedHints, ...]:
    """Return the `[[issuer]]` tables; raise `TomlInvalid` with every fault."""
    tables = tables_of(parsed(text, "issuer"), "issuer")
    found = [_trusted(table) for table in tables]
    faults = [fault for table in tables for fault in table.faults]
    if len({(trusted.issuer, trusted.realm) for trusted in found}) != len(found):
        faults.append("issuer: one is listed twice for a realm")
    if not tables:
        faults.append("has no [[issuer]]")
    if faults:
        raise TomlInvalid(faults)
    return tuple(found)


def _trusted(table: Table) -> TrustedHints:
    table.know(_MEMBERS)
    issuer, metadata = table.text("issuer") or "", table.text("metadata")
    audience, realm = table.text("audience"), table.text("realm") or "default"
    named = issuer.removesuffix("/")  # an issuer's name may end with one
    table.check(origins.fault_of(named or "-", path_allowed=True) is None, "issuer is no URL")
    table.check(metadata is None or origins.is_address(metadata), "metadata is no https address")
    table.check(audience is not None, "audience is needed")
    table.check(is_realm(realm), "realm is 1 to 64 of letters, digits, dot, - and _")
    return TrustedHints(issuer, audience or "", realm, table.flag("prior"), metadata)


def _is_host_and_port(text: str) -> bool:
    parts = origins.split(f"https://{text}")
    return (
        parts is not None
        and parts.port is not None
        and parts.netloc == text
        and not (parts.path or parts.query or parts.fragment or parts.username)
    )
