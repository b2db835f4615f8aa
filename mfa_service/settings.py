"""The environment, read once and judged as a whole: one message lists every fault."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mfa_service.domain.assurance import LevelTable
from mfa_service.domain.attestation import AttestationPolicy
from mfa_service.domain.entra import Tenant
from mfa_service.domain.limits import Limits
from mfa_service.settings_background import Background
from mfa_service.settings_gateway import GatewaySettings
from mfa_service.settings_ldap import LdapSettings
from mfa_service.settings_protocols import TrustedHints
from mfa_service.settings_push import InstalledSender, Vapid
from mfa_service.settings_reader import Reader, SettingsInvalid

__all__ = ["Background", "LoginIssuer", "Settings", "SettingsInvalid"]


@dataclass(frozen=True, slots=True)
class LoginIssuer:
    """The OpenID Connect issuer where people sign in for self-service (contract section 10)."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    realm: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides."""

    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    issuer: str
    service_name: str
    rp_id: str
    webauthn: bool
    origins: tuple[str, ...]
    app_origins: tuple[str, ...]
    attestation: AttestationPolicy = field(repr=False)
    login: LoginIssuer | None
    gateway: GatewaySettings | None
    ldap: LdapSettings | None
    hints: tuple[TrustedHints, ...]
    notification_hosts: frozenset[str]
    entra: tuple[Tenant, ...]
    fcm_credentials: Path | None
    push_senders: tuple[InstalledSender, ...]
    vapid: Vapid | None
    tracing: str | None
    master_keys: Mapping[str, bytes] = field(repr=False)
    metrics_token: str | None = field(repr=False)
    levels: LevelTable = field(repr=False)
    limits: Limits
    android_roots: bytes = field(repr=False)
    log_level: str
    background: Background
    several_processes: bool
    warnings: tuple[str, ...]

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read `environ` (default: the process's); raise `SettingsInvalid` with every fault."""
        reader = Reader(os.environ if environ is None else environ)
        values, login = reader.values(), reader.login()
        values |= {"gateway": reader.gateway(values["issuer"]), "ldap": reader.ldap()}
        protocols = reader.protocols()
        values |= {"hints": protocols.hints(), "notification_hosts": protocols.notification_hosts()}
        values |= {"entra": protocols.entra(), **reader.push().values(values["issuer"])}
        values["tracing"] = reader.tracing()
        reader.raise_faults()
        named = LoginIssuer(**login) if login else None
        keys = values.pop("master_keys") or reader.development_key()
        warnings = tuple(reader.warnings)
        return cls(**values, master_keys=keys, login=named, warnings=warnings)
