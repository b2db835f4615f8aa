"""Approving with finger or face: the passkey of the phone signs the request's nonce."""

import secrets
from typing import Any

import pytest
from webauthn import verify_authentication_response

from mobile_stub.encoding import from_base64url
from mobile_stub.errors import BadInput, MissingInput, NotVerified, Refused, ServerNotTrusted
from mobile_stub.phone import Phone
from mobile_stub.platform_authenticator import Biometric, Ceremony
from tests.unit.mobile_stub.conftest import PIN
from tests.unit.mobile_stub.double_jose import b64
from tests.unit.mobile_stub.service_double import ServiceDouble
from tests.unit.mobile_stub.test_passkeys import OK, creation, registered

CODE = "493021"
REQUIRE = [["code", "pin"], ["code", "webauthn"]]


class Asker:
    """Asks with options for one passkey, and judges the assertion that comes back."""

    def __init__(self, phone: Phone, service: ServiceDouble) -> None:
        options = creation()
        self.made = phone.make_passkey(options, OK)
        self.known = registered(options, self.made)
        self.service = service
        self.seen: list[Any] = []

    def ask(self, device: str, *, origin: str = "", **claims: Any) -> str:
        nonce = b64(secrets.token_bytes(32))
        whole: dict[str, Any] = {
            "nonce": nonce,
            "require": REQUIRE,
            "webauthn": {
                "challenge": nonce,
                "rpId": "mfa.example.org",
                "allowCredentials": [{"type": "public-key", "id": self.made["id"]}],
                "userVerification": "required",
            },
        }
        challenge_id = self.service.ask(device, **{**whole, **claims})

        def judge(proof: dict[str, Any]) -> bool:
            assert set(proof) == {"method", "credential"}
            seen = verify_authentication_response(
                credential=proof["credential"],
                expected_challenge=from_base64url(nonce),
                expected_rp_id="mfa.example.org",
                expected_origin=origin or self.service.issuer,
                credential_public_key=self.known.credential_public_key,
                credential_current_sign_count=self.known.sign_count,
            )
            self.seen.append(seen)
            return True

        self.service.asked[challenge_id].proof = judge
        return challenge_id


@pytest.fixture
def asker(phone: Phone, device: str, service: ServiceDouble) -> Asker:
    assert service.devices[device].state == "active"
    return Asker(phone, service)


def test_a_recognised_finger_answers_the_options_of_the_request(
    phone: Phone, device: str, asker: Asker
) -> None:
    challenge_id = asker.ask(device)
    (pending,) = phone.pending()
    assert (pending.biometric, pending.webauthn is not None) == (True, True)
    assert phone.approve(challenge_id, code=CODE, proof=Ceremony()).status == "satisfied"
    (seen,) = asker.seen
    assert (seen.user_verified, seen.new_sign_count) == (True, 1)


def test_a_touch_alone_says_that_nobody_was_recognised(
    phone: Phone, device: str, asker: Asker
) -> None:
    challenge_id = asker.ask(device)
    phone.approve(challenge_id, code=CODE, proof=Ceremony(Biometric.ABSENT))
    (seen,) = asker.seen
    assert not seen.user_verified


def test_an_app_answers_at_its_own_origin(phone: Phone, device: str, asker: Asker) -> None:
    app = "android:apk-key-hash:4Hz9_xyz"
    challenge_id = asker.ask(device, origin=app)
    assert phone.approve(challenge_id, code=CODE, proof=Ceremony(origin=app)).status == "satisfied"


def test_a_finger_that_is_not_recognised_sends_nothing(
    phone: Phone, device: str, asker: Asker, service: ServiceDouble
) -> None:
    challenge_id = asker.ask(device)
    with pytest.raises(NotVerified, match="was not recognised"):
        phone.approve(challenge_id, code=CODE, proof=Ceremony(Biometric.FAIL))
    assert not any(method == "POST" and "/answer" in target for method, target, _ in service.log)
    assert phone.approve(challenge_id, code=CODE, proof=Ceremony()).status == "satisfied"


def test_a_wrong_code_beside_a_right_finger_costs_an_attempt(
    phone: Phone, device: str, asker: Asker
) -> None:
    challenge_id = asker.ask(device)
    with pytest.raises(Refused, match="Attempts left: 4"):
        phone.approve(challenge_id, code="000000", proof=Ceremony())
    assert phone.approve(challenge_id, code=CODE, proof=Ceremony()).status == "satisfied"


def test_pin_and_finger_can_both_be_demanded(
    phone: Phone, device_with_pin: str, service: ServiceDouble
) -> None:
    asker = Asker(phone, service)
    challenge_id = asker.ask(device_with_pin, require=[["code", "pin", "webauthn"]])
    with pytest.raises(MissingInput, match="your PIN"):
        phone.approve(challenge_id, code=CODE, proof=Ceremony())
    with pytest.raises(MissingInput, match="your fingerprint or face"):
        phone.approve(challenge_id, code=CODE, pin=PIN)
    outcome = phone.approve(challenge_id, code=CODE, pin=PIN, proof=Ceremony())
    assert outcome.status == "satisfied"


def test_a_finger_that_nobody_asked_for_is_left_out(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    challenge_id = service.ask(device)
    with pytest.raises(BadInput, match="does not ask for your fingerprint or face"):
        phone.approve(challenge_id, code=CODE, proof=Ceremony())
    assert service.asked[challenge_id].attempts_left == 5


def test_options_for_the_passkey_of_another_device_are_told_apart(
    phone: Phone, device: str, asker: Asker
) -> None:
    asker.made = {"id": b64(bytes(32))}
    challenge_id = asker.ask(device, require=[["code", "webauthn"]])
    (pending,) = phone.pending()
    assert not pending.biometric
    with pytest.raises(MissingInput, match="a passkey, which this phone does not have"):
        phone.approve(challenge_id, code=CODE)
    with pytest.raises(BadInput, match="no passkey"):
        phone.approve(challenge_id, code=CODE, proof=Ceremony())


@pytest.mark.parametrize(
    "change",
    [
        {"challenge": b64(bytes(32))},
        {"challenge": None},
        {"rpId": "evil.example"},
        {"rpId": "org"},
        {"allowCredentials": "all"},
    ],
    ids=str,
)
def test_options_that_are_not_for_this_request_of_this_service_are_not_trusted(
    change: dict[str, Any], phone: Phone, device: str, asker: Asker
) -> None:
    challenge_id = asker.ask(device)
    asker.service.asked[challenge_id].claims["webauthn"].update(change)
    with pytest.raises(ServerNotTrusted, match="breaks its own rules"):
        phone.approve(challenge_id, code=CODE, proof=Ceremony())
    asker.service.asked[challenge_id].claims["webauthn"] = []
    with pytest.raises(ServerNotTrusted):
        phone.pending()
    assert asker.seen == []
