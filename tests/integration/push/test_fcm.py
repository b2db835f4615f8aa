"""Pushes by Google's own library against a double of both of Google's endpoints (S 8.1)."""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest

from mfa_service.adapters.push_fcm import FcmSender
from mfa_service.services.outbox import OutboxService
from tests.integration.push.conftest import Pushing
from tests.support.google import BAD_REQUEST, MALFORMED, SEND_HOST, TOKEN_HOST, Fault, google
from tests.support.phone import PinKey
from tests.support.tls import Authority
from tests.support.world import World


def test_a_challenge_reaches_google_as_a_handle_and_nothing_else(pushing: Pushing) -> None:
    opened = pushing.api.challenge(binding_message="Secret plan", expires_in=120)
    pushing.world.clock.advance(2)
    assert pushing.outbox.deliver() == 1
    (message,) = pushing.google.sent
    text = message["apns"]["payload"]["aps"].pop("alert")
    assert message == {
        "token": "token-of-the-phone",
        "data": {"v": "1", "k": "c", "id": opened["id"]},
        "android": {"priority": "high", "ttl": "118s", "collapse_key": opened["id"]},
        "apns": {
            "headers": {
                "apns-priority": "10",
                "apns-expiration": str(opened["expires_at"]),
                "apns-push-type": "alert",
                "apns-collapse-id": opened["id"],
            },
            "payload": {"aps": {"mutable-content": 1, "sound": "default"}},
        },
    }
    assert "alice" not in text
    assert "Secret plan" not in text
    assert pushing.state(opened) == "accepted"


def test_the_handle_leads_the_phone_to_its_challenge(pushing: Pushing) -> None:
    opened = pushing.api.challenge()
    pushing.outbox.deliver()
    handle = pushing.google.sent[0]["data"]["id"]
    asked = pushing.world.fetch(pushing.phone, handle)
    token = pushing.phone.answer(asked, code=opened["display_code"], pin=pushing.phone.pin)
    assert pushing.world.send(pushing.phone, handle, token).get_json() == {"status": "satisfied"}


def test_one_access_token_serves_many_messages(pushing: Pushing) -> None:
    for _ in range(3):
        opened = pushing.api.challenge()
        pushing.outbox.deliver()
        pushing.api.call("DELETE", f"/v1/challenges/{opened['id']}")
    assert (len(pushing.google.sent), pushing.google.tokens_given) == (3, 1)


@dataclass(frozen=True)
class Outcome:
    """What an error of FCM does."""

    state: str
    keeps_the_address: bool
    alerts: bool = False


