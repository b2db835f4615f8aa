"""`mfa doctor` on push: whether anybody sends, and whether push services will believe us."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.doctor import doctor, prepared
from tests.support.processes import start_service
from tests.support.push_service import b64, new_key, point_of
from tests.support.remote import environment
from tests.support.world import World, close, make_world

PUSH = {"provider": "fcm", "token": "t" * 20}
CONTACT = {"MFA_VAPID_CONTACT": "mailto:push@bank.com"}


def raw(number: int) -> str:
    """Return a private key in the form of push libraries."""
    return b64(number.to_bytes(32, "big"))


@pytest.fixture
def asked(any_url: str) -> Iterator[World]:
    """Return a service with a phone that nobody sends to."""
    world = make_world(any_url)
    world.phone(push=PUSH)
    yield world
    close(world)


def ask_the_phone(world: World, *, seconds_ago: int) -> None:
    world.clock.advance(int(time.time()) - seconds_ago - world.clock.now())
    world.client().challenge(expires_in=600)


@pytest.mark.parametrize("doer", ["worker", "serve"])
def test_a_message_that_nobody_takes_is_an_error_while_somebody_waits_for_it(
    asked: World, any_url: str, doer: str
) -> None:
    env = environment(any_url) | {"MFA_BACKGROUND": "worker" if doer == "worker" else "here"}
    ask_the_phone(asked, seconds_ago=90)
    told = doctor(env)
    ((level, what),) = told.of("sending")
    assert (level, what.startswith("a push message is due for ")) == ("error", True)
    assert any(f"`mfa {doer}` is to send them" in finding["why"] for finding in told.findings)


def test_a_message_that_is_due_for_less_than_a_minute_may_still_be_taken(
    asked: World, any_url: str
) -> None:
    ask_the_phone(asked, seconds_ago=30)
    assert [level for level, _ in doctor(environment(any_url)).of("sending")] == ["ok"]


def test_what_was_left_lying_is_a_warning_until_somebody_takes_it(
    asked: World, any_url: str
) -> None:
    env = environment(any_url)
    ask_the_phone(asked, seconds_ago=1300)
    told = doctor(env)
    assert {("warning", "sending"), ("warning", "tidying")} <= told.worse()
    assert told.of("sending")[0][1].endswith("; their challenges are over")
    asked.clock.advance(1300)
    asked.services.outbox.deliver()
    asked.services.housekeeping.run()
    told = doctor(env)
    assert [level for level, _ in told.of("sending") + told.of("tidying")] == ["ok", "ok"]


def test_a_key_of_web_push_is_told_by_its_public_part(sqlite_url: str) -> None:
    env = prepared(sqlite_url) | CONTACT | {"MFA_VAPID_KEY": raw(1)}
    told = doctor(env)
    ((level, what),) = told.of("web push")
    assert (level, what.startswith("phones subscribe with B")) == ("ok", True)
    assert told.of("web push contact") == [("ok", "mailto:push@bank.com")]
    assert told.of("push") == []
    assert raw(1) not in str(told)


def test_the_file_of_the_key_is_for_its_owner_alone(sqlite_url: str, tmp_path: Path) -> None:
    path, key = tmp_path / "vapid.pem", new_key()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    env = prepared(sqlite_url) | CONTACT | {"MFA_VAPID_KEY": str(path)}
    path.chmod(0o640)
    ((level, what),) = doctor(env).of("web push")
    assert (level, str(path) in what) == ("warning", True)
    path.chmod(0o600)
    assert doctor(env).of("web push") == [("ok", f"phones subscribe with {b64(point_of(key))}")]


@pytest.mark.parametrize(
    "contact",
    ["", "mailto:root@localhost", "https://10.0.0.1", "mailto:a@bank.local", "https://bank"],
)
def test_a_contact_that_push_services_refuse_is_a_warning(sqlite_url: str, contact: str) -> None:
    env = prepared(sqlite_url) | {"MFA_VAPID_KEY": raw(1), "MFA_VAPID_CONTACT": contact}
    told = doctor(env | {"MFA_ISSUER": "http://localhost"})
    assert [level for level, _ in told.of("web push contact")] == ["warning"]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"MFA_VAPID_KEY": raw(0)}, "MFA_VAPID_KEY: is no P-256 key"),
        ({"MFA_VAPID_KEY": raw(1), "MFA_VAPID_CONTACT": "x"}, "MFA_VAPID_CONTACT: must be"),
    ],
)
def test_a_key_or_contact_that_is_none_is_an_error(given: dict[str, str], fault: str) -> None:
    told = doctor(environment("sqlite:///nowhere.db") | given)
    ((level, what),) = told.of("settings")
    assert (level, what.startswith(fault)) == ("error", True)


def test_a_key_that_is_not_the_one_that_phones_are_told_of_is_an_error(
    sqlite_url: str, tmp_path: Path
) -> None:
    env = prepared(sqlite_url) | CONTACT | {"MFA_VAPID_KEY": raw(1)}
    with start_service(env, folder=tmp_path) as server:
        assert doctor(env, "--url", server.url).of("web push key") == []
        for key in (raw(2), ""):
            told = doctor(env | {"MFA_VAPID_KEY": key}, "--url", server.url)
            assert [level for level, _ in told.of("web push key")] == ["error"]
