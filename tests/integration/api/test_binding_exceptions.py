"""The binding rule: fraud pause and administrators (contract section 5)."""

from typing import Any

import pyotp
import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from tests.support.forging import slug
from tests.support.phone import Phone, PinKey
from tests.support.world import Totp, World

PIN = PinKey()
REFUSED = (403, "binding-requires-step-up")


def add(world: World, client: str = "as", **permit: Any) -> TestResponse:
    return world.client(client).post("/v1/enrollments", {"sub": "alice", "type": "totp", **permit})


def patch(world: World, authenticator_id: str, **body: Any) -> TestResponse:
    return world.client().call("PATCH", f"/v1/authenticators/{authenticator_id}", body)


def remove(world: World, authenticator_id: str, query: str, client: str = "as") -> TestResponse:
    path = f"/v1/authenticators/{authenticator_id}?{query}"
    return world.client(client).call("DELETE", path)


def report(world: World, phone: Phone) -> None:
    challenge = world.client().challenge()
    shown = world.fetch(phone, challenge["id"])
    world.send(phone, challenge["id"], phone.answer(shown, "report_fraud"))


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone(pin=PIN)


@pytest.fixture
def totp(world: World, phone: Phone) -> Totp:
    assert phone.device_id
    return world.totp(reason="second authenticator")


def audited(world: World, event: str) -> list[dict[str, Any]]:
    with world.services.foundation.work.reading() as tx:
        query = text("SELECT * FROM audit_event WHERE event = :event ORDER BY id")
        return [dict(row) for row in tx.execute(query, {"event": event}).mappings()]


def test_after_a_fraud_report_a_step_up_permits_nothing(
    world: World, phone: Phone, totp: Totp
) -> None:
    before = world.step_up(phone)
    report(world, phone)
    after = world.step_up(phone)
    for challenge_id in (before, after):
        assert slug(add(world, challenge_id=challenge_id)) == REFUSED
        assert slug(remove(world, totp.id, f"challenge_id={challenge_id}")) == REFUSED


def test_after_a_fraud_report_nothing_is_reactivated(
    world: World, phone: Phone, totp: Totp
) -> None:
    patch(world, totp.id, state="suspended")
    report(world, phone)
    response = patch(world, totp.id, state="active", challenge_id=world.step_up(phone))
    assert slug(response) == REFUSED


def test_after_a_fraud_report_anything_may_be_suspended(
    world: World, phone: Phone, totp: Totp
) -> None:
    report(world, phone)
    for authenticator_id in (totp.id, phone.device_id):
        assert patch(world, authenticator_id, state="suspended").status_code == 200


def test_after_a_fraud_report_an_administrator_may_do_everything(
    world: World, phone: Phone, totp: Totp
) -> None:
    report(world, phone)
    assert add(world, reason="identified").status_code == 201
    patch(world, totp.id, state="suspended")
    assert patch(world, totp.id, state="active", reason="identified").status_code == 200
    assert remove(world, totp.id, "reason=identified").status_code == 204


@pytest.mark.parametrize(("seconds", "status"), [(1799, 403), (1800, 201)])
def test_the_pause_lasts_30_minutes(world: World, phone: Phone, seconds: int, status: int) -> None:
    report(world, phone)
    world.clock.advance(seconds)
    assert add(world, challenge_id=world.step_up(phone)).status_code == status


def test_what_was_begun_before_a_report_does_not_become_active_in_the_pause(
    world: World, phone: Phone
) -> None:
    enrollment = add(world, challenge_id=world.step_up(phone)).get_json()
    report(world, phone)
    fresh = Totp(world, pyotp.TOTP(enrollment["secret"]))
    assert slug(world.client().confirm(enrollment, code=fresh.code())) == REFUSED


def test_what_an_administrator_begins_in_the_pause_becomes_active(
    world: World, phone: Phone
) -> None:
    report(world, phone)
    assert world.totp(reason="identified").id.startswith("aut_")


def test_the_pause_holds_for_a_subject_that_became_new(world: World, phone: Phone) -> None:
    report(world, phone)
    assert remove(world, phone.device_id, "reason=stolen").status_code == 204
    assert slug(add(world)) == REFUSED
    world.clock.advance(1800)
    assert add(world).status_code == 201


def test_another_subject_is_not_paused(world: World, phone: Phone) -> None:
    report(world, phone)
    assert world.totp("bob").id.startswith("aut_")


def test_a_reason_does_not_replace_a_step_up_without_the_admin_scope(
    world: World, totp: Totp
) -> None:
    world.client("enroller", ("mfa:enroll",))
    assert slug(add(world, "enroller", reason="please")) == REFUSED
    assert slug(remove(world, totp.id, "reason=please", "enroller")) == REFUSED


def test_the_admin_scope_does_not_replace_a_reason(world: World, totp: Totp) -> None:
    assert slug(add(world)) == REFUSED
    assert slug(remove(world, totp.id, "")) == REFUSED


def test_an_administrator_needs_no_enroll_scope(world: World, totp: Totp) -> None:
    world.client("admin", ("mfa:admin",))
    assert add(world, "admin", reason="identified").status_code == 201
    assert remove(world, totp.id, "reason=identified", "admin").status_code == 204


@pytest.mark.parametrize("reason", ["x", "x" * 500, "Vorgelegt: Personalausweis 🪪"])
def test_a_reason_has_1_to_500_characters(world: World, reason: str) -> None:
    world.totp()
    assert add(world, reason=reason).status_code == 201


def test_what_an_administrator_overrides_is_audited_with_the_reason(
    world: World, totp: Totp
) -> None:
    begin = len(audited(world, "admin.override"))
    add(world, reason="first reason")
    patch(world, totp.id, state="suspended")
    patch(world, totp.id, state="active", reason="second reason")
    remove(world, totp.id, "reason=third+reason")
    rows = audited(world, "admin.override")[begin:]
    user = world.client().get("/v1/users?sub=alice").get_json()["users"][0]
    assert [row["reason"] for row in rows] == ["first reason", "second reason", "third reason"]
    assert {row["client_id"] for row in rows} == {world.client().client_id}
    assert {row["user_id"] for row in rows} == {user["id"]}


def test_the_person_is_told_of_an_override(
    world: World, totp: Totp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    remove(world, totp.id, "reason=identified")
    told = {record.message for record in caplog.records if "notify" in record.message}
    assert told == {"notify: admin.override", "notify: authenticator.revoke"}


def test_an_administrator_replaces_recovery_codes_that_are_lost(world: World) -> None:
    first = world.recovery_codes(reason="first set")
    second = world.recovery_codes(reason="list was lost")
    assert not set(first) & set(second)
