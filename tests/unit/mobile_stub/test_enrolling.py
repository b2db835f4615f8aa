"""Enrollment, from the link to the check code, and what happens when something is in the way."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from mobile_stub.enrolling import Claim
from mobile_stub.enrollment_uri import offer_from_uri
from mobile_stub.errors import (
    BadInput,
    PinRefused,
    Refused,
    ServerNotTrusted,
    StateFault,
    Unreachable,
)
from mobile_stub.phone import Phone
from tests.unit.mobile_stub.conftest import PIN
from tests.unit.mobile_stub.double_serving import DoubleTransport
from tests.unit.mobile_stub.service_double import ServiceDouble

CLAIM = "POST /v1/device/enrollments/claim"
NAMED = Claim(name="Pixel 9")


def test_a_claim_gives_the_check_code_and_waits_for_nothing(
    phone: Phone, service: ServiceDouble, state_path: Path
) -> None:
    enrolled = phone.enroll(offer_from_uri(service.uri()), Claim(name="Pixel 9", pin=PIN))
    device = service.devices[enrolled.device_id]
    assert (enrolled.sub, enrolled.issuer, enrolled.state) == ("alice", service.issuer, "pending")
    assert enrolled.check_code == device.check_code
    assert (device.pin, device.claims["name"], device.push) == (
        "set",
        "Pixel 9",
        {"provider": "none"},
    )
    assert device.claims["exp"] - device.claims["iat"] <= 60
    assert stat.S_IMODE(state_path.stat().st_mode) == 0o600
    assert phone.status()["state"] == "pending"


def test_a_phone_without_a_pin_sends_none(device: str, service: ServiceDouble) -> None:
    claims = service.devices[device].claims
    assert not {"pin_jwk", "pin_proof", "attestation"} & claims.keys()


def test_attestation_and_push_are_passed_along(phone: Phone, service: ServiceDouble) -> None:
    attestation = {"format": "android-key", "x5c": ["AA=="]}
    push = {"provider": "fcm", "token": "t"}
    claim = Claim(name="Pixel 9", push=push, attestation=attestation)
    claims = service.devices[phone.enroll(offer_from_uri(service.uri()), claim).device_id].claims
    assert (claims["attestation"], claims["push"]) == (attestation, push)


def test_a_lost_reply_is_healed_by_claiming_again_with_the_same_key(
    phone: Phone, service: ServiceDouble, transport: DoubleTransport
) -> None:
    offer = offer_from_uri(service.uri())
    transport.lose.append("POST /v1/device/enrollments/claim")
    with pytest.raises(Unreachable):
        phone.enroll(offer, NAMED)
    with pytest.raises(StateFault, match="not finished"):
        phone.pending()
    enrolled = phone.enroll(offer, NAMED)
    assert list(service.devices) == [enrolled.device_id]
    assert phone.enroll(offer, NAMED) == enrolled


def test_a_used_code_is_refused_and_leaves_no_state(
    phone: Phone, service: ServiceDouble, state_path: Path, transport: DoubleTransport
) -> None:
    offer = offer_from_uri(service.uri())
    other = Phone(state_path.with_name("other.json"), transport=transport)
    service.confirm(other.enroll(offer, NAMED).device_id)
    with pytest.raises(Refused, match="used or expired") as refused:
        phone.enroll(offer, NAMED)
    assert refused.value.slug == "enrollment-not-open"
    assert not state_path.exists()


def test_a_second_phone_on_a_code_ends_the_first_which_then_starts_anew(
    phone: Phone, service: ServiceDouble, state_path: Path, transport: DoubleTransport
) -> None:
    offer = offer_from_uri(service.uri())
    first = phone.enroll(offer, NAMED)
    with pytest.raises(Refused):
        Phone(state_path.with_name("other.json"), transport=transport).enroll(offer, NAMED)
    with pytest.raises(Refused, match="does not accept this phone"):
        phone.status()
    assert phone.enroll(offer_from_uri(service.uri()), NAMED).device_id != first.device_id


def test_a_file_that_holds_a_working_phone_is_not_overwritten(
    phone: Phone, service: ServiceDouble, device: str, state_path: Path
) -> None:
    before = state_path.read_bytes()
    with pytest.raises(StateFault, match="already holds a phone"):
        phone.enroll(offer_from_uri(service.uri()), NAMED)
    assert state_path.read_bytes() == before
    assert phone.status()["device_id"] == device


def test_every_enrollment_has_new_keys_and_a_new_secret(
    phone: Phone, service: ServiceDouble, state_path: Path
) -> None:
    seen = []
    for _ in range(2):
        phone.enroll(offer_from_uri(service.uri()), NAMED)
        seen.append(json.loads(state_path.read_text()))
        phone.forget()
    assert seen[0]["device_key"] != seen[1]["device_key"]
    assert seen[0]["device_secret"] != seen[1]["device_secret"]


def test_a_trivial_pin_is_refused_before_anything_is_sent(
    phone: Phone, service: ServiceDouble, state_path: Path
) -> None:
    offer = offer_from_uri(service.uri())
    with pytest.raises(PinRefused):
        phone.enroll(offer, Claim(name="Pixel 9", pin="123456"))
    with pytest.raises(PinRefused, match="user name"):
        phone.enroll(offer, Claim(name="Pixel 9", pin=PIN), user=f"x{PIN}")
    assert service.log == []
    assert not state_path.exists()


def test_a_pin_made_of_the_user_name_is_named_once_the_user_is_known(
    phone: Phone, service: ServiceDouble
) -> None:
    service.sub = f"user{PIN}"
    enrolled = phone.enroll(offer_from_uri(service.uri()), Claim(name="Pixel 9", pin=PIN))
    assert enrolled.pin_advice == "it is made of the digits of your user name"


@pytest.mark.parametrize("name", ["", "x" * 65, "a\u202eb", "a\x00b"])
def test_a_name_that_no_service_takes_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        Claim(name=name)


def foreign_issuer(service: ServiceDouble) -> None:
    answer = {"issuer": "https://evil.example", "jwks_uri": f"{service.issuer}/.well-known/jwks"}
    service.overrides["GET /.well-known/openid-configuration"] = lambda: (200, {}, answer)


def foreign_keys(service: ServiceDouble) -> None:
    answer = {"issuer": service.issuer, "jwks_uri": f"{service.issuer}.evil.example/jwks.json"}
    service.overrides["GET /.well-known/openid-configuration"] = lambda: (200, {}, answer)


def claimed_elsewhere(service: ServiceDouble) -> None:
    answer = {
        "device_id": "aut_" + "a" * 22,
        "sub": "alice",
        "issuer": "https://evil.example",
        "check_code": "123456",
        "state": "pending",
    }
    service.overrides[CLAIM] = lambda: (201, {}, answer)


def claimed_oddly(service: ServiceDouble) -> None:
    answer = {"device_id": "../x", "sub": "alice", "issuer": service.issuer, "check_code": "1"}
    service.overrides[CLAIM] = lambda: (201, {}, answer)


@pytest.mark.parametrize("spoil", [foreign_issuer, foreign_keys, claimed_elsewhere, claimed_oddly])
def test_a_service_that_is_not_the_one_of_the_link_is_not_trusted(
    phone: Phone, service: ServiceDouble, spoil: Callable[[ServiceDouble], None]
) -> None:
    spoil(service)
    with pytest.raises(ServerNotTrusted):
        phone.enroll(offer_from_uri(service.uri()), NAMED)


def test_a_redirect_is_not_followed(
    phone: Phone, service: ServiceDouble, transport: DoubleTransport
) -> None:
    elsewhere = {"Location": "https://evil.example/claim"}
    service.overrides[CLAIM] = lambda: (307, elsewhere, None)
    with pytest.raises(Refused, match="redirect"):
        phone.enroll(offer_from_uri(service.uri()), NAMED)
    assert {request.url.host for request in transport.requests} == {"mfa.example.org"}


def test_the_code_is_in_no_address(
    phone: Phone, service: ServiceDouble, transport: DoubleTransport
) -> None:
    offer = offer_from_uri(service.uri())
    phone.enroll(offer, NAMED)
    assert all(offer.code not in str(request.url) for request in transport.requests)
    assert [type(request) for request in transport.requests] == [httpx.Request] * 3
