"""`MFA_TRACING`: where traces go."""

import pytest

from mfa_service.settings import Settings, SettingsInvalid
from tests.support.remote import environment

ENV = environment("sqlite:////nowhere/mfa.db")


@pytest.mark.parametrize("url", ["http://127.0.0.1:4318", "https://collector.example/otlp"])
def test_an_address_of_a_collector_is_taken(url: str) -> None:
    assert Settings.load(ENV | {"MFA_TRACING": url}).tracing == url


def test_without_it_there_is_none() -> None:
    assert Settings.load(ENV).tracing is None


@pytest.mark.parametrize(
    "url",
    ["on", "grpc://127.0.0.1:4317", "http://u:p@collector", "http://c/?a=b", "http://c/#x"],
)
def test_what_is_no_such_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="MFA_TRACING") as refused:
        Settings.load(ENV | {"MFA_TRACING": url})
    assert url not in str(refused.value) or url == "on"
