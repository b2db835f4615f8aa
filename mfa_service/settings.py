"""The environment, read once and judged as a whole: one message lists every fault."""

import base64
import binascii
import contextlib
import ipaddress
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.domain.assurance import LevelTable, LevelTableInvalid
from mfa_service.domain.limits import CEILING, Limits

DEFAULT_ISSUER = "http://localhost:8000"
DEFAULT_DATABASE = "sqlite:///instance/mfa.db"
_LIMIT = re.compile(r"[0-9]{1,3}\Z")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_KEY_BYTES = 32
_LATER = (
    "MFA_REDIS_URL",
    "MFA_FCM_CREDENTIALS",
    "MFA_VAPID_KEY",
    "MFA_LDAP_URL",
    "MFA_GATEWAY_ROUTES",
    "MFA_LOGIN_ISSUER",
)
_LIMITS = {
    "MFA_LIMIT_CHALLENGE_ATTEMPTS": "challenge_attempts",
    "MFA_LIMIT_PIN_FAILURES": "pin_failures",
    "MFA_LIMIT_CODE_FAILURES": "code_failures",
}


class SettingsInvalid(Exception):
    """At least one setting is wrong; the text lists every fault, and no value of a secret."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("The settings are not valid:\n" + "\n".join(f"  - {f}" for f in faults))


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides."""

    database_url: str = field(repr=False)
    issuer: str
    rp_id: str
    origins: tuple[str, ...]
    app_origins: tuple[str, ...]
    master_keys: Mapping[str, bytes] = field(repr=False)
    metrics_token: str | None = field(repr=False)
    levels: LevelTable = field(repr=False)
    limits: Limits
    android_roots: bytes = field(repr=False)
    log_level: str
    several_processes: bool
    warnings: tuple[str, ...]

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read `environ` (default: the process's); raise `SettingsInvalid` with every fault."""
        return _Reader(os.environ if environ is None else environ).settings(cls)


class _Reader:
    """Collects faults instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._faults: list[str] = []
        self._warnings: list[str] = []

    def settings(self, kind: type[Settings]) -> Settings:
        """Return the settings, or raise with everything that is wrong."""
        issuer = self._issuer()
        host = _host_of(issuer)
        database_url = self._database_url()
        levels, limits, roots = self._levels(), self._limits(), self._android_roots()
        origins, app_origins = (
            self._origins("MFA_ORIGINS", issuer),
            self._origins("MFA_APP_ORIGINS", ""),
        )
        log_level = self._log_level()
        if self._is_ip(host):
            self._warnings.append("MFA_ISSUER has an IP address: WebAuthn is off")
        self._warnings += [
            f"{name} has no effect in this version" for name in _LATER if self._get(name)
        ]
        keys = self._given_keys()
        if self._faults:
            raise SettingsInvalid(self._faults)
        return kind(
            database_url=database_url,
            issuer=issuer,
            rp_id=self._get("MFA_RP_ID") or host,
            origins=origins,
            app_origins=app_origins,
            master_keys=keys or self._development_key(),
            metrics_token=self._get("MFA_METRICS_TOKEN"),
            levels=levels,
            limits=limits,
            android_roots=roots,
            log_level=log_level,
            several_processes="PROMETHEUS_MULTIPROC_DIR" in self._environ,
            warnings=tuple(self._warnings),
        )

    def _get(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def _fault(self, name: str, text: str) -> None:
        self._faults.append(f"{name}: {text}")

    def _issuer(self) -> str:
        issuer = self._get("MFA_ISSUER") or DEFAULT_ISSUER
        if fault := _origin_fault(issuer, path_allowed=True):
            self._fault("MFA_ISSUER", fault)
        return issuer

    def _origins(self, name: str, default: str) -> tuple[str, ...]:
        origins = [part.strip() for part in (self._get(name) or default).split(",") if part.strip()]
        for origin in origins:
            if fault := _origin_fault(
                origin, path_allowed=name == "MFA_ORIGINS" and origin == default
            ):
                self._fault(name, f"{origin!r}: {fault}")
        return tuple(origin if _origin_fault(origin) else _origin_of(origin) for origin in origins)

    def _database_url(self) -> str:
        url = self._get("MFA_DATABASE_URL") or DEFAULT_DATABASE
        if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
            self._fault("MFA_DATABASE_URL", "must start with sqlite:/// or postgresql+psycopg://")
        elif url in {"sqlite:///", "sqlite:///:memory:"}:
            self._fault("MFA_DATABASE_URL", "needs a file, so that all workers share it")
        scheme, slashes, path = url.partition(":///")
        # Flask-SQLAlchemy would look for a relative path in Flask's own instance folder.
        return f"{scheme}{slashes}{Path(path).absolute()}" if scheme == "sqlite" else url

    def _given_keys(self) -> dict[str, bytes]:
        keys: dict[str, bytes] = {}
        for entry in filter(None, (self._get("MFA_MASTER_KEYS") or "").split(",")):
            kid, _, text = entry.strip().partition(":")
            try:
                key = base64.b64decode(text, validate=True)
            except binascii.Error:
                key = b""
            if not (kid.isascii() and kid.isalnum()) or kid in keys or len(key) < _KEY_BYTES:
                self._fault(
                    "MFA_MASTER_KEYS",
                    "is a comma list of kid:base64 with distinct alphanumeric kids and at least"
                    f" {_KEY_BYTES} bytes each",
                )
                break
            keys[kid] = key
        return keys

    def _development_key(self) -> dict[str, bytes]:
        path = Path("instance") / "master.key"
        self._warnings.append(f"MFA_MASTER_KEYS is not set: using the development key in {path}")
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

    def _limits(self) -> Limits:
        values: dict[str, int] = {}
        for name, member in _LIMITS.items():
            text = self._get(name)
            if text is None:
                continue
            if _LIMIT.match(text) and 1 <= int(text) <= CEILING:
                values[member] = int(text)
            else:
                self._fault(name, f"must be a number from 1 to {CEILING}")
        return Limits(**values)

    def _android_roots(self) -> bytes:
        path = self._get("MFA_ANDROID_ROOTS")
        try:
            roots = Path(path).read_bytes() if path else b""
            if path and not x509.load_pem_x509_certificates(roots):
                self._fault("MFA_ANDROID_ROOTS", "holds no certificate")
        except (OSError, ValueError) as exc:
            self._fault("MFA_ANDROID_ROOTS", f"is no file of PEM certificates ({exc})")
            return b""
        return roots

    def _log_level(self) -> str:
        level = (self._get("MFA_LOG_LEVEL") or "INFO").upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            self._fault("MFA_LOG_LEVEL", "must be DEBUG, INFO, WARNING or ERROR")
        return level

    @staticmethod
    def _is_ip(host: str) -> bool:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True


def _write_once(path: Path, content: bytes) -> None:
    """Create `path` with all of `content`, or leave the one that another process made first."""
    with tempfile.NamedTemporaryFile(dir=path.parent) as file:  # made with mode 0600
        file.write(content)
        file.flush()
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _origin_fault(url: str, *, path_allowed: bool = True) -> str | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in {"https", "http"} or not host:
        return "must be an https URL"
    if parts.scheme == "http" and host not in _LOOPBACK:
        return "must be https unless the host is loopback"
    if parts.query or parts.fragment or parts.username or url.endswith(("/", "?", "#")):
        return "must have no user, query, fragment or trailing slash"
    if parts.path and not path_allowed:
        return "must have no path"
    return None
