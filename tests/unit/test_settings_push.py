"""Settings of push providers: what is wrong stops the start, and tells no secret."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mfa_service.settings import Settings, SettingsInvalid
from tests.support.google import new_key

KEYS = {"MFA_MASTER_KEYS": "k1:" + base64.b64encode(b"k" * 32).decode()}
ACCOUNT = {
    "type": "service_account",
    "project_id": "p",
    "client_email": "a@p.iam.gserviceaccount.com",
    "private_key": "very-secret",
    "token_uri": "https://oauth2.googleapis.com/token",
}


def loaded(path: Path) -> Settings:
    return Settings.load(KEYS | {"MFA_FCM_CREDENTIALS": str(path)})


def test_a_service_accounts_file_is_where_the_sender_finds_it(tmp_path: Path) -> None:
    pem = new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "account.json"
    path.write_text(json.dumps(ACCOUNT | {"private_key": pem.decode()}), "utf-8")
    assert loaded(path).fcm_credentials == path
    assert Settings.load(KEYS).fcm_credentials is None


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "cannot be read"),
        ("very-secret {", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "is no service account's JSON file"),
        (json.dumps(ACCOUNT | {"type": "authorized_user"}), "is no service account's JSON file"),
        (json.dumps(ACCOUNT), "has no RSA key as private_key"),
        (json.dumps({**ACCOUNT, "project_id": 1, "token_uri": None}), "lacks project_id, token"),
    ],
)
def test_another_file_stops_the_start_and_is_not_shown(
    tmp_path: Path, content: str | None, fault: str
) -> None:
    path = tmp_path / "account.json"
    if content is not None:
        path.write_text(content, "utf-8")
    with pytest.raises(SettingsInvalid) as told:
        loaded(path)
    assert f"MFA_FCM_CREDENTIALS: {fault}" in str(told.value)
    assert "very-secret" not in str(told.value)
