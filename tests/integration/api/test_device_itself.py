"""What a phone may know of itself, and how it removes itself (contract section 6)."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from tests.support.forging import slug
from tests.support.phone import PinKey
from tests.support.world import ISSUER, World, close, make_world

APP = "https://app.example.org"


def listed(world: World, sub: str = "alice") -> list[dict[str, object]]:
    found = world.client().get(f"/v1/authenticators?sub={sub}").get_json()["authenticators"]
    return list(found)


def test_a_phone_reads_exactly_this_of_itself(world: World) -> None:
    phone = world.phone(pin=PinKey(), label="Work phone", push={"provider": "fcm", "token": "t"})
    assert world.device(phone, "GET", "/v1/device").get_json() == {
        "device_id": phone.device_id,
        "sub": "alice",
        "issuer": ISSUER,
        "state": "active",
        "label": "Work phone",
        "pin": "set",
        "push": {"provider": "fcm"},
    }


def test_a_renamed_phone_reads_its_new_label(world: World) -> None:
    phone = world.phone()
    world.client().call("PATCH", f"/v1/authenticators/{phone.device_id}", {"label": "New"})
    assert world.device(phone, "GET", "/v1/device").get_json()["label"] == "New"


def test_a_phone_that_removes_itself_is_listed_as_suspended_by_the_user(world: World) -> None:
    phone = world.phone()
    response = world.device(phone, "DELETE", "/v1/device")
    assert (response.status_code, response.data) == (204, b"")
    assert [(a["state"], a["suspended_by"]) for a in listed(world)] == [("suspended", "user")]


def test_a_removed_phone_gets_no_notification(world: World) -> None:
    world.totp()
    phone = world.phone(push={"provider": "fcm", "token": "t"}, reason="second authenticator")
    world.device(phone, "DELETE", "/v1/device")
    challenge = world.client().challenge()
    world.services.outbox.deliver()
    assert world.senders["fcm"].sent == []
    assert [offer["method"] for offer in challenge["methods"]] == ["totp"]


def test_what_was_pending_for_a_removed_phone_is_not_answered_by_it(world: World) -> None:
    phone, api = world.phone(), world.client()
    challenge = api.challenge()
    token = phone.answer(world.fetch(phone, challenge["id"]), code=challenge["display_code"])
    world.device(phone, "DELETE", "/v1/device")
    assert world.send(phone, challenge["id"], token).status_code == 401
    assert api.read(challenge["id"])["status"] == "pending"


@pytest.mark.parametrize("admin", [False, True], ids=["with a step-up", "by an administrator"])
def test_a_phone_that_removed_itself_never_comes_back(world: World, admin: bool) -> None:
    gone, other = world.phone(), world.phone(reason="second phone")
    world.device(gone, "DELETE", "/v1/device")
    permit = {"reason": "found it"} if admin else {"challenge_id": world.step_up(other)}
    path = f"/v1/authenticators/{gone.device_id}"
    response = world.client().call("PATCH", path, {"state": "active", **permit})
    assert slug(response) == (409, "authenticator-not-active")


@pytest.fixture(scope="module")
def app_world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("apps") / "mfa.db"
    shutil.copy(sqlite_template, path)
    made = make_world(f"sqlite:///{path}", MFA_APP_ORIGINS=f"{APP},http://localhost:5173")
    yield made
    close(made)


def preflight(world: World, path: str, origin: str, method: str = "POST") -> TestResponse:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return world.app.test_client().open(path, method="OPTIONS", headers=headers)


def words(header: str | None) -> set[str]:
    return {word.strip().lower() for word in (header or "").split(",")}


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/device", "GET"),
        ("/v1/device", "DELETE"),
        ("/v1/device/push", "PUT"),
        ("/v1/device/pin", "PUT"),
        ("/v1/device/keys", "POST"),
        ("/v1/device/challenges", "GET"),
        ("/v1/device/challenges/chl_x", "GET"),
        ("/v1/device/challenges/chl_x/answer", "POST"),
        ("/v1/device/enrollments/claim", "POST"),
    ],
)
@pytest.mark.parametrize("origin", [APP, "http://localhost:5173"])
def test_a_preflight_of_an_app_is_allowed(
    app_world: World, path: str, method: str, origin: str
) -> None:
    response = preflight(app_world, path, origin, method)
    assert response.status_code in {200, 204}
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert method.lower() in words(response.headers["Access-Control-Allow-Methods"])
    allowed = words(response.headers["Access-Control-Allow-Headers"])
    assert {"authorization", "content-type"} <= allowed
    assert "origin" in words(response.headers["Vary"])


OTHERS = {
    "another origin": "https://evil.example",
    "null": "null",
    "another scheme": "http://app.example.org",
    "another port": f"{APP}:8443",
    "a longer name": f"{APP}.evil.example",
    "a subdomain": "https://x.app.example.org",
    "upper case": APP.upper(),
}


@pytest.mark.parametrize("origin", OTHERS.values(), ids=OTHERS)
def test_a_preflight_of_anybody_else_is_not_allowed(app_world: World, origin: str) -> None:
    response = preflight(app_world, "/v1/device/push", origin, "PUT")
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Access-Control-Allow-Methods" not in response.headers


def test_an_app_may_read_answers_and_the_date(app_world: World) -> None:
    phone = app_world.phone()
    headers = {"Authorization": phone.authorization("GET", "/v1/device"), "Origin": APP}
    response = app_world.app.test_client().get("/v1/device", headers=headers)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == APP
    assert "date" in words(response.headers["Access-Control-Expose-Headers"])
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_an_app_may_read_refusals(app_world: World) -> None:
    response = app_world.app.test_client().get("/v1/device", headers={"Origin": APP})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == APP


@pytest.mark.parametrize("path", ["/v1/users?sub=alice", "/v1/challenges", "/oauth2/token"])
def test_nothing_else_is_open_to_apps(app_world: World, path: str) -> None:
    response = app_world.app.test_client().get(path, headers={"Origin": APP})
    assert "Access-Control-Allow-Origin" not in response.headers


def test_without_configured_origins_nobody_is_allowed(world: World) -> None:
    response = preflight(world, "/v1/device", APP, "GET")
    assert "Access-Control-Allow-Origin" not in response.headers
