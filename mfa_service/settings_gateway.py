"""Reads what concerns the gateway: where requests are told, who may ask, the table of routes."""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from mfa_service.domain.route_table import Introspection, RouteTable
from mfa_service.domain.toml_table import TomlInvalid

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LOOPBACK = "127.0.0.0/8,::1"


class Mode(StrEnum):
    """The one source of method, host and path, by the proxy that fills it (contract section 9)."""

    NGINX = "nginx"
    FORWARDED = "forwarded"
    ENVOY = "envoy"


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """A gateway that is on. `secrets` are ours at introspection endpoints, by issuer."""

    mode: Mode
    peers: tuple[Network, ...]
    table: RouteTable
    secrets: Mapping[str, str] = field(repr=False)

    def is_peer(self, address: str | None) -> bool:
        """Tell whether somebody at `address` may ask."""
        try:
            known = ipaddress.ip_address(address or "")
        except ValueError:
            return False
        mapped = known.ipv4_mapped if known.version == 6 else None  # noqa: PLR2004
        return any((mapped or known) in network for network in self.peers)


class GatewayReader:
    """Reads `MFA_GATEWAY_*`; `fault` is told the variable and what is wrong with it."""

    def __init__(self, environ: Mapping[str, str], fault: Callable[[str, str], None]) -> None:
        self._environ = environ
        self._fault = fault

    def read(self, own_issuer: str) -> GatewaySettings | None:
        """Return the settings; `None` without routes, or after a fault."""
        path, mode, peers = self._get("MFA_GATEWAY_ROUTES"), self._mode(), self._peers()
        if path is None:
            return None
        table = self._table(Path(path), own_issuer)
        if mode is None and not self._get("MFA_GATEWAY_MODE"):
            self._fault("MFA_GATEWAY_MODE", "is needed with MFA_GATEWAY_ROUTES")
        if table is None or mode is None:
            return None
        return GatewaySettings(mode, peers, table, self._secrets(table, Path(path).parent))

    def _get(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def _mode(self) -> Mode | None:
        given = self._get("MFA_GATEWAY_MODE")
        if given is None:
            return None
        try:
            return Mode(given)
        except ValueError:
            self._fault("MFA_GATEWAY_MODE", f"must be {', '.join(Mode)}")
            return None

    def _peers(self) -> tuple[Network, ...]:
        entries = (self._get("MFA_GATEWAY_PEERS") or _LOOPBACK).split(",")
        try:
            return tuple(ipaddress.ip_network(entry.strip()) for entry in entries)
        except ValueError:
            self._fault("MFA_GATEWAY_PEERS", "is a comma list of addresses and networks (CIDR)")
            return ()

    def _table(self, path: Path, own_issuer: str) -> RouteTable | None:
        try:
            return RouteTable.from_toml(path.read_text("utf-8"), own_issuer=own_issuer)
        except (OSError, UnicodeDecodeError) as exc:
            self._fault("MFA_GATEWAY_ROUTES", f"cannot be read ({type(exc).__name__})")
        except TomlInvalid as exc:
            for text in exc.faults:
                self._fault("MFA_GATEWAY_ROUTES", text)
        return None

    def _secrets(self, table: RouteTable, folder: Path) -> dict[str, str]:
        asked = ((found.issuer, found.introspection) for found in table.issuers)
        return {issuer: self._secret(how, folder) for issuer, how in asked if how is not None}

    def _secret(self, how: Introspection, folder: Path) -> str:
        if how.secret_variable is not None:
            secret = self._get(how.secret_variable)
            if secret is None:
                self._fault(how.secret_variable, "is named in MFA_GATEWAY_ROUTES and not set")
            return secret or ""
        path = folder / (how.secret_file or "")
        try:
            secret = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            self._fault("MFA_GATEWAY_ROUTES", f"{path}: cannot be read ({type(exc).__name__})")
            return ""
        if not secret:
            self._fault("MFA_GATEWAY_ROUTES", f"{path}: is empty")
        return secret
