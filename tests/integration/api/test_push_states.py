"""What becomes of a notification: its states, its content, and that nothing depends on it."""

from dataclasses import asdict, dataclass

import pytest

from mfa_service.domain.ports import PushMessage, PushRejected
from mfa_service.services.outbox import OutboxService
from tests.support.phone import Phone, PinKey
from tests.support.problems import problem
from tests.support.world import AAL2, Api, World

FCM = {"provider": "fcm", "token": "t"}


@pytest.fixture
def api(world: World) -> Api:
    return world.client()


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone(pin=PinKey(), push=FCM)


def push_state(api: Api, challenge_id: str) -> str:
    return str(api.read(challenge_id)["push"]["state"])


@pytest.mark.usefixtures("phone")
def test_a_notification_is_queued_and_then_accepted_by_the_provider(world: World, api: Api) -> None:
    opened = api.challenge()
    assert opened["push"] == {"state": "queued"}
    assert world.senders["fcm"].sent == []
    assert world.services.outbox.deliver() == 1
    assert push_state(api, opened["id"]) == "accepted"


@pytest.mark.usefixtures("phone")
def test_a_notification_is_delivered_once(world: World, api: Api) -> None:
    api.challenge()
    assert [world.services.outbox.deliver() for _ in range(2)] == [1, 0]
    world.clock.advance(60)
    assert world.services.outbox.deliver() == 0
    assert len(world.senders["fcm"].sent) == 1


def test_a_message_carries_an_opaque_handle_and_nothing_else(
    world: World, api: Api, phone: Phone
) -> None:
    opened = api.challenge(
        binding_message="Secret plan", transaction={"to": "DE00"}, context={"ip": "192.0.2.1"}
    )
    world.services.outbox.deliver()
    message = asdict(world.senders["fcm"].sent[0])
    assert set(message) == {"address", "handle", "expires_at"}
    assert message["address"]["token"] == "t"
    assert message["expires_at"] == opened["expires_at"]
    for told in ("alice", "Secret plan", "DE00", "192.0.2.1", opened["display_code"]):
        assert told not in str(message["handle"])
    assert world.fetch(phone, message["handle"])["challenge_id"] == opened["id"]


def test_no_address_and_no_handle_are_in_a_repr(world: World, api: Api, phone: Phone) -> None:
    opened = api.challenge()
    world.services.outbox.deliver()
    shown = repr(world.senders["fcm"].sent[0])
    assert "token" not in shown
    assert opened["id"] not in shown
    assert phone.device_id not in shown


def test_each_phone_gets_its_own_notification(world: World, api: Api, phone: Phone) -> None:
    world.phone(push={"provider": "fcm", "token": "u"}, reason="test")
    opened = api.challenge()
    assert world.services.outbox.deliver() == 2
    assert {str(m.address["token"]) for m in world.senders["fcm"].sent} == {"t", "u"}
    assert push_state(api, opened["id"]) == "accepted"
    assert phone.device_id


def test_a_subject_without_a_phone_is_not_notified(world: World, api: Api) -> None:
    world.totp()
    assert api.challenge()["push"] == {"state": "none"}
    assert world.services.outbox.deliver() == 0


def test_a_phone_that_only_polls_is_not_notified_and_sees_the_challenge(
    world: World, api: Api
) -> None:
    phone = world.phone()
    opened = api.challenge()
    assert opened["push"] == {"state": "none"}
    assert world.fetch(phone, opened["id"])["challenge_id"] == opened["id"]


@pytest.mark.usefixtures("phone")
def test_a_challenge_that_does_not_offer_push_notifies_nobody(world: World, api: Api) -> None:
    world.totp(reason="test")
    assert api.challenge(methods=["totp"])["push"] == {"state": "none"}
    assert world.services.outbox.deliver() == 0


