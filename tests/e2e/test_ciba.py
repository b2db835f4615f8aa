"""A service with two workers pings a client once, and gives it the id token."""

import time
from pathlib import Path

from tests.support.ciba import approve, asker
from tests.support.notified import endpoint
from tests.support.phone import claims_of
from tests.support.processes import start_service
from tests.support.remote import environment, remote_world

TOKEN = "a-token-of-the-client-0123456789"
SECONDS = 30


def test_a_client_is_pinged_once_by_two_workers(sqlite_url: str, tmp_path: Path) -> None:
    with endpoint() as client:
        env = environment(sqlite_url) | {"MFA_NOTIFICATION_HOSTS": client.host}
        metadata = {
            "backchannel_token_delivery_mode": "ping",
            "backchannel_client_notification_endpoint": client.url,
        }
        with (
            start_service(env, folder=tmp_path, workers=2) as server,
            remote_world(server.url, sqlite_url) as world,
        ):
            phone, till = world.phone(), asker(world, metadata=metadata)
            asked = till.asked(client_notification_token=TOKEN)
            assert approve(world, phone, asked).status_code == 200
            until = time.monotonic() + SECONDS
            while not client.received and time.monotonic() < until:
                time.sleep(0.05)
            tokens = till.poll(asked["auth_req_id"])
            assert tokens.status_code == 200, tokens.text
            assert claims_of(tokens.get_json()["id_token"])["sub"] == "alice"
            time.sleep(2.5)  # both loops have looked again
        assert client.auth_req_ids == [asked["auth_req_id"]]
        assert client.tokens == [TOKEN]
