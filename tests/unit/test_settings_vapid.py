"""MFA_VAPID_KEY and its contact: how a push service knows us (RFC 8292)."""

import base64
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from mfa_service.adapters.clock import SystemClock
from mfa_service.settings import Settings, SettingsInvalid
from mfa_service.wiring_push import LazySenders
from tests.support.push_service import b64, new_key, point_of

KEYS = {"MFA_MASTER_KEYS": "k1:" + base64.b64encode(b"k" * 32).decode()}
# RFC 8291 appendix A: a private key and its public one
PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
PUBLIC = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"


def loaded(key: str, **more: str) -> Settings:
    return Settings.load(KEYS | {"MFA_VAPID_KEY": key} | more)


def fault_of(key: str, **more: str) -> str:
    with pytest.raises(SettingsInvalid) as told:
        loaded(key, **more)
    return str(told.value)


@pytest.mark.parametrize("given", [PRIVATE, PRIVATE + "=", f" {PRIVATE} "])
def test_a_raw_key_has_the_public_key_that_phones_subscribe_with(given: str) -> None:
    vapid = loaded(given).vapid
    assert vapid is not None
    assert vapid.public == PUBLIC


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_pem_file_is_a_key(tmp_path: Path, form: PrivateFormat) -> None:
    key, path = new_key(), tmp_path / "vapid.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))
    vapid = loaded(str(path)).vapid
    assert vapid is not None
    assert vapid.public == b64(point_of(key))


def test_another_key_stops_the_start_and_is_not_shown(tmp_path: Path) -> None:
    locked = BestAvailableEncryption(b"very-secret")
    files = {
        "p384.pem": ec.generate_private_key(ec.SECP384R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
        "ed25519.pem": ed25519.Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
        "locked.pem": new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked),
        "empty.pem": b"",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    wrong = [str(tmp_path / name) for name in files]
    for given in [*wrong, "very-secret", b64(bytes(32)), b64(b"\xff" * 32), PRIVATE[:-1], PUBLIC]:
        told = fault_of(given)
        assert "MFA_VAPID_KEY: is no P-256 key" in told
        assert given not in told


def test_a_key_is_in_no_repr() -> None:
    assert PRIVATE not in repr(loaded(PRIVATE))


@pytest.mark.parametrize(
    ("given", "contact"),
    [
        ({}, "https://localhost"),
        ({"MFA_ISSUER": "https://login.bank.example:8443/mfa"}, "https://login.bank.example"),
        ({"MFA_ISSUER": "https://[2001:db8::1]"}, "https://[2001:db8::1]"),
        ({"MFA_VAPID_CONTACT": "mailto:push@bank.example"}, "mailto:push@bank.example"),
        ({"MFA_VAPID_CONTACT": "https://bank.example/push"}, "https://bank.example/push"),
    ],
)
def test_a_push_service_is_told_whom_to_write_to(given: dict[str, str], contact: str) -> None:
    vapid = loaded(PRIVATE, **given).vapid
    assert vapid is not None
    assert vapid.contact == contact


@pytest.mark.parametrize("given", ["push@bank.example", "http://bank.example", "mailto:", "x y"])
def test_another_contact_stops_the_start(given: str) -> None:
    assert "MFA_VAPID_CONTACT: must be" in fault_of(PRIVATE, MFA_VAPID_CONTACT=given)


def test_without_the_extra_the_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pywebpush", None)
    assert "MFA_VAPID_KEY: needs the extra webpush" in fault_of(PRIVATE)


def test_a_key_makes_a_sender_and_none_makes_none() -> None:
    senders = LazySenders(loaded(PRIVATE), SystemClock())
    assert (list(senders), len(senders)) == (["webpush"], 1)
    assert senders["webpush"].provider == "webpush"
    assert list(LazySenders(Settings.load(KEYS), SystemClock())) == []
