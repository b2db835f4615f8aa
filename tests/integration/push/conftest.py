"""A world whose pushes go to a double of Google, by Google's own library."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mfa_service.adapters.push_fcm import FcmSender
from mfa_service.services.outbox import OutboxService
from tests.support.database import rows
from tests.support.google import Google, google
from tests.support.phone import Phone, PinKey
from tests.support.world import Api, World


@dataclass
class Pushing:
    """The service with one phone, its outbox, and Google."""

    world: World
    api: Api
    google: Google
    outbox: OutboxService
    phone: Phone

    def state(self, challenge: dict[str, Any]) -> str:
        """Return what the client is told of the notification."""
        return str(self.api.read(challenge["id"])["push"]["state"])

    @property
    def keeps_the_address(self) -> bool:
        """Tell whether the phone can still be pushed to."""
        (row,) = rows(self.world, "SELECT push_provider FROM device")
        return bool(row["push_provider"] == "fcm")


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    with google(tmp_path) as made:
        monkeypatch.setenv("HTTPS_PROXY", made.proxy)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield made


@pytest.fixture
def pushing(world: World, double: Google, tmp_path: Path) -> Pushing:
    sender = FcmSender(double.service_account(tmp_path / "account.json"), world.clock)
    outbox = OutboxService(world.services.foundation, {"fcm": sender})
    phone = world.phone(pin=PinKey(), push={"provider": "fcm", "token": "token-of-the-phone"})
    return Pushing(world, world.client(), double, outbox, phone)
