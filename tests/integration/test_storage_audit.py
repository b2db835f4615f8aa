"""The audit: append-only, complete, and without the person's name (ASVS 16.3, S 9.5)."""

from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from tests.support.database import execute, rows
from tests.support.phone import Phone, PinKey
from tests.support.world import World

SUB = "sub-of-a-person-7f3a"
SELECT = "SELECT * FROM audit_event ORDER BY id"


def audited(world: World) -> list[dict[str, Any]]:
    return rows(world, SELECT)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET reason = 'rewritten'",
        "UPDATE audit_event SET at = at + 1 WHERE id = 1",
        "DELETE FROM audit_event",
        "DELETE FROM audit_event WHERE id = 1",
    ],
)
def test_what_was_audited_is_neither_changed_nor_deleted(any_world: World, statement: str) -> None:
    any_world.client()
    before = audited(any_world)
    with pytest.raises(DBAPIError, match="append-only"):
        execute(any_world, statement)
    assert before
    assert audited(any_world) == before


def flow(world: World) -> Phone:
    """Let everything happen that is audited, but for what an administrator does to clients."""
    pin, api = PinKey(), world.client()
    world.recovery_codes(SUB)
    phone = world.phone(SUB, pin=pin, reason="second", push={"provider": "fcm", "token": "t"})
    totp = world.totp(SUB, reason="third")
    challenge = api.challenge(SUB)
    world.approve(phone, challenge, pin=PinKey())
    api.post(f"/v1/challenges/{challenge['id']}/push", {})
    world.approve(phone, challenge, pin=pin)
    for decision in ("deny", "report_fraud"):
        challenge = api.challenge(SUB)
        asked = world.fetch(phone, challenge["id"])
        world.send(phone, challenge["id"], phone.answer(asked, decision))
    challenge = api.challenge(SUB)
    api.call("DELETE", f"/v1/challenges/{challenge['id']}")
    path = f"/v1/authenticators/{totp.id}"
    api.call("PATCH", path, {"label": "Renamed"})
    api.call("PATCH", path, {"state": "suspended"})
    api.call("PATCH", path, {"state": "active", "reason": "found"})
    body = api.enroll(SUB, type="totp", reason="fourth")
    api.confirm(body, code="000000")
    world.device(phone, "PUT", "/v1/device/push", {"provider": "none"})
    api.call("DELETE", path + "?reason=lost")
    return phone


EVENTS = {
    "enroll.start",
    "enroll.claim",
    "enroll.confirm",
    "enroll.fail",
    "challenge.create",
    "challenge.proof",
    "challenge.deny",
    "challenge.report",
    "challenge.cancel",
    "challenge.push",
    "authenticator.rename",
    "authenticator.suspend",
    "authenticator.resume",
    "authenticator.revoke",
    "pin.fail",
    "push.address",
    "recovery.regenerate",
    "admin.override",
    "client.token",
}


def test_a_flow_leaves_its_events(world: World) -> None:
    flow(world)
    assert {row["event"] for row in audited(world)} >= EVENTS


def test_no_row_names_the_person(world: World) -> None:
    flow(world)
    assert not any(SUB in str(value) for row in audited(world) for value in row.values())


def test_rows_about_a_person_have_the_pseudonym(world: World) -> None:
    flow(world)
    user = world.client().get(f"/v1/users?sub={SUB}").get_json()["users"][0]
    about = [row for row in audited(world) if not row["event"].startswith(("client.", "admin.c"))]
    assert {row["user_id"] for row in about} == {user["id"]}


def test_the_log_names_no_person_either(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        flow(world)
    records = "".join(str(vars(record)) for record in caplog.records)
    assert SUB not in caplog.text + records


def test_a_row_says_who_what_when_and_where(world: World) -> None:
    totp = world.totp()
    api = world.client()
    headers = {"X-Request-Id": "request-7"}
    body = {"sub": "alice", "answer": {"method": "totp", "code": totp.next()}}
    api = world.client()
    done = api.post("/v1/challenges", body, headers=headers).get_json()
    row = audited(world)[-1]
    assert (row["event"], row["result"], row["reason"]) == ("challenge.proof", "satisfied", "totp")
    assert (row["client_id"], row["challenge_id"]) == (api.client_id, done["id"])
    assert (row["authenticator_id"], row["at"]) == (totp.id, world.clock.now())
    assert (row["ip"], row["request_id"]) == ("127.0.0.1", "request-7")


@pytest.mark.parametrize("right", [True, False], ids=["accepted", "rejected"])
@pytest.mark.parametrize("method", ["totp", "recovery_code", "push"])
def test_every_try_is_audited_with_its_method(world: World, method: str, right: bool) -> None:
    totp = world.totp()
    codes = world.recovery_codes(reason="second")
    phone = world.phone(reason="third")
    challenge = world.client().challenge()
    if method == "push":
        world.approve(phone, challenge, code=challenge["display_code"] if right else "x")
    else:
        good = totp.next() if method == "totp" else codes[0]
        code = good if right else "wrong"
        world.client().answer(challenge["id"], method, code)
    tries = [row for row in audited(world) if row["event"] == "challenge.proof"]
    assert [(row["result"], row["reason"]) for row in tries] == [
        ("satisfied" if right else "rejected", method)
    ]


def test_what_changes_keys_and_pins_is_audited(world: World) -> None:
    pin = PinKey()
    phone = world.phone(pin=pin)
    raw, signed = phone.pin_change(PinKey(), old=pin)
    world.app.test_client().put(
        "/v1/device/pin",
        data=raw,
        content_type="application/json",
        headers={"Authorization": signed},
    )
    bare = world.phone("bob")
    successor = Phone(bare.issuer, world.clock.now)
    world.device(bare, "POST", "/v1/device/keys", bare.rotation(successor.key))
    assert {row["event"] for row in audited(world)} >= {"pin.change", "key.rotate"}


def test_a_wrong_secret_of_a_client_is_audited(world: World) -> None:
    api = world.client()
    assert world.services.client_authentication.by_secret(api.client_id, "wrong") is None
    row = audited(world)[-1]
    assert (row["event"], row["client_id"]) == ("client.auth_fail", api.client_id)


def test_what_was_rolled_back_is_not_audited(world: World) -> None:
    world.totp()
    before = len(audited(world))
    body = {"sub": "alice", "type": "totp"}
    api = world.client()
    assert api.post("/v1/enrollments", body).status_code == 403
    events = [row["event"] for row in audited(world)[before:]]
    assert "enroll.start" not in events
