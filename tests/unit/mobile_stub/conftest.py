"""A double of the service and phones that talk to it."""

from collections.abc import Generator
from pathlib import Path

import pytest

from mobile_stub.enrolling import Claim
from mobile_stub.enrollment_uri import offer_from_uri
from mobile_stub.phone import Phone
from tests.unit.mobile_stub.double_serving import DoubleTransport, served
from tests.unit.mobile_stub.service_double import ServiceDouble

PIN = "271828"


@pytest.fixture
def service() -> ServiceDouble:
    return ServiceDouble()


@pytest.fixture
def transport(service: ServiceDouble) -> DoubleTransport:
    return DoubleTransport(service)


@pytest.fixture
def state_path(tmp_path: Path) -> Path:
    return tmp_path / "phone.json"


@pytest.fixture
def phone(state_path: Path, transport: DoubleTransport) -> Phone:
    return Phone(state_path, transport=transport)


@pytest.fixture
def device(phone: Phone, service: ServiceDouble) -> str:
    """A confirmed phone without a PIN; its id."""
    device_id = phone.enroll(offer_from_uri(service.uri()), Claim(name="Pixel 9")).device_id
    service.confirm(device_id)
    return device_id


@pytest.fixture
def device_with_pin(phone: Phone, service: ServiceDouble) -> str:
    """A confirmed phone with a PIN; its id."""
    offer = offer_from_uri(service.uri())
    device_id = phone.enroll(offer, Claim(name="Pixel 9", pin=PIN)).device_id
    service.confirm(device_id)
    return device_id


@pytest.fixture
def loopback() -> Generator[ServiceDouble]:
    with served() as service:
        yield service
