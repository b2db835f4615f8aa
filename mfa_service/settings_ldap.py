"""Reads what concerns clients in an LDAP directory."""

import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from cryptography import x509

from mfa_service.adapters.ldap_filter import is_filter
from mfa_service.domain import origins
from mfa_service.domain.client_directory import (
    DirectoryMapping,
    DirectoryServer,
    Nesting,
    Transport,
)
from mfa_service.domain.subject import is_realm
from mfa_service.domain.text import has_control, is_token

Choice = TypeVar("Choice", bound=StrEnum)

_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}\Z")
_NUMBER = re.compile(r"[0-9]{1,4}\Z")
_PORTS = {"ldap": 389, "ldaps": 636}
_SWITCH = {"on": True, "off": False}


@dataclass(frozen=True, slots=True)
class LdapSettings:
    """A directory that is on. `kept_seconds`: how long what it said may be used again."""

    server: DirectoryServer
    mapping: DirectoryMapping
    kept_seconds: int


class LdapReader:
    """Reads `MFA_LDAP_*`; `fault` is told the variable and what is wrong with it."""

    def __init__(self, environ: Mapping[str, str], fault: Callable[[str, str], None]) -> None:
        self._environ = environ
        self._fault = fault

    def read(self) -> LdapSettings | None:
        """Return the settings; `None` without MFA_LDAP_URL. After a fault they are of no use."""
        url = self._get("MFA_LDAP_URL")
        if url is None:
            return None
        if importlib.util.find_spec("ldap3") is None:
            self._fault("MFA_LDAP_URL", "needs the package ldap3: install the extra ldap")
        return LdapSettings(
            self._server(url), self._mapping(), self._number("MFA_LDAP_CACHE", 30, 0, 300)
        )

    def _server(self, url: str) -> DirectoryServer:
        scheme, host, port = self._address(url)
        bind_dn, password = self._get("MFA_LDAP_BIND_DN"), self._password()
        if (bind_dn is None) is not (password is None):
            self._fault("MFA_LDAP_BIND_DN", "needs a password, and a password needs it")
        return DirectoryServer(
            host=host,
            port=port,
            transport=self._transport(scheme, host),
            ca=self._ca(),
            bind_dn=bind_dn,
            bind_password=password,
            seconds=self._number("MFA_LDAP_TIMEOUT", 3, 1, 30),
            connections=self._number("MFA_LDAP_POOL", 8, 1, 64),
        )

    def _mapping(self) -> DirectoryMapping:
        base = self._dn("MFA_LDAP_BASE", None)
        scope_attribute, scopes = self._get("MFA_LDAP_SCOPE_ATTRIBUTE"), self._scopes()
        if bool(scope_attribute) is bool(scopes):
            self._fault("MFA_LDAP_SCOPES", "is needed, or else MFA_LDAP_SCOPE_ATTRIBUTE")
        return DirectoryMapping(
            base=base,
            object_class=self._attribute("MFA_LDAP_OBJECT_CLASS", "account"),
            id_attribute=self._attribute("MFA_LDAP_ID", "uid"),
            name_attribute=self._attribute("MFA_LDAP_NAME", "cn"),
            disabled=self._filter("MFA_LDAP_DISABLED"),
            realm=self._realm(),
            resources=self._resources(),
            group_base=self._dn("MFA_LDAP_GROUP_BASE", base),
            group_class=self._attribute("MFA_LDAP_GROUP_CLASS", "groupOfNames"),
            member_attribute=self._attribute("MFA_LDAP_GROUP_MEMBER", "member"),
            group_name=self._attribute("MFA_LDAP_GROUP_NAME", "cn"),
            nesting=self._choice("MFA_LDAP_GROUP_NESTING", Nesting, Nesting.WALK),
            scopes=scopes,
            scope_attribute=scope_attribute and self._attribute("MFA_LDAP_SCOPE_ATTRIBUTE", ""),
        )

    def _get(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def _address(self, url: str) -> tuple[str, str, int]:
        """Return scheme, host and port; after a fault some that harm nothing."""
        try:
            parts = urlsplit(url)
            scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        except ValueError:
            scheme, host, port, parts = "", "", None, urlsplit("")
        named = origins.is_ip(host) or origins.is_host_name(host)
        bare = parts.path in {"", "/"} and not (parts.query or parts.fragment or parts.username)
        if scheme not in _PORTS or not named or not bare or port == 0:
            self._fault("MFA_LDAP_URL", "is ldaps://host[:port] or ldap://host[:port]")
            return "ldaps", "localhost", _PORTS["ldaps"]
        return scheme, host, port or _PORTS[scheme]

    def _transport(self, scheme: str, host: str) -> Transport:
        """Return how it is protected; in the clear on loopback only (contract section 9)."""
        given = self._get("MFA_LDAP_STARTTLS")
        if given is not None and given not in _SWITCH:
            self._fault("MFA_LDAP_STARTTLS", "must be on or off")
        wanted = _SWITCH.get(given or "")
        if scheme == "ldaps":
            if wanted:
                self._fault("MFA_LDAP_STARTTLS", "is for ldap://, not for ldaps://")
            return Transport.LDAPS
        local = host in origins.LOOPBACK
        if wanted is False and not local:
            self._fault("MFA_LDAP_STARTTLS", "may be off on loopback only")
        return Transport.STARTTLS if wanted or not local else Transport.PLAIN

    def _ca(self) -> str | None:
        path = self._get("MFA_LDAP_CA")
        try:
            if path is not None:
                x509.load_pem_x509_certificates(Path(path).read_bytes())
        except (OSError, ValueError) as exc:
            self._fault("MFA_LDAP_CA", f"is no file of PEM certificates ({type(exc).__name__})")
        return path

    def _password(self) -> str | None:
        given = self._environ.get("MFA_LDAP_BIND_PASSWORD") or None
        path = self._get("MFA_LDAP_BIND_PASSWORD_FILE")
        if path is None:
            return given
        if given is not None:
            self._fault("MFA_LDAP_BIND_PASSWORD_FILE", "and MFA_LDAP_BIND_PASSWORD are both set")
        try:
            password = Path(path).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as exc:
            password = ""
            self._fault("MFA_LDAP_BIND_PASSWORD_FILE", f"cannot be read ({type(exc).__name__})")
        else:
            if not password:
                self._fault("MFA_LDAP_BIND_PASSWORD_FILE", "is empty")
        return password

    def _dn(self, name: str, otherwise: str | None) -> str:
        given = self._get(name) or otherwise
        if given is None:
            self._fault(name, "is needed with MFA_LDAP_URL")
        elif given and ("=" not in given or has_control(given)):
            self._fault(name, "is a distinguished name, for example ou=services,dc=example,dc=org")
        return given or ""

    def _attribute(self, name: str, otherwise: str) -> str:
        given = self._get(name) or otherwise
        if not _ATTRIBUTE.match(given):
            self._fault(name, "is a name of letters, digits and dashes")
        return given

    def _filter(self, name: str) -> str | None:
        given = self._get(name)
        if given is None:
            return None
        found = given if given.startswith("(") else f"({given})"
        if has_control(found) or not is_filter(found):
            self._fault(name, "is a filter, for example (employeeType=disabled)")
        return found

    def _realm(self) -> str:
        realm = self._get("MFA_LDAP_REALM") or "default"
        if not is_realm(realm):
            self._fault("MFA_LDAP_REALM", "must be 1 to 64 of letters, digits, dot, - and _")
        return realm

    def _resources(self) -> tuple[str, ...]:
        given = tuple(part.strip() for part in (self._get("MFA_LDAP_RESOURCES") or "").split(","))
        found = tuple(part for part in given if part)
        if not all(is_token(uri) and ":" in uri and "#" not in uri for uri in found):
            self._fault("MFA_LDAP_RESOURCES", "is a comma list of absolute URIs (RFC 8707)")
        return found

    def _scopes(self) -> dict[str, tuple[str, ...]]:
        """Return the scopes by the name of a group."""
        found: dict[str, tuple[str, ...]] = {}
        for entry in (self._get("MFA_LDAP_SCOPES") or "").split(","):
            group, _, text = (part.strip() for part in entry.partition("="))
            scopes = tuple(text.split())
            if not entry.strip():
                continue
            if not group or group in found or not scopes or not all(map(is_token, scopes)):
                self._fault("MFA_LDAP_SCOPES", "is a comma list of group=scope scope, each once")
                break
            found[group] = scopes
        return found

    def _number(self, name: str, otherwise: int, lowest: int, highest: int) -> int:
        given = self._get(name) or str(otherwise)
        if _NUMBER.match(given) and lowest <= int(given) <= highest:
            return int(given)
        self._fault(name, f"must be a number from {lowest} to {highest}")
        return otherwise

    def _choice(self, name: str, kind: type[Choice], otherwise: Choice) -> Choice:
        given = self._get(name) or otherwise.value
        try:
            return kind(given)
        except ValueError:
            self._fault(name, f"must be {', '.join(kind)}")
            return otherwise
