"""The environment, read once and judged as a whole: one message lists every fault."""

import base64
import binascii
import contextlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.domain import origins
from mfa_service.domain.assurance import LevelTable, LevelTableInvalid
from mfa_service.domain.limits import CEILING, Limits

DEFAULT_ISSUER = "http://localhost:8000"
DEFAULT_DATABASE = "sqlite:///instance/mfa.db"
_LIMIT = re.compile(r"[0-9]{1,3}\Z")
_KEY_BYTES = 32
_KID = re.compile(r"[A-Za-z0-9]{1,64}\Z")
_KEYS_ARE = (
    "is a comma list of kid:base64 with distinct alphanumeric kids of at most 64 characters"
    f" and at least {_KEY_BYTES} bytes each"
)
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
        database_url, keys = self._database_url(), self._given_keys()
        levels, limits, roots = self._levels(), self._limits(), self._android_roots()
        origins = self._origins("MFA_ORIGINS", issuer)
        app_origins = self._origins("MFA_APP_ORIGINS", issuer)
        rp_id, log_level = self._rp_id(issuer), self._log_level()
        later = (name for name in _LATER if self._get(name))
        self._warnings += [f"{name} has no effect in this version" for name in later]
        if self._faults:
            raise SettingsInvalid(self._faults)
        return kind(
            database_url=database_url,
            issuer=issuer,
            rp_id=rp_id,
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
        """Return the issuer; after a fault the default, which everything else can follow from."""
        issuer = self._get("MFA_ISSUER") or DEFAULT_ISSUER
        if fault := origins.fault_of(issuer, path_allowed=True):
            self._fault("MFA_ISSUER", fault)
            return DEFAULT_ISSUER
        if origins.is_ip(urlsplit(issuer).hostname or ""):
            self._warnings.append("MFA_ISSUER has an IP address: WebAuthn is off")
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

    def _origins(self, name: str, issuer: str) -> tuple[str, ...]:
        given = self._get(name)
        if given is None:
            return (origins.origin_of(issuer),)
        entries = [part.strip() for part in given.split(",") if part.strip()]
        for number, origin in enumerate(entries, 1):
            if fault := origins.fault_of(origin, path_allowed=False):
                self._fault(name, f"entry {number} {fault}")
        return tuple(entries)

    def _database_url(self) -> str:
        url = self._get("MFA_DATABASE_URL") or DEFAULT_DATABASE
        if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
            self._fault("MFA_DATABASE_URL", "must start with sqlite:/// or postgresql+psycopg://")
        elif url in {"sqlite:///", "sqlite:///:memory:"}:
            self._fault("MFA_DATABASE_URL", "needs a file, so that all workers share it")
        elif not _is_database_url(url):
            self._fault("MFA_DATABASE_URL", "is not a database URL")
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


def _is_database_url(url: str) -> bool:
    try:
        make_url(url)
    except (ArgumentError, ValueError):
        return False
    return True


def _write_once(path: Path, content: bytes) -> None:
    """Create `path` with all of `content`, or leave the one that another process made first."""
    with tempfile.NamedTemporaryFile(dir=path.parent) as file:  # made with mode 0600
        file.write(content)
        file.flush()
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)