@pytest.mark.usefixtures("phone")
def test_what_is_unattainable_notifies_nobody(world: World, api: Api) -> None:
    body = {"sub": "alice", "acr_values": ["phr"]}
    problem(api.post("/v1/challenges", body), 409, "acr-unattainable")
    assert world.services.outbox.deliver() == 0


def test_a_phone_that_can_complete_no_alternative_is_not_offered_nor_notified(
    world: World, api: Api, phone: Phone
) -> None:
    world.phone(push={"provider": "fcm", "token": "no PIN"}, reason="test")
    opened = api.challenge(acr_values=[AAL2])
    assert [offer["authenticator_id"] for offer in opened["methods"]] == [phone.device_id]
    world.services.outbox.deliver()
    assert [message.address["token"] for message in world.senders["fcm"].sent] == ["t"]


@pytest.mark.usefixtures("phone")
def test_a_provider_that_refuses_for_good_makes_it_failed_and_the_phone_polls_from_then_on(
    world: World, api: Api
) -> None:
    world.senders["fcm"].error = PushRejected("unregistered", gone=True)
    opened = api.challenge()
    world.services.outbox.deliver()
    assert push_state(api, opened["id"]) == "failed"
    api.call("DELETE", f"/v1/challenges/{opened['id']}")
    assert api.challenge()["push"] == {"state": "none"}


@pytest.mark.usefixtures("phone")
def test_a_provider_that_refuses_for_now_is_asked_again(world: World, api: Api) -> None:
    world.senders["fcm"].error = PushRejected("try later")
    opened = api.challenge()
    world.services.outbox.deliver()
    assert push_state(api, opened["id"]) == "queued"
    world.senders["fcm"].error = None
    world.clock.advance(30)
    world.services.outbox.deliver()
    assert push_state(api, opened["id"]) == "accepted"


@pytest.mark.usefixtures("phone")
def test_a_provider_that_goes_on_refusing_makes_it_failed(world: World, api: Api) -> None:
    world.senders["fcm"].error = PushRejected("try later")
    opened = api.challenge(expires_in=600)
    for _ in range(60):
        world.services.outbox.deliver()
        world.clock.advance(10)
    world.services.outbox.deliver()
    assert push_state(world.client(), opened["id"]) == "failed"


@pytest.mark.usefixtures("phone")
def test_nothing_is_sent_once_the_challenge_has_expired(world: World, api: Api) -> None:
    api.challenge(expires_in=30)
    world.clock.advance(30)
    world.services.outbox.deliver()
    assert world.senders["fcm"].sent == []


@pytest.mark.parametrize("state", ["failed", "suppressed"])
def test_a_challenge_without_a_notification_can_still_be_fetched_and_answered(
    world: World, api: Api, phone: Phone, state: str
) -> None:
    if state == "failed":
        world.senders["fcm"].error = PushRejected("unregistered", gone=True)
    else:
        api.challenge()
    opened = api.challenge()
    world.services.outbox.deliver()
    assert push_state(api, opened["id"]) == state
    waiting = world.device(phone, "GET", "/v1/device/challenges").get_json()["challenges"]
    assert waiting
    assert world.approve(phone, opened, pin=phone.pin).get_json() == {"status": "satisfied"}


class Killed(BaseException):
    """The worker dies while it sends: nothing after it runs."""


@dataclass
class Fatal:
    """A provider during whose call the worker dies."""

    provider: str = "fcm"

    def send(self, message: PushMessage) -> None:
        raise Killed


@pytest.mark.usefixtures("phone")
def test_an_outbox_row_that_nobody_finished_comes_back(world: World, api: Api) -> None:
    dying = OutboxService(world.services.foundation, {"fcm": Fatal()})
    api.challenge()
    with pytest.raises(Killed):
        dying.deliver()
    assert world.services.outbox.deliver() == 0
    world.clock.advance(60)
    assert world.services.outbox.deliver() == 1
    assert len(world.senders["fcm"].sent) == 1
