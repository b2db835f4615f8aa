"""`mfa serve` alone: a message reaches Google after the request was answered."""

from pathlib import Path

from tests.support.google import google
from tests.support.patience import until
from tests.support.phone import PinKey
from tests.support.processes import start_service
from tests.support.remote import environment, remote_world


def test_a_message_leaves_the_service_itself_and_the_phone_answers_what_it_names(
    sqlite_url: str, tmp_path: Path
) -> None:
    with google(tmp_path) as double:
        env = environment(sqlite_url) | {
            "MFA_FCM_CREDENTIALS": str(double.service_account(tmp_path / "account.json")),
            "HTTPS_PROXY": double.proxy,
            "REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem"),
        }
        with (
            start_service(env, folder=tmp_path, workers=2) as server,
            remote_world(server.url, sqlite_url) as world,
        ):
            phone = world.phone(pin=PinKey(), push={"provider": "fcm", "token": "t"})
            opened = world.client().challenge()
            assert opened["push"] == {"state": "queued"}
            read = f"/v1/challenges/{opened['id']}"
            until(lambda: world.client().get(read).get_json()["push"]["state"] == "accepted")
            assert double.sent[0]["data"]["id"] == opened["id"]
            assert world.approve(phone, opened, pin=phone.pin).get_json() == {"status": "satisfied"}
            assert len(double.sent) == 1
            assert server.stop() == 0
