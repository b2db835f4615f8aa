"""Pings: each end is told once, to who may be told, and again when it was not taken (§10.2)."""

from collections.abc import Iterator
from typing import Any

import pytest

from mfa_service.background import BackgroundWork
from mfa_service.persistence import pings as statements
from mfa_service.persistence.models import Authorization
from tests.integration.races.rows import column
from tests.support.ciba import Asker, approve, asker, deny
from tests.support.notified import Endpoint, endpoint
from tests.support.patience import SECONDS, until
from tests.support.phone import Phone
from tests.support.racing import race
from tests.support.world import World, close, make_world

TOKEN = "a-token-of-the-client-0123456789"


@pytest.fixture
def client() -> Iterator[Endpoint]:
    with endpoint("/cb?tenant=7") as made:
        yield made


@pytest.fixture
def till(sqlite_url: str, client: Endpoint) -> Iterator[Asker]:
    world = make_world(sqlite_url, MFA_NOTIFICATION_HOSTS=client.host)
    yield pinged(world, client)
    close(world)


@pytest.fixture
def phone(till: Asker) -> Phone:
    return till.world.phone()


def pinged(world: World, client: Endpoint) -> Asker:
    metadata = {
        "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": client.url,
    }
    return asker(world, metadata=metadata)


def asked(till: Asker, **form: str) -> dict[str, Any]:
    return till.asked(client_notification_token=TOKEN, **form)


def deliver(till: Asker) -> None:
    till.world.services.protocols.pings.deliver()


def test_an_approval_is_told_once(till: Asker, client: Endpoint, phone: Phone) -> None:
    taken = asked(till)
    deliver(till)
    assert client.received == []
    approve(till.world, phone, taken)
    deliver(till)
    deliver(till)
    assert client.received == [
        {
            "path": "/cb?tenant=7",
            "host": client.host,
            "authorization": f"Bearer {TOKEN}",
            "type": "application/json",
            "body": {"auth_req_id": taken["auth_req_id"]},
        }
    ]
    assert till.poll(taken["auth_req_id"]).status_code == 200


def test_pings_belong_to_what_a_worker_does(till: Asker, client: Endpoint, phone: Phone) -> None:
    work = BackgroundWork(till.world.services, pause=0.02)
    work.start()
    taken = asked(till)
    approve(till.world, phone, taken)
    until(lambda: client.auth_req_ids == [taken["auth_req_id"]])
    assert work.stop(seconds=SECONDS)
    assert work.stuck() == []


def test_a_no_is_told_too(till: Asker, client: Endpoint, phone: Phone) -> None:
    taken = asked(till)
    deny(till.world, phone)
    deliver(till)
    assert client.auth_req_ids == [taken["auth_req_id"]]


def test_time_that_is_up_is_not_told(till: Asker, client: Endpoint, phone: Phone) -> None:
    """The client knows when that is (`expires_in`)."""
    assert phone.device_id
    asked(till, requested_expiry="30")
    till.world.clock.advance(31)
    till.world.services.housekeeping.run()
    deliver(till)
    assert client.received == []


def test_a_client_that_polls_is_not_told(till: Asker, client: Endpoint, phone: Phone) -> None:
    poller = asker(till.world, "poller")
    approve(till.world, phone, poller.asked())
    deliver(till)
    assert client.received == []


def test_a_ping_that_was_not_taken_comes_again(till: Asker, client: Endpoint, phone: Phone) -> None:
    client.statuses = [500, 401]
    approve(till.world, phone, asked(till))
    for seconds, received in ((0, 1), (4, 1), (1, 2), (9, 2), (1, 3), (3600, 3)):
        till.world.clock.advance(seconds)
        deliver(till)
        assert len(client.received) == received


def test_after_the_fifth_the_client_has_to_poll(
    till: Asker, client: Endpoint, phone: Phone
) -> None:
    client.statuses = [500] * 10
    approve(till.world, phone, asked(till))
    for _ in range(8):
        deliver(till)
        till.world.clock.advance(60)
    assert len(client.received) == 5


def test_a_redirect_is_not_followed(till: Asker, client: Endpoint, phone: Phone) -> None:
    client.statuses = [302]
    approve(till.world, phone, asked(till))
    deliver(till)
    assert [each["path"] for each in client.received] == ["/cb?tenant=7"]
    assert column(till.world, Authorization.ping_at) != [None]


def test_a_process_that_dies_after_the_claim_is_taken_over(
    till: Asker, client: Endpoint, phone: Phone
) -> None:
    approve(till.world, phone, asked(till))
    at = till.world.clock.now()
    with till.world.services.foundation.work.transaction() as tx:
        (row,) = statements.due(tx, at=at, most=8)
        assert statements.claim(tx, row.id, row.pings, again_at=at + 5)
    deliver(till)
    assert client.received == []
    till.world.clock.advance(5)
    deliver(till)
    assert len(client.received) == 1


def test_many_processes_at_once_tell_it_once(till: Asker, client: Endpoint, phone: Phone) -> None:
    approve(till.world, phone, asked(till))
    race([lambda: deliver(till)] * 8)
    assert len(client.received) == 1


def test_a_client_that_is_gone_is_not_told(till: Asker, client: Endpoint, phone: Phone) -> None:
    approve(till.world, phone, asked(till))
    till.world.services.clients.disable(till.id)
    deliver(till)
    till.world.clock.advance(60)
    deliver(till)
    assert client.received == []


def test_a_failed_ping_names_neither_token_nor_query_in_the_log(
    till: Asker, client: Endpoint, phone: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    client.statuses = [503]
    taken = asked(till)
    approve(till.world, phone, taken)
    deliver(till)
    (record,) = [each for each in caplog.records if vars(each).get("event") == "ping"]
    assert vars(record)["reason"] == "status 503"
    told = repr(vars(record))
    assert all(text not in told for text in (TOKEN, "tenant", taken["auth_req_id"]))
