"""The passkeys of the phone, judged by py_webauthn, which shares no code with it."""

import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.structs import CredentialDeviceType

from mobile_stub.encoding import from_base64url, json_object
from mobile_stub.errors import BadInput, NotVerified, StateFault
from mobile_stub.phone import Phone
from mobile_stub.platform_authenticator import Biometric, Ceremony
from mobile_stub.state import StateFile
from tests.unit.mobile_stub.double_jose import b64

pytestmark = pytest.mark.usefixtures("device")
ORIGIN = "https://mfa.example.org"
APP = "android:apk-key-hash:4Hz9_xyz"
OK, FAIL, ABSENT = (Ceremony(each) for each in (Biometric.OK, Biometric.FAIL, Biometric.ABSENT))


def creation(**changes: Any) -> dict[str, Any]:
    """Options as the service gives them when a passkey is enrolled."""
    options = {
        "rp": {"id": "mfa.example.org", "name": "Example"},
        "user": {"id": b64(b"h" * 32), "name": "alice", "displayName": "alice"},
        "challenge": b64(secrets.token_bytes(32)),
        "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in (-8, -7, -257)],
        "excludeCredentials": [],
    }
    return {**options, **changes}


def request(*credentials: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Options as the service gives them when a proof is asked for."""
    allowed = [{"type": "public-key", "id": made["id"]} for made in credentials]
    options = {
        "challenge": b64(secrets.token_bytes(32)),
        "rpId": "mfa.example.org",
        "allowCredentials": allowed,
        "userVerification": "required",
    }
    return {**options, **changes}


def registered(
    options: dict[str, Any], made: dict[str, Any], *, rp_id: str = "mfa.example.org", **more: Any
) -> Any:
    return verify_registration_response(
        credential=made,
        expected_challenge=from_base64url(options["challenge"]),
        expected_rp_id=rp_id,
        **{"expected_origin": ORIGIN, "require_user_verification": True, **more},
    )


def asserted(options: dict[str, Any], given: dict[str, Any], known: Any, **more: Any) -> Any:
    return verify_authentication_response(
        credential=given,
        expected_challenge=from_base64url(options["challenge"]),
        expected_rp_id=options["rpId"],
        credential_public_key=known.credential_public_key,
        **{
            "credential_current_sign_count": known.sign_count,
            "expected_origin": ORIGIN,
            "require_user_verification": True,
            **more,
        },
    )


def test_a_passkey_is_made_and_signs(phone: Phone) -> None:
    options = creation()
    made = phone.make_passkey(options, OK)
    known = registered(options, made)
    assert (known.user_verified, known.fmt, known.aaguid) == (
        True,
        "none",
        "00000000-0000-0000-0000-000000000000",
    )
    assert known.credential_device_type is CredentialDeviceType.SINGLE_DEVICE
    assert (made["type"], made["id"]) == ("public-key", made["rawId"])
    asked = request(made)
    given = phone.use_passkey(asked, OK)
    seen = asserted(asked, given, known)
    assert (seen.new_sign_count, seen.user_verified) == (1, True)
    assert from_base64url(given["response"]["userHandle"]) == b"h" * 32
    again = request(made)
    assert asserted(again, phone.use_passkey(again, OK), known).new_sign_count == 2


def test_the_parts_of_a_registration_agree(phone: Phone) -> None:
    made = phone.make_passkey(creation(extensions={"credProps": True}), OK)
    response = made["response"]
    assert json_object(from_base64url(response["clientDataJSON"]))["type"] == "webauthn.create"
    attestation = from_base64url(response["attestationObject"])
    assert from_base64url(response["authenticatorData"]) in attestation
    assert response["publicKeyAlgorithm"] == -7
    assert response["transports"] == ["internal"]
    assert made["clientExtensionResults"] == {"credProps": {"rk": True}}


def test_a_synced_passkey_says_so_and_counts_nothing(phone: Phone) -> None:
    options = creation()
    made = phone.make_passkey(options, OK, synced=True)
    known = registered(options, made)
    assert known.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    assert known.credential_backed_up
    asked = request(made)
    seen = asserted(asked, phone.use_passkey(asked, OK), known)
    assert (seen.new_sign_count, seen.credential_backed_up) == (0, True)


def test_a_touch_without_recognition_is_no_user_verification(phone: Phone) -> None:
    options = creation()
    known = registered(
        options, phone.make_passkey(options, ABSENT), require_user_verification=False
    )
    assert not known.user_verified
    asked = request()
    given = phone.use_passkey(asked, ABSENT)
    assert not asserted(asked, given, known, require_user_verification=False).user_verified


def test_a_person_who_is_not_recognised_makes_and_signs_nothing(
    phone: Phone, state_path: Path
) -> None:
    before = state_path.read_bytes()
    with pytest.raises(NotVerified, match="Nothing was sent"):
        phone.make_passkey(creation(), FAIL)
    assert state_path.read_bytes() == before
    made = phone.make_passkey(creation(), OK)
    before = state_path.read_bytes()
    with pytest.raises(NotVerified):
        phone.use_passkey(request(made), FAIL)
    assert state_path.read_bytes() == before


def test_an_excluded_passkey_of_this_phone_forbids_another(phone: Phone) -> None:
    made = phone.make_passkey(creation(), OK)
    excluded = [{"type": "public-key", "id": made["id"]}]
    with pytest.raises(BadInput, match="already has a passkey"):
        phone.make_passkey(creation(excludeCredentials=excluded), OK)
    foreign = [{"type": "public-key", "id": b64(bytes(32))}]
    assert phone.make_passkey(creation(excludeCredentials=foreign), OK)["id"] != made["id"]


def test_a_second_passkey_of_the_same_user_takes_the_place_of_the_first(
    phone: Phone, state_path: Path
) -> None:
    first = phone.make_passkey(creation(), OK)
    other = {"id": b64(b"o" * 32), "name": "bob", "displayName": "bob"}
    bob = phone.make_passkey(creation(user=other), OK)
    second = phone.make_passkey(creation(), OK)
    assert len(StateFile(state_path).load().passkeys) == 2
    with pytest.raises(BadInput, match="no passkey"):
        phone.use_passkey(request(first), OK)
    assert phone.use_passkey(request(bob, second), OK)["id"] == second["id"]
    assert phone.use_passkey(request(bob), OK)["id"] == bob["id"]


def test_a_passkey_of_another_domain_of_the_issuer_is_not_used(phone: Phone) -> None:
    options = creation(rp={"id": "example.org", "name": "Example"})
    made = phone.make_passkey(options, OK)
    assert registered(options, made, rp_id="example.org").sign_count == 0
    with pytest.raises(BadInput, match="no passkey"):
        phone.use_passkey(request(made), OK)
    assert phone.use_passkey(request(made, rpId="example.org"), OK)["id"] == made["id"]


@pytest.mark.parametrize(
    "rp_id",
    [
        "evil.example",
        "org",
        "fa.example.org",
        "x.mfa.example.org",
        ".example.org",
        "example.org.",
        "",
    ],
)
def test_a_foreign_service_gets_neither_a_passkey_nor_a_signature(
    rp_id: str, phone: Phone, state_path: Path
) -> None:
    before = state_path.read_bytes()
    with pytest.raises(BadInput, match="another service"):
        phone.make_passkey(creation(rp={"id": rp_id, "name": "Evil"}), OK)
    with pytest.raises(BadInput, match="another service"):
        phone.use_passkey(request(rpId=rp_id), OK)
    assert state_path.read_bytes() == before


def test_an_address_is_no_domain_for_a_passkey(phone: Phone, state_path: Path) -> None:
    store = StateFile(state_path)
    store.save(replace(store.load(), issuer="http://127.0.0.1:8000"))
    with pytest.raises(BadInput, match="another service"):
        phone.make_passkey(creation(rp={"id": "127.0.0.1", "name": "x"}), OK)


def test_options_that_leave_the_service_out_mean_the_issuer(phone: Phone) -> None:
    options = creation(rp={"name": "Example"}, pubKeyCredParams=[])
    known = registered(options, phone.make_passkey(options, OK))
    asked = request()
    del asked["rpId"], asked["allowCredentials"]
    given = phone.use_passkey(asked, OK)
    assert asserted({**asked, "rpId": "mfa.example.org"}, given, known).new_sign_count == 1


@pytest.mark.parametrize(
    "change",
    [
        {"challenge": b64(bytes(15))},
        {"challenge": "not base64url!"},
        {"challenge": None},
        {"rp": None},
        {"rp": {"id": 7}},
        {"user": {}},
        {"user": {"id": "="}},
        {"pubKeyCredParams": None},
        {"pubKeyCredParams": [{"type": "public-key"}]},
        {"excludeCredentials": {}},
        {"excludeCredentials": [{"type": "public-key"}]},
        {"extensions": 7},
    ],
    ids=str,
)
def test_options_that_are_none_make_no_passkey(
    change: dict[str, Any], phone: Phone, state_path: Path
) -> None:
    before = state_path.read_bytes()
    with pytest.raises(BadInput, match="not options"):
        phone.make_passkey(creation(**change), OK)
    assert state_path.read_bytes() == before


def test_keys_that_this_phone_cannot_make_are_said(phone: Phone) -> None:
    with pytest.raises(BadInput, match="none of the keys"):
        phone.make_passkey(creation(pubKeyCredParams=[{"type": "public-key", "alg": -257}]), OK)


@pytest.mark.parametrize(
    "origin", [APP, "https://shop.example", "http://localhost:9300", "http://127.0.0.1:1"]
)
def test_a_ceremony_can_be_held_at_another_origin(origin: str, phone: Phone) -> None:
    options = creation()
    made = phone.make_passkey(options, Ceremony(origin=origin))
    known = registered(options, made, expected_origin=origin)
    asked = request(made)
    given = phone.use_passkey(asked, Ceremony(origin=origin))
    assert asserted(asked, given, known, expected_origin=origin).new_sign_count == 1


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "http://shop.example",
        "https://",
        "https://a/b",
        "https://a#",
        "android:apk-key-hash:",
        "https://[",
        "shop.example",
    ],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(BadInput, match="not an origin"):
        Ceremony(origin=origin)


def test_passkeys_need_a_phone(tmp_path: Path) -> None:
    with pytest.raises(StateFault, match="enroll first"):
        Phone(tmp_path / "another.json").make_passkey(creation(), OK)


def test_a_file_of_an_earlier_version_has_no_passkeys(phone: Phone, state_path: Path) -> None:
    data = json.loads(state_path.read_text())
    del data["passkeys"]
    state_path.write_text(json.dumps(data))
    assert StateFile(state_path).load().passkeys == ()
    assert phone.make_passkey(creation(), OK)


def test_keys_of_passkeys_show_in_no_repr(phone: Phone, state_path: Path) -> None:
    phone.make_passkey(creation(), OK)
    (passkey,) = StateFile(state_path).load().passkeys
    assert "key=" not in repr(passkey)
