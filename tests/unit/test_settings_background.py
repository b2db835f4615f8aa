"""MFA_BACKGROUND: who does what is done beside the requests."""

import base64

import pytest

from mfa_service.settings import Background, Settings, SettingsInvalid

KEYS = {"MFA_MASTER_KEYS": "k1:" + base64.b64encode(b"k" * 32).decode()}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("", Background.HERE),
        ("here", Background.HERE),
        ("worker", Background.WORKER),
        (" Worker ", Background.WORKER),
    ],
)
def test_the_service_does_it_itself_unless_workers_are_named(given: str, meant: Background) -> None:
    assert Settings.load(KEYS | {"MFA_BACKGROUND": given}).background is meant


@pytest.mark.parametrize("given", ["elsewhere", "worker,here", "1"])
def test_anything_else_stops_the_start(given: str) -> None:
    with pytest.raises(SettingsInvalid, match="MFA_BACKGROUND: must be here or worker"):
        Settings.load(KEYS | {"MFA_BACKGROUND": given})
