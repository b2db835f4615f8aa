"""A sender that an operator brings, from an installed package: used when named, judged at start."""

from pathlib import Path

import pytest

from mfa_service.domain.ports import PushMessage, PushRejected
from mfa_service.settings import Settings, SettingsInvalid
from mfa_service.wiring_push import SendersUnusable, push_senders
from tests.support.google import google
from tests.support.own_sender import installed_sender
from tests.support.ports import FrozenClock
from tests.support.programs import run
from tests.support.remote import environment

NAMED = {"MFA_PUSH_SENDERS": "fcm"}


@pytest.fixture
def env(sqlite_url: str) -> dict[str, str]:
    return environment(sqlite_url)


def test_an_installed_sender_that_is_named_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str]
) -> None:
    monkeypatch.syspath_prepend(installed_sender(tmp_path, fcm="Relay"))
    monkeypatch.setenv("RELAY_LOG", str(tmp_path / "log"))
    senders = push_senders(Settings.load(env | NAMED), FrozenClock())
    senders["fcm"].send(PushMessage({"token": "t"}, "chl_1", 1))
    assert '"handle": "chl_1"' in (tmp_path / "log").read_text()
    with pytest.raises(PushRejected) as told:
        senders["fcm"].send(PushMessage({"token": "dead"}, "chl_1", 1))
    assert told.value.gone


def test_one_that_is_not_named_gets_no_address_for_being_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str]
) -> None:
    monkeypatch.syspath_prepend(installed_sender(tmp_path, fcm="Relay"))
    assert push_senders(Settings.load(env), FrozenClock()) == {}


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ("unusable", ": RELAY_URL is not set"),
        ("broken", " cannot be made: RuntimeError"),
        ("nothing", " cannot be made: TypeError"),
        ("missing", " cannot be made: AttributeError"),
        ("OfAnother", " is not called fcm by itself"),
        ("Mute", " has no method send"),
    ],
)
def test_one_that_cannot_send_stops_the_start_and_says_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], made: str, why: str
) -> None:
    monkeypatch.syspath_prepend(installed_sender(tmp_path, fcm=made))
    with pytest.raises(SendersUnusable) as told:
        push_senders(Settings.load(env | NAMED), FrozenClock())
    assert str(told.value) == (f"the push sender for fcm of acme-push 1.0 (acme_push:{made}){why}")


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_the_command_ends_with_that_message_and_no_secret(
    tmp_path: Path, env: dict[str, str], command: str
) -> None:
    path = {"PYTHONPATH": installed_sender(tmp_path, fcm="broken")}
    ran = run("mfa", command, folder=tmp_path, env=env | NAMED | path)
    assert ran.status == 1
    assert "of acme-push 1.0 (acme_push:broken) cannot be made: RuntimeError" in ran.err
    assert "very-secret" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("fcm", "no installed package has a sender for fcm in stepup_mfa.push_senders"),
        ("webpush, fcm", "no installed package has a sender for webpush"),
        ("pigeons", "is a comma list of fcm and webpush"),
        ("none", "is a comma list of fcm and webpush"),
    ],
)
def test_a_name_that_leads_to_no_sender_is_a_wrong_setting(
    env: dict[str, str], named: str, why: str
) -> None:
    with pytest.raises(SettingsInvalid) as told:
        Settings.load(env | {"MFA_PUSH_SENDERS": named})
    assert f"MFA_PUSH_SENDERS: {why}" in str(told.value)


def test_two_packages_for_one_provider_are_a_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str]
) -> None:
    for name in ("acme-push", "other-push"):
        monkeypatch.syspath_prepend(installed_sender(tmp_path, name, fcm="Relay"))
    with pytest.raises(SettingsInvalid) as told:
        Settings.load(env | NAMED)
    assert "more than one is installed" in str(told.value)
    assert "acme-push 1.0" in str(told.value)
    assert "other-push 1.0" in str(told.value)


def test_our_sender_and_another_one_for_the_same_provider_are_a_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str]
) -> None:
    monkeypatch.syspath_prepend(installed_sender(tmp_path, fcm="Relay"))
    with google(tmp_path) as double:
        account = double.service_account(tmp_path / "account.json")
    with pytest.raises(SettingsInvalid) as told:
        Settings.load(env | NAMED | {"MFA_FCM_CREDENTIALS": str(account)})
    assert "only one of them can send" in str(told.value)
