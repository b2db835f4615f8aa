"""Status, removal, push, PIN change, key rotation, and a clock that is off."""

import json
import time
from pathlib import Path

import pytest

from mobile_stub.errors import BadInput, MissingInput, PinRefused, Refused, StateFault, Unreachable
from mobile_stub.phone import Phone
from tests.unit.mobile_stub.conftest import PIN
from tests.unit.mobile_stub.double_serving import DoubleTransport
from tests.unit.mobile_stub.service_double import ServiceDouble

NEW_PIN = "314159"
ROTATE = "POST /v1/device/keys"


def test_the_status_is_what_the_service_says(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    assert phone.status() == {
        "device_id": device,
        "sub": "alice",
        "issuer": service.issuer,
        "state": "active",
        "label": "Pixel 9",
        "pin": "none",
        "push": {"provider": "none"},
    }


def test_a_removed_phone_forgets_its_keys(
    phone: Phone, device: str, service: ServiceDouble, state_path: Path
) -> None:
    phone.remove()
    assert device not in service.devices
    assert not state_path.exists()
    with pytest.raises(StateFault):
        phone.status()


@pytest.mark.usefixtures("device")
def test_a_removal_that_the_service_did_not_hear_keeps_the_keys(
    phone: Phone, transport: DoubleTransport, state_path: Path
) -> None:
    transport.cut.append("DELETE /v1/device")
    with pytest.raises(Unreachable):
        phone.remove()
    assert state_path.exists()


def test_the_way_of_waking_can_be_changed(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    push = {
        "provider": "webpush",
        "endpoint": "https://push.example/1",
        "keys": {"p256dh": "a", "auth": "b"},
    }
    phone.set_push(push)
    assert service.devices[device].push == push


def test_a_new_pin_is_proven_by_the_old_one(
    phone: Phone, device_with_pin: str, service: ServiceDouble
) -> None:
    service.devices[device_with_pin].wrong_pins = 3
    phone.change_pin(old=PIN, new=NEW_PIN)
    assert service.devices[device_with_pin].wrong_pins == 0
    challenge_id = service.ask(device_with_pin, require=[["code", "pin"]])
    assert phone.approve(challenge_id, code="493021", pin=NEW_PIN).status == "satisfied"


def test_a_wrong_old_pin_changes_nothing_and_is_counted(
    phone: Phone, device_with_pin: str, service: ServiceDouble
) -> None:
    before = service.devices[device_with_pin].pin_jwk
    with pytest.raises(Refused, match="PIN is wrong"):
        phone.change_pin(old="602214", new=NEW_PIN)
    assert service.devices[device_with_pin].pin_jwk == before
    assert service.devices[device_with_pin].wrong_pins == 1


def test_a_new_pin_must_be_new_and_hard_to_guess(
    phone: Phone, device_with_pin: str, service: ServiceDouble
) -> None:
    with pytest.raises(BadInput, match="the old one"):
        phone.change_pin(old=PIN, new=PIN)
    with pytest.raises(PinRefused):
        phone.change_pin(old=PIN, new="111111")
    assert service.devices[device_with_pin].wrong_pins == 0


@pytest.mark.parametrize(("standing", "words"), [("none", "without a PIN"), ("disabled", "disabl")])
def test_a_pin_that_is_not_there_cannot_be_changed(
    standing: str, words: str, phone: Phone, device: str, service: ServiceDouble
) -> None:
    service.devices[device].pin = standing
    with pytest.raises(BadInput, match=words):
        phone.change_pin(old=PIN, new=NEW_PIN)


@pytest.mark.usefixtures("device_with_pin")
def test_a_lost_reply_to_a_new_pin_says_that_either_may_hold(
    phone: Phone, transport: DoubleTransport
) -> None:
    transport.lose.append("PUT /v1/device/pin")
    with pytest.raises(Unreachable, match="either the new one or still the old one"):
        phone.change_pin(old=PIN, new=NEW_PIN)


def stored(path: Path) -> dict[str, object]:
    data: dict[str, object] = json.loads(path.read_text())
    return data


def test_a_rotated_key_works_and_the_old_one_is_gone(
    phone: Phone, device_with_pin: str, service: ServiceDouble, state_path: Path
) -> None:
    before = stored(state_path)["device_key"]
    phone.rotate_keys(pin=PIN)
    after = stored(state_path)
    assert after["device_key"] != before
    assert after["next_key"] is None
    assert phone.status()["device_id"] == device_with_pin
    assert service.devices[device_with_pin].wrong_pins == 0


def test_a_phone_without_a_pin_rotates_without_one(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    before = service.devices[device].jwk
    phone.rotate_keys(attestation={"format": "android-key", "x5c": []})
    assert service.devices[device].jwk != before


@pytest.mark.usefixtures("device_with_pin")
def test_rotation_asks_for_the_pin_and_says_when_it_is_wrong(
    phone: Phone, state_path: Path
) -> None:
    before = stored(state_path)
    with pytest.raises(MissingInput, match="your PIN"):
        phone.rotate_keys()
    with pytest.raises(Refused, match="PIN is wrong"):
        phone.rotate_keys(pin="602214")
    assert stored(state_path) == before


def test_the_new_key_is_written_down_before_it_is_sent(
    phone: Phone, device: str, service: ServiceDouble, state_path: Path
) -> None:
    seen: list[object] = []

    def look() -> tuple[int, dict[str, str], None]:
        seen.append(stored(state_path)["next_key"])
        return 403, {}, None

    service.overrides[ROTATE] = look
    with pytest.raises(Refused):
        phone.rotate_keys()
    assert seen[0] is not None
    assert stored(state_path)["next_key"] is None
    assert phone.status()["device_id"] == device


def test_a_lost_reply_to_a_rotation_is_settled_at_once(
    phone: Phone, device: str, transport: DoubleTransport, state_path: Path
) -> None:
    before = stored(state_path)["device_key"]
    transport.lose.append(ROTATE)
    phone.rotate_keys()
    assert stored(state_path)["device_key"] != before
    assert phone.status()["device_id"] == device


def test_a_rotation_broken_off_before_it_is_settled_is_settled_by_the_next_command(
    phone: Phone, device: str, service: ServiceDouble, transport: DoubleTransport, state_path: Path
) -> None:
    before = service.devices[device].jwk
    transport.lose.append(ROTATE)
    transport.then_cut[ROTATE] = "GET /v1/device"
    with pytest.raises(Unreachable):
        phone.rotate_keys()
    assert stored(state_path)["next_key"] is not None
    assert service.devices[device].jwk != before
    assert phone.pending() == []
    assert stored(state_path)["next_key"] is None


def test_a_rotation_that_the_service_did_not_carry_out_leaves_the_old_key_in_use(
    phone: Phone, device: str, service: ServiceDouble, state_path: Path
) -> None:
    before = stored(state_path)["device_key"]
    service.overrides[ROTATE] = lambda: (503, {}, None)
    with pytest.raises(Refused):
        phone.rotate_keys()
    assert stored(state_path)["device_key"] == before
    assert stored(state_path)["next_key"] is not None
    assert phone.status()["device_id"] == device
    service.overrides.clear()
    phone.rotate_keys()
    assert stored(state_path)["next_key"] is None


@pytest.mark.usefixtures("device")
def test_a_new_key_whose_rotation_can_no_longer_arrive_is_dropped(
    state_path: Path, transport: DoubleTransport, service: ServiceDouble
) -> None:
    service.overrides[ROTATE] = lambda: (503, {}, None)
    phone = Phone(state_path, transport=transport)
    with pytest.raises(Refused):
        phone.rotate_keys()
    service.clock = lambda: time.time() + 400
    assert phone.pending() == []
    assert stored(state_path)["next_key"] is None


@pytest.mark.parametrize("off", [-7200, -90, 90, 7200])
def test_a_clock_that_is_off_is_corrected_by_the_date_of_the_refusal(
    off: int, device: str, service: ServiceDouble, transport: DoubleTransport, state_path: Path
) -> None:
    phone = Phone(state_path, transport=transport, clock=lambda: time.time() + off)
    challenge_id = service.ask(device)
    assert [challenge.id for challenge in phone.pending()] == [challenge_id]
    assert phone.approve(challenge_id, code="493021").status == "satisfied"


def test_a_phone_that_was_revoked_asks_twice_and_says_so(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    del service.devices[device]
    before = len(service.log)
    with pytest.raises(Refused, match="removed or revoked"):
        phone.pending()
    assert [status for _, _, status in service.log[before:]] == [401, 401]
