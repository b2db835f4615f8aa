"""The state file: this phone's keystore, private to its owner and never half-written."""

import fcntl
import json
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as PrivateKey

from mobile_stub.encoding import base64url, from_base64url, json_object
from mobile_stub.errors import StateFault
from mobile_stub.keys import DEVICE_SECRET_BYTES, key_from_pem, key_to_pem

_VERSION = 1
_LARGEST = 65_536


@dataclass(frozen=True, slots=True)
class NextKey:
    """A key whose rotation was sent at `sent_at` (server's seconds) and is not settled."""

    key: PrivateKey = field(repr=False)
    sent_at: int


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential of this phone, for one user at one service.

    One that is `synced` counts nothing, as all its copies would have to agree.
    """

    id: bytes
    rp_id: str
    user_handle: bytes
    key: PrivateKey = field(repr=False)
    synced: bool
    sign_count: int = 0

    def used_once_more(self) -> "Passkey":
        """Return it with its counter moved on."""
        return self if self.synced else replace(self, sign_count=self.sign_count + 1)


@dataclass(frozen=True, slots=True)
class State:
    """All that the phone keeps. `device_id` is `None` until the claim was answered.

    `enrollment` is the SHA-256 of the enrollment code, so that the same code can be claimed
    again with the same key after a lost reply. No PIN, PIN key or sent answer is in here.
    """

    issuer: str
    device_key: PrivateKey = field(repr=False)
    device_secret: bytes = field(repr=False)
    enrollment: str
    device_id: str | None = None
    sub: str | None = None
    next_key: NextKey | None = None
    passkeys: tuple[Passkey, ...] = ()


class StateFile:
    """One file, mode 0600, replaced as a whole; changes are made under a lock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep other processes from changing the file; they wait."""
        lock = _opened(self._path.with_name(self._path.name + ".lock"), os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def exists(self) -> bool:
        """Say whether there is a file at all."""
        return self._path.is_file()

    def load(self) -> State:
        """Return the state; `StateFault` if it is missing, damaged, or open to others."""
        descriptor = _opened(self._path, os.O_RDONLY)
        try:
            _refuse_open_to_others(os.fstat(descriptor))
            data = os.read(descriptor, _LARGEST)
        finally:
            os.close(descriptor)
        try:
            return _state_from(json_object(data))
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise StateFault("The state file is damaged or not one of this program.") from fault

    def save(self, state: State) -> None:
        """Replace the file so that a crash leaves either the old or the new one."""
        temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        descriptor = _opened(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(_json_for(state), file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except BaseException:  # whatever ended it, no half-written secret stays
            temporary.unlink(missing_ok=True)
            raise
        self._sync_directory()

    def delete(self) -> None:
        """Forget the phone. A file that is already gone is fine."""
        with suppress(FileNotFoundError):
            self._path.unlink()
            self._sync_directory()

    def _sync_directory(self) -> None:
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _opened(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_CLOEXEC, 0o600)
    except FileNotFoundError as fault:
        if flags & os.O_CREAT:
            raise StateFault("The folder of the state file does not exist.") from fault
        raise StateFault("There is no phone in this state file; enroll first.") from fault
    except OSError as fault:
        raise StateFault(f"The state file cannot be used: {fault.strerror}.") from fault


def _refuse_open_to_others(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        raise StateFault("The state file is not a file of your own.")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise StateFault("Other people can open the state file; its mode has to be 0600.")


def _json_for(state: State) -> dict[str, Any]:
    following = state.next_key
    return {
        "version": _VERSION,
        "issuer": state.issuer,
        "device_id": state.device_id,
        "sub": state.sub,
        "enrollment": state.enrollment,
        "device_key": key_to_pem(state.device_key),
        "device_secret": base64url(state.device_secret),
        "next_key": following and {"key": key_to_pem(following.key), "sent_at": following.sent_at},
        "passkeys": [_json_for_passkey(passkey) for passkey in state.passkeys],
    }


def _json_for_passkey(passkey: Passkey) -> dict[str, Any]:
    return {
        "id": base64url(passkey.id),
        "rp_id": passkey.rp_id,
        "user_handle": base64url(passkey.user_handle),
        "key": key_to_pem(passkey.key),
        "synced": passkey.synced,
        "sign_count": passkey.sign_count,
    }


def _state_from(data: dict[str, Any]) -> State:
    secret = from_base64url(data["device_secret"])
    if data["version"] != _VERSION or len(secret) != DEVICE_SECRET_BYTES:
        raise ValueError("another version")
    following = data["next_key"]
    return State(
        issuer=data["issuer"],
        device_key=key_from_pem(data["device_key"]),
        device_secret=secret,
        enrollment=data["enrollment"],
        device_id=data["device_id"],
        sub=data["sub"],
        next_key=following and NextKey(key_from_pem(following["key"]), int(following["sent_at"])),
        passkeys=tuple(_passkey_from(passkey) for passkey in data.get("passkeys", ())),
    )


def _passkey_from(data: dict[str, Any]) -> Passkey:
    return Passkey(
        id=from_base64url(data["id"]),
        rp_id=data["rp_id"],
        user_handle=from_base64url(data["user_handle"]),
        key=key_from_pem(data["key"]),
        synced=bool(data["synced"]),
        sign_count=int(data["sign_count"]),
    )
