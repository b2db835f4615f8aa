"""Reads the variables one by one and collects what is wrong with each."""

import base64
import binascii
import contextlib
import importlib.util
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from mfa_service import settings_database, settings_tracing
from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.domain import origins
from mfa_service.domain.assurance import LevelTable, LevelTableInvalid
from mfa_service.domain.attestation import AttestationPolicy
from mfa_service.domain.subject import is_realm
from mfa_service.domain.text import has_control, misleads
from mfa_service.settings_background import background
from mfa_service.settings_files import with_files
from mfa_service.settings_gateway import GatewayReader, GatewaySettings
from mfa_service.settings_ldap import LdapReader, LdapSettings
from mfa_service.settings_limits import LimitsReader
from mfa_service.settings_protocols import ProtocolReader
from mfa_service.settings_push import PushReader

DEFAULT_ISSUER = "http://localhost:8000"
DEFAULT_DATABASE = "sqlite:///instance/mfa.db"
_KEY_BYTES = 32
_AAGUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_KID = re.compile(r"[A-Za-z0-9]{1,64}\Z")
_KEYS_ARE = (
    "is a comma list of kid:base64 with distinct alphanumeric kids of at most 64 characters"
    f" and at least {_KEY_BYTES} bytes each"
)
_LONGEST_NAME = 64


