"""Web Push against a double of a push service: RFC 8030, 8291, 8292, and S T18."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)

from mfa_service.adapters.guarded_connections import Answer, Keeping
from mfa_service.adapters.guarded_http import GuardedHttp
from mfa_service.adapters.push_webpush import WebPushSender
from mfa_service.domain.ports import PushMessage
from mfa_service.services.outbox import OutboxService
from tests.support.database import rows
from tests.support.phone import Phone, PinKey
from tests.support.push_service import (
    HOST,
    ORIGIN,
    PUBLIC_ADDRESS,
    Browser,
    PushService,
    Rerouted,
    new_key,
    point_of,
    push_service,
    unb64,
)
from tests.support.tls import Authority
from tests.support.world import Api, World, close, make_world

CONTACT = "mailto:push@bank.example"


@dataclass
class Pushing:
    """The service with one phone that is a browser, its outbox, and the push service."""

    world: World
    service: PushService
    key: EllipticCurvePrivateKey
    addresses: list[str] = field(default_factory=lambda: [PUBLIC_ADDRESS])
    phone: Phone | None = None

    @property
    def api(self) -> Api:
        return self.world.client()

    def __post_init__(self) -> None:
        self.http = GuardedHttp(
            frozenset(),
            lambda _host, _port: self.addresses,
            seconds=2,
            keeping=Keeping(4),
            network=Rerouted(self.service),
        )

    def outbox(self) -> OutboxService:
        sender = WebPushSender(self.key, CONTACT, self.world.clock, self.http)
        return OutboxService(self.world.services.foundation, {"webpush": sender})

    def pushed(self, **members: Any) -> dict[str, Any]:
        """Return a challenge that was opened and whose notification was sent, or tried."""
        opened = self.api.challenge(**members)
        self.world.clock.advance(2)
        assert self.outbox().deliver() == 1
        return opened

    def state(self, challenge: dict[str, Any]) -> str:
        return str(self.api.read(challenge["id"])["push"]["state"])

    @property
    def keeps_the_address(self) -> bool:
        (row,) = rows(self.world, "SELECT push_provider FROM device")
        return bool(row["push_provider"] == "webpush")


@pytest.fixture
def pushing(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pushing]:
    key = new_key()
    with push_service(tmp_path, world.clock.now, point_of(key)) as service:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        made = Pushing(world, service, key)
        made.phone = world.phone(pin=PinKey(), push=service.browser.address)
        yield made
        made.http.close()


def test_the_double_reads_the_example_of_rfc_8291() -> None:
    """RFC 8291 §5: what opens the example is what opens ours."""
    number = int.from_bytes(unb64("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
    key = derive_private_key(number, SECP256R1())
    body = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmY"
        "WAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexS"
        "gSxsj_Qulcy4a-fN"
    )
    browser = Browser(key=key, secret=unb64("BTBZMqHH6r4Tts7J_aSIgg"))
    assert browser.opened(unb64(body)) == b"When I grow up, I want to be a watermelon"


def test_discovery_has_the_key_that_phones_subscribe_with(world: World, sqlite_url: str) -> None:
    path = "/.well-known/openid-configuration"
    assert "vapid_public_key" not in world.app.test_client().get(path).get_json()
    raw = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
    other = make_world(sqlite_url, MFA_VAPID_KEY=raw)
    told = other.app.test_client().get(path).get_json()["vapid_public_key"]
    close(other)
    point = unb64(told)
    assert (len(point), point[0]) == (65, 4)
    assert told.startswith("BP4z9KsN6nGRTbVYI")


def test_a_challenge_reaches_the_phone_as_a_handle_and_nothing_else(pushing: Pushing) -> None:
    opened = pushing.pushed(binding_message="Secret plan", expires_in=120)
    (message,) = pushing.service.taken
    assert json.loads(message.content) == {"v": "1", "k": "c", "id": opened["id"]}
    assert (message.ttl, message.urgency) == (118, "high")
    assert pushing.service.connected == [(PUBLIC_ADDRESS, 443)]
    assert pushing.state(opened) == "accepted"


def test_the_handle_leads_the_phone_to_its_challenge(pushing: Pushing) -> None:
    opened, phone = pushing.pushed(), pushing.phone
    assert phone is not None
    asked = pushing.world.fetch(phone, json.loads(pushing.service.taken[0].content)["id"])
    token = phone.answer(asked, code=opened["display_code"], pin=phone.pin)
    answered = pushing.world.send(phone, opened["id"], token)
    assert answered.get_json() == {"status": "satisfied"}


def test_we_sign_for_this_push_service_alone_and_for_a_while(pushing: Pushing) -> None:
    pushing.pushed()
    claims = pushing.service.taken[0].claims
    assert claims == {"aud": ORIGIN, "exp": pushing.world.clock.now() + 3600, "sub": CONTACT}


def test_a_second_message_replaces_the_first_and_its_topic_tells_no_handle(
    pushing: Pushing,
) -> None:
    opened = pushing.pushed()
    assert pushing.api.post(f"/v1/challenges/{opened['id']}/push").status_code == 202
    pushing.outbox().deliver()
    first, second = (message.topic for message in pushing.service.taken)
    assert first == second
    assert first
    assert opened["id"].removeprefix("chl_") not in first


@dataclass(frozen=True)
class Outcome:
    """What a status of the push service does."""

    state: str
    keeps_the_address: bool = True
    alerts: bool = False


STATUSES = {
    200: Outcome("accepted"),
    201: Outcome("accepted"),
    202: Outcome("accepted"),
    204: Outcome("accepted"),
    301: Outcome("failed"),
    307: Outcome("failed"),
    308: Outcome("failed"),
    400: Outcome("failed", alerts=True),
    401: Outcome("failed", alerts=True),
    403: Outcome("failed", alerts=True),
    404: Outcome("failed", keeps_the_address=False),
    410: Outcome("failed", keeps_the_address=False),
    413: Outcome("failed", alerts=True),
    418: Outcome("failed", alerts=True),
    408: Outcome("queued"),
    429: Outcome("queued"),
    500: Outcome("queued"),
    502: Outcome("queued"),
    503: Outcome("queued"),
}


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_does_to_address_and_challenge_what_is_documented(
    pushing: Pushing, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    pushing.service.answers = [(status, {"Location": f"{ORIGIN}/elsewhere"})]
    with caplog.at_level(logging.ERROR, logger="mfa_service"):
        opened = pushing.pushed()
    alerts = any("wants the operator" in record.message for record in caplog.records)
    found = Outcome(pushing.state(opened), pushing.keeps_the_address, alerts)
    assert found == STATUSES[status]
    assert pushing.service.asked == ["/push/one-browser"]


@pytest.mark.parametrize("is_a_moment", [False, True])
def test_a_push_service_that_asks_for_time_gets_it(pushing: Pushing, *, is_a_moment: bool) -> None:
    moment = datetime.fromtimestamp(pushing.world.clock.now() + 122, UTC)
    given = format_datetime(moment, usegmt=True) if is_a_moment else "120"
    pushing.service.answers = [(429, {"Retry-After": given})]
    opened = pushing.pushed(expires_in=300)
    for seconds, asked in ((119, 1), (32, 2)):
        pushing.world.clock.advance(seconds)
        pushing.outbox().deliver()
        assert len(pushing.service.asked) == asked
    assert pushing.state(opened) == "accepted"


@pytest.mark.parametrize(
    "given", ["", "soon", "-5", "9" * 400, "١٢", "Sun, 99 Nov 9999 99:99:99 GMT"]
)
def test_a_retry_after_that_is_none_changes_nothing(pushing: Pushing, given: str) -> None:
    pushing.service.answers = [(503, {"Retry-After": given.encode().decode("latin-1")})]
    opened = pushing.pushed(expires_in=30)
    expected = "failed" if given.startswith("9") else "queued"  # an hour is more than there is
    assert pushing.state(opened) == expected


def test_a_key_that_the_phone_did_not_subscribe_with_calls_the_operator(
    pushing: Pushing, caplog: pytest.LogCaptureFixture
) -> None:
    pushing.key = new_key()
    with caplog.at_level(logging.ERROR, logger="mfa_service"):
        opened = pushing.pushed()
    assert [record.__dict__["reason"] for record in caplog.records] == [
        "status 403 at push.example"
    ]
    assert pushing.service.refused_for == ["not by whom the browser subscribed with"]
    assert (pushing.state(opened), pushing.keeps_the_address) == ("failed", True)


def test_keys_that_are_no_point_of_the_curve_cost_the_address(pushing: Pushing) -> None:
    phone, keys = pushing.phone, dict(pushing.service.browser.address["keys"])
    assert phone is not None
    changed = pushing.service.browser.address | {"keys": keys | {"p256dh": "B" + "A" * 86}}
    answer = pushing.world.device(phone, "PUT", "/v1/device/push", changed)
    assert answer.status_code == 204
    opened = pushing.pushed()
    assert (pushing.state(opened), pushing.keeps_the_address) == ("failed", False)
    assert pushing.service.connected == []


@pytest.mark.parametrize(
    ("host", "audience"),
    [
        ("push.example:443", ORIGIN),
        ("PUSH.example", ORIGIN),
        ("[2001:4860:4860::8888]", "https://[2001:4860:4860::8888]"),
    ],
)
def test_an_origin_is_signed_for_in_the_form_in_which_the_push_service_knows_itself(
    world: World, host: str, audience: str
) -> None:
    """RFC 8292 §2: the origin of RFC 6454 §6.1, lower case and without the standard port."""
    asked: list[tuple[str, dict[str, str]]] = []

    class Http(GuardedHttp):
        def post(self, url: str, headers: Any, content: bytes) -> Answer:
            asked.append((url, dict(headers)))
            return Answer(201, {})

    key = new_key()
    sender = WebPushSender(key, CONTACT, world.clock, Http(frozenset(), seconds=1))
    address = Browser(f"https://{host}/push/one-browser").address
    sender.send(PushMessage(address, "chl_1", world.clock.now() + 60))
    ((_, headers),) = asked
    token = headers["Authorization"].removeprefix("vapid t=").partition(",")[0]
    claims = jwt.decode(
        token, key.public_key(), ["ES256"], options={"verify_exp": False, "verify_aud": False}
    )
    assert claims["aud"] == audience


@pytest.mark.parametrize("leads_to", [["127.0.0.1"], ["10.0.0.7"], [PUBLIC_ADDRESS, "::1"]])
def test_a_name_that_leads_into_our_network_is_not_called(
    pushing: Pushing, caplog: pytest.LogCaptureFixture, leads_to: list[str]
) -> None:
    """A name that was judged at the registration may lead elsewhere by now."""
    pushing.addresses = leads_to
    with caplog.at_level(logging.ERROR, logger="mfa_service"):
        opened = pushing.pushed()
    assert [record.__dict__["reason"] for record in caplog.records] == ["private at push.example"]
    assert pushing.service.connected == []
    assert (pushing.state(opened), pushing.keeps_the_address) == ("failed", True)


def test_a_redirect_is_not_followed(pushing: Pushing) -> None:
    pushing.service.answers = [(307, {"Location": f"{ORIGIN}/push/elsewhere"})]
    pushing.pushed()
    assert (len(pushing.service.connected), pushing.service.taken) == (1, [])


def test_an_answer_without_end_is_not_read(pushing: Pushing) -> None:
    pushing.service.answers = [(201, {"X-Padding": "x" * 200_000})]
    opened = pushing.pushed()
    assert pushing.state(opened) == "queued"  # more than the head of an answer may be


@pytest.mark.parametrize("names", [("example.org",), (HOST,)])
def test_nothing_is_told_to_who_cannot_prove_to_be_the_push_service(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    """A certificate for another name, and the right name by an authority that nobody knows."""
    key, authority = new_key(), Authority(names)
    with push_service(tmp_path, world.clock.now, point_of(key), authority) as service:
        believed = authority if names != (HOST,) else Authority()
        monkeypatch.setenv("SSL_CERT_FILE", believed.write_ca(tmp_path / "believed.pem"))
        world.phone(push=service.browser.address)
        pushing = Pushing(world, service, key)
        opened = pushing.pushed()
        assert (service.asked, pushing.state(opened)) == ([], "queued")


def test_nothing_of_address_and_message_is_in_log_or_repr(
    pushing: Pushing, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        pushing.pushed()
        pushing.service.answers = [(403, {})]
        pushing.world.clock.advance(200)
        pushing.pushed()
    told = "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    address = pushing.service.browser.address
    for secret in ("one-browser", address["keys"]["auth"], address["keys"]["p256dh"], "vapid t="):
        assert secret not in told