UNREGISTERED = Fault(404, "NOT_FOUND", "UNREGISTERED")
QUOTA = Fault(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
ERRORS = {
    "unregistered": (UNREGISTERED, Outcome("failed", keeps_the_address=False)),
    "wrong sender": (
        Fault(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
        Outcome("failed", keeps_the_address=False, alerts=True),
    ),
    "may not send": (
        Fault(403, "PERMISSION_DENIED", kind=BAD_REQUEST),
        Outcome("failed", keeps_the_address=True, alerts=True),
    ),
    "apple's key": (
        Fault(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"),
        Outcome("failed", keeps_the_address=True, alerts=True),
    ),
    "token is none": (
        Fault(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
        Outcome("failed", keeps_the_address=False),
    ),
    "message is wrong": (MALFORMED, Outcome("failed", keeps_the_address=True)),
    "quota": (QUOTA, Outcome("queued", keeps_the_address=True)),
    "unavailable": (
        Fault(503, "UNAVAILABLE", "UNAVAILABLE"),
        Outcome("queued", keeps_the_address=True),
    ),
    "internal": (
        Fault(500, "INTERNAL", "INTERNAL"),
        Outcome("queued", keeps_the_address=True),
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_each_error_of_fcm_does_to_address_and_challenge_what_is_documented(
    pushing: Pushing, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    fault, outcome = ERRORS[name]
    opened = pushing.api.challenge()
    pushing.google.faults = [fault] * (3 if fault.http == 401 else 1)  # 401: a new token is tried
    with caplog.at_level(logging.ERROR, logger="mfa_service"):
        pushing.outbox.deliver()
    alerts = any("wants the operator" in record.message for record in caplog.records)
    assert Outcome(pushing.state(opened), pushing.keeps_the_address, alerts) == outcome
    assert pushing.google.sent == []


@pytest.mark.parametrize("name", ["quota", "unavailable", "internal"])
def test_what_fails_for_now_is_tried_again_by_the_outbox_and_by_nobody_else(
    pushing: Pushing, name: str
) -> None:
    opened = pushing.api.challenge(expires_in=300)
    pushing.google.faults = [ERRORS[name][0]]
    pushing.outbox.deliver()
    assert pushing.google.asked == 1
    pushing.world.clock.advance(80)
    pushing.outbox.deliver()
    assert pushing.state(opened) == "accepted"


@pytest.mark.parametrize("fault", [QUOTA, Fault(503, "UNAVAILABLE", "UNAVAILABLE")])
def test_retry_after_is_kept_by_the_outbox_while_no_thread_sleeps(
    pushing: Pushing, fault: Fault
) -> None:
    opened = pushing.api.challenge(expires_in=300)
    asks_for_time = Fault(fault.http, fault.status, fault.code, retry_after="120")
    pushing.google.faults = [asks_for_time]
    pushing.outbox.deliver()  # would end in two minutes if the library had its way
    for seconds, tried in ((119, 1), (32, 2)):
        pushing.world.clock.advance(seconds)
        pushing.outbox.deliver()
        assert pushing.google.asked == tried
    assert pushing.state(opened) == "accepted"


def test_nobody_is_asked_again_when_the_challenge_would_be_over(pushing: Pushing) -> None:
    opened = pushing.api.challenge(expires_in=60)
    pushing.google.faults = [Fault(503, "UNAVAILABLE", "UNAVAILABLE", retry_after="60")]
    pushing.outbox.deliver()
    assert pushing.state(opened) == "failed"
    assert pushing.keeps_the_address


def test_a_key_that_google_does_not_know_calls_the_operator(
    pushing: Pushing, caplog: pytest.LogCaptureFixture
) -> None:
    pushing.google.knows_the_key = False
    opened = pushing.api.challenge()
    with caplog.at_level(logging.ERROR, logger="mfa_service"):
        pushing.outbox.deliver()
    assert [record.__dict__["reason"] for record in caplog.records] == ["RefreshError"]
    assert pushing.state(opened) == "queued"
    assert pushing.google.asked == 0


def test_a_google_that_does_not_answer_is_left_alone_after_seconds(pushing: Pushing) -> None:
    pushing.google.is_silent = True
    opened = pushing.api.challenge()
    pushing.outbox.deliver()
    assert pushing.google.asked == 1
    assert pushing.state(opened) == "queued"


@pytest.mark.parametrize(
    "authority", [Authority(("example.org",)), Authority((TOKEN_HOST, SEND_HOST))]
)
def test_nothing_is_told_to_who_cannot_prove_to_be_google(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    with google(tmp_path, authority) as made:
        monkeypatch.setenv("HTTPS_PROXY", made.proxy)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", another_authority(tmp_path, authority))
        sender = FcmSender(made.service_account(tmp_path / "account.json"), world.clock)
        outbox = OutboxService(world.services.foundation, {"fcm": sender})
        world.phone(pin=PinKey(), push={"provider": "fcm", "token": "t"})
        opened = world.client().challenge()
        outbox.deliver()
    assert (made.tokens_given, made.asked) == (0, 0)
    assert world.client().read(opened["id"])["push"]["state"] == "queued"


def another_authority(folder: Path, authority: Authority) -> str:
    """Return the right authority for a wrong name, and a wrong one for the right names."""
    if SEND_HOST in authority.names:
        authority = Authority()
    path = authority.write_ca(folder / "believed.pem")
    assert ssl.create_default_context(cafile=path).get_ca_certs()
    return path