class SettingsInvalid(Exception):
    """At least one setting is wrong; the text lists every fault, and no value of a secret."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("The settings are not valid:\n" + "\n".join(f"  - {f}" for f in faults))
        self.faults = tuple(faults)


class Reader:
    """Collects faults instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._faults: list[str] = []
        self._environ = with_files(environ, self._fault)
        self.warnings: list[str] = []

    def values(self) -> dict[str, Any]:
        """Return the members of `Settings`; after a fault some are defaults."""
        issuer = self._issuer()
        return {
            "database_url": self._database_url(),
            "redis_url": self._redis_url(),
            "issuer": issuer,
            "service_name": self._service_name(),
            "rp_id": self._rp_id(issuer),
            "webauthn": not origins.is_ip(urlsplit(issuer).hostname or ""),
            "origins": self._origins("MFA_ORIGINS", issuer),
            "app_origins": self._origins("MFA_APP_ORIGINS", issuer, apps=True),
            "attestation": self._attestation(),
            "master_keys": self._given_keys(),
            "metrics_token": self._get("MFA_METRICS_TOKEN"),
            "levels": self._levels(),
            "limits": LimitsReader(self._environ, self._fault).read(),
            "android_roots": self._certificates("MFA_ANDROID_ROOTS"),
            "log_level": self._log_level(),
            "background": background(self._environ, self._fault),
            "several_processes": "PROMETHEUS_MULTIPROC_DIR" in self._environ,
        }

    def login(self) -> dict[str, Any] | None:
        """Return the members of `LoginIssuer`, if there is one."""
        issuer, client_id = self._get("MFA_LOGIN_ISSUER"), self._get("MFA_LOGIN_CLIENT_ID")
        realm = self._get("MFA_LOGIN_REALM") or "default"
        if not is_realm(realm):
            self._fault("MFA_LOGIN_REALM", "must be 1 to 64 of letters, digits, dot, - and _")
        if issuer is None:
            return None
        if fault := origins.fault_of(issuer, path_allowed=True):
            self._fault("MFA_LOGIN_ISSUER", fault)
        if client_id is None:
            self._fault("MFA_LOGIN_CLIENT_ID", "is needed with MFA_LOGIN_ISSUER")
        return {
            "issuer": issuer,
            "client_id": client_id or "",
            "client_secret": self._get("MFA_LOGIN_CLIENT_SECRET"),
            "realm": realm,
        }

    def gateway(self, own_issuer: str) -> GatewaySettings | None:
        """Return what the gateway needs, if it is on."""
        return GatewayReader(self._environ, self._fault).read(own_issuer)

    def ldap(self) -> LdapSettings | None:
        """Return where clients are beside our own, if they are anywhere."""
        return LdapReader(self._environ, self._fault).read()

    def push(self) -> PushReader:
        """Return what reads the settings of push providers."""
        return PushReader(self._environ, self._fault)

    def tracing(self) -> str | None:
        """Return where traces go."""
        return settings_tracing.collector(self._environ, self._fault)

    def protocols(self) -> ProtocolReader:
        """Return what reads the settings of OpenID Connect and its kin."""
        return ProtocolReader(self._environ, self._fault)

    def raise_faults(self) -> None:
        """Raise `SettingsInvalid` if anything is wrong."""
        if self._faults:
            raise SettingsInvalid(self._faults)

    def _get(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def _fault(self, name: str, text: str) -> None:
        self._faults.append(f"{name}: {text}")

    def _issuer(self) -> str:
        """Return the issuer; after a fault the default, which everything else can follow from."""
        issuer = self._get("MFA_ISSUER") or DEFAULT_ISSUER
        if fault := origins.fault_of(issuer, path_allowed=True):
            self._fault("MFA_ISSUER", fault)
            return DEFAULT_ISSUER
        if origins.is_ip(urlsplit(issuer).hostname or ""):
            self.warnings.append("MFA_ISSUER has an IP address: WebAuthn is off")
        return issuer

    def _rp_id(self, issuer: str) -> str:
        host = urlsplit(issuer).hostname or ""
        rp_id = self._get("MFA_RP_ID") or host
        issuer_given = (
            origins.fault_of(self._get("MFA_ISSUER") or issuer, path_allowed=True) is None
        )
        parent = f".{host}".endswith(f".{rp_id}") or not issuer_given
        if not (rp_id == host or (origins.is_host_name(rp_id) and parent)):
            self._fault("MFA_RP_ID", "must be the issuer's host name or a parent domain of it")
        return rp_id

    def _origins(self, name: str, issuer: str, *, apps: bool = False) -> tuple[str, ...]:
        entries = self._list(name)
        if not entries:
            return (origins.origin_of(issuer),)
        for number, origin in enumerate(entries, 1):
            fault = origins.fault_of(origin, path_allowed=False)
            if fault and not (apps and origins.is_android_app(origin)):
                self._fault(name, f"entry {number} {fault}")
        return tuple(entries)

    def _list(self, name: str) -> list[str]:
        given = self._get(name) or ""
        return [part.strip() for part in given.split(",") if part.strip()]

    def _redis_url(self) -> str | None:
        """Return where wake-ups are carried; never what is in the URL."""
        url = self._get("MFA_REDIS_URL")
        parts = None if url is None else origins.split(url)
        if url is not None and (parts is None or parts.scheme not in {"redis", "rediss"}):
            self._fault("MFA_REDIS_URL", "is redis:// or rediss:// with a host")
            return None
        if url is not None and importlib.util.find_spec("redis") is None:
            self._fault("MFA_REDIS_URL", "needs the extra redis, which is not installed")
        return url

    def _service_name(self) -> str:
        name = self._get("MFA_SERVICE_NAME") or "Step-up"
        if len(name) > _LONGEST_NAME or has_control(name) or misleads(name):
            self._fault("MFA_SERVICE_NAME", f"must be plain text of at most {_LONGEST_NAME}")
        return name

    def _attestation(self) -> AttestationPolicy:
        return AttestationPolicy(
            roots=self._certificates("MFA_WEBAUTHN_ROOTS"),
            allowed=self._models("MFA_WEBAUTHN_ALLOWED"),
            denied=self._models("MFA_WEBAUTHN_DENIED"),
            fips=self._models("MFA_WEBAUTHN_FIPS"),
        )

    def _models(self, name: str) -> frozenset[str]:
        aaguids = [entry.lower() for entry in self._list(name)]
        if not all(_AAGUID.match(aaguid) for aaguid in aaguids):
            self._fault(name, "is a comma list of AAGUIDs, 8-4-4-4-12 hexadecimal digits each")
        return frozenset(aaguids)

    def _database_url(self) -> str:
        url = self._get("MFA_DATABASE_URL") or DEFAULT_DATABASE
        if fault := settings_database.fault_of(url):
            self._fault("MFA_DATABASE_URL", fault)
        scheme, slashes, path = url.partition(":///")
        # Flask-SQLAlchemy would look for a relative path in Flask's own instance folder.
        return f"{scheme}{slashes}{Path(path).absolute()}" if scheme == "sqlite" else url

    def _given_keys(self) -> dict[str, bytes]:
        keys: dict[str, bytes] = {}
        text = self._get("MFA_MASTER_KEYS")
        for entry in text.split(",") if text else ():
            kid, _, encoded = entry.strip().partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                key = b""
            if not _KID.match(kid) or kid in keys or len(key) < _KEY_BYTES:
                self._fault("MFA_MASTER_KEYS", _KEYS_ARE)
                break
            keys[kid] = key
        return keys

    def development_key(self) -> dict[str, bytes]:
        """Return the key in `instance/`, made at the first start."""
        path = Path("instance") / "master.key"
        self.warnings.append(f"MFA_MASTER_KEYS is not set: using the development key in {path}")
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if not path.exists():
            _write_once(path, base64.b64encode(SystemRandomness().bytes(_KEY_BYTES)))
        return {"dev": base64.b64decode(path.read_bytes())}

    def _levels(self) -> LevelTable:
        path = self._get("MFA_LEVELS")
        try:
            if path is None:
                return LevelTable.default()
            table = LevelTable.from_toml(Path(path).read_text("utf-8"))
            table.require_rows_of(LevelTable.default())
        except (OSError, UnicodeDecodeError, LevelTableInvalid) as exc:
            self._fault("MFA_LEVELS", str(exc))
            return LevelTable.default()
        return table

    def _certificates(self, name: str) -> bytes:
        path = self._get(name)
        try:
            roots = Path(path).read_bytes() if path else b""
            if path and not x509.load_pem_x509_certificates(roots):
                self._fault(name, "holds no certificate")
        except (OSError, ValueError) as exc:
            self._fault(name, f"is no file of PEM certificates ({exc})")
            return b""
        return roots

    def _log_level(self) -> str:
        level = (self._get("MFA_LOG_LEVEL") or "INFO").upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            self._fault("MFA_LOG_LEVEL", "must be DEBUG, INFO, WARNING or ERROR")
        return level


def _write_once(path: Path, content: bytes) -> None:
    """Create `path` with all of `content`, or leave the one that another process made first."""
    with tempfile.NamedTemporaryFile(dir=path.parent) as file:  # made with mode 0600
        file.write(content)
        file.flush()
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)
