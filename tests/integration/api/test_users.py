"""Users: found by subject, read, and erased (contract section 5)."""

import re
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.forging import slug
from tests.support.phone import PinKey
from tests.support.world import AAL1, AAL2, World

MEMBERS = {"id", "sub", "status", "authenticators", "acr_attainable", "recovery_codes_left"}


def find(world: World, sub: str = "alice", client: str = "as") -> list[dict[str, Any]]:
    response = world.client(client).get("/v1/users", query_string={"sub": sub})
    assert set(response.get_json()) == {"users"}
    return list(response.get_json()["users"])


def erase(world: World, user_id: str, query: str = "?reason=left", client: str = "as") -> Any:
    return world.client(client).call("DELETE", f"/v1/users/{user_id}{query}")


def test_an_unknown_subject_is_an_empty_list(world: World) -> None:
    assert find(world, "nobody") == []


def test_opening_a_challenge_creates_no_user(world: World) -> None:
    world.client().post("/v1/challenges", {"sub": "nobody"})
    assert find(world, "nobody") == []


def test_a_user_is_created_on_first_use(world: World) -> None:
    world.client().enroll(type="totp")
    (user,) = find(world)
    assert set(user) == MEMBERS
    assert user["id"].startswith("usr_")
    assert (user["sub"], user["authenticators"]) == ("alice", [])
    assert (user["acr_attainable"], user["recovery_codes_left"]) == ("0", 0)


def test_a_user_is_read_by_id_as_found_by_subject(world: World) -> None:
    world.totp()
    (user,) = find(world)
    assert world.client().get(f"/v1/users/{user['id']}").get_json() == user
    listed = world.client().get("/v1/authenticators?sub=alice").get_json()["authenticators"]
    assert user["authenticators"] == listed


@pytest.mark.parametrize(
    ("kinds", "acr"),
    [
        ([], "0"),
        (["totp"], AAL1),
        (["recovery_codes"], AAL1),
        (["phone"], AAL1),
        (["phone with PIN"], AAL2),
        (["phone", "totp", "recovery_codes"], AAL1),
        (["phone with PIN", "totp"], AAL2),
    ],
    ids=str,
)
def test_what_is_attainable_counts_no_password(world: World, kinds: list[str], acr: str) -> None:
    world.client().enroll(type="totp")
    for kind in kinds:
        if kind == "totp":
            world.totp(reason=kind)
        elif kind == "recovery_codes":
            world.recovery_codes(reason=kind)
        else:
            world.phone(reason=kind, pin=PinKey() if "PIN" in kind else None)
    assert find(world)[0]["acr_attainable"] == acr


def test_suspended_ones_are_listed_but_attain_nothing(world: World) -> None:
    totp = world.totp()
    world.client().call("PATCH", f"/v1/authenticators/{totp.id}", {"state": "suspended"})
    (user,) = find(world)
    assert (len(user["authenticators"]), user["acr_attainable"]) == (1, "0")


def test_recovery_codes_that_are_left_are_counted(world: World) -> None:
    codes = world.recovery_codes()
    answer = {"method": "recovery_code", "code": codes[3]}
    world.client().challenge(answer=answer)
    assert find(world)[0]["recovery_codes_left"] == 9


def test_realms_have_users_of_their_own(world: World) -> None:
    world.totp()
    other = world.client("other", realm="other")
    (user,) = find(world)
    assert find(world, client="other") == []
    assert slug(other.get(f"/v1/users/{user['id']}")) == (404, "not-found")
    assert slug(erase(world, user["id"], client="other")) == (404, "not-found")
    world.totp(api=other)
    assert find(world, client="other")[0]["id"] != user["id"]


@pytest.mark.parametrize("query", ["", "?sub=", "?sub=a&sub=b", "?sub=%0a"])
def test_a_query_that_does_not_fit_is_422(world: World, query: str) -> None:
    assert slug(world.client().get(f"/v1/users{query}")) == (422, "invalid-request")


@pytest.mark.parametrize("query", ["", "?reason=", f"?reason={'x' * 501}"])
def test_erasing_needs_a_reason(world: World, query: str) -> None:
    world.totp()
    user_id = find(world)[0]["id"]
    assert slug(erase(world, user_id, query)) == (422, "invalid-request")
    assert len(find(world)) == 1


def test_erasing_needs_the_admin_scope(world: World) -> None:
    world.totp()
    user_id = find(world)[0]["id"]
    world.client("enroller", ("mfa:enroll", "mfa:challenge"))
    response = erase(world, user_id, client="enroller")
    assert slug(response) == (403, "forbidden")
    assert 'scope="mfa:admin"' in response.headers["WWW-Authenticate"]


def test_reading_is_permitted_to_both_scopes_and_no_other(world: World) -> None:
    for scope, status in (("mfa:enroll", 200), ("mfa:admin", 200), ("mfa:challenge", 403)):
        response = world.client(scope, (scope,)).get("/v1/users?sub=alice")
        assert response.status_code == status


def full(world: World) -> str:
    """Give alice one of everything, use it, and return her user id."""
    phone = world.phone(
        "alice-erasable",
        pin=PinKey(),
        label="Alices Telefon",
        push={"provider": "fcm", "token": "token-of-alice"},
    )
    totp = world.totp("alice-erasable", reason="second")
    codes = world.recovery_codes("alice-erasable", reason="third")
    api = world.client()
    api.challenge("alice-erasable", answer={"method": "totp", "code": totp.next()})
    api.challenge("alice-erasable", answer={"method": "recovery_code", "code": codes[0]})
    world.approve(phone, api.challenge("alice-erasable"), pin=phone.pin)
    api.enroll("alice-erasable", type="phone", reason="pending one")
    return str(find(world, "alice-erasable")[0]["id"])


def rows_of(world: World, user_id: str) -> dict[str, int]:
    """Count the rows of each table that name the user, or an authenticator of hers."""
    work = world.services.foundation.work
    found = {}
    with work.reading() as tx:
        ids = {user_id, *_authenticators(tx, user_id)}
        for table in _tables(tx):
            rows = [str(tuple(row)) for row in tx.execute(text(f'SELECT * FROM "{table}"'))]
            found[table] = sum(any(id_ in row for id_ in ids) for row in rows)
    return {table: count for table, count in found.items() if count}


def _tables(tx: Any) -> list[str]:
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    return list(tx.scalars(text(names)))


def _authenticators(tx: Any, user_id: str) -> list[str]:
    audit = "SELECT DISTINCT authenticator_id FROM audit_event WHERE user_id = :user"
    return [id_ for id_ in tx.scalars(text(audit), {"user": user_id}) if id_]


def test_erasing_leaves_nothing_but_the_audit(world: World) -> None:
    user_id = full(world)
    before = set(rows_of(world, user_id))
    assert erase(world, user_id).status_code == 204
    after = rows_of(world, user_id)
    assert {"user", "authenticator", "device", "enrollment", "challenge"} <= before
    assert set(after) <= {"audit_event", "seen_token"}


def test_the_erased_subject_is_in_no_table_in_clear(world: World) -> None:
    user_id = full(world)
    erase(world, user_id)
    with world.services.foundation.work.reading() as tx:
        for table in _tables(tx):
            for row in tx.execute(text(f'SELECT * FROM "{table}"')):
                assert not re.search("alice-erasable|Alices Telefon", str(tuple(row))), table


def test_erasing_cancels_what_is_open(world: World) -> None:
    world.totp()
    challenge = world.client().challenge()
    erase(world, find(world)[0]["id"])
    read = world.client().read(challenge["id"])
    assert (read["status"], read["reason"]) == ("cancelled", None)
    assert world.client().answer(challenge["id"], "totp", "123456").status_code == 409


@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_erasing_changes_nothing_that_has_ended(world: World, end: str) -> None:
    world.totp()
    challenge = world.client().challenge()
    if end == "expired":
        world.clock.advance(120)
    else:
        world.client().call("DELETE", f"/v1/challenges/{challenge['id']}")
    erase(world, find(world)[0]["id"])
    response = world.client().get(f"/v1/challenges/{challenge['id']}")
    assert response.status_code == 404 or response.get_json()["status"] == end


def test_an_erased_user_is_gone_for_everybody(any_world: World) -> None:
    phone = any_world.phone()
    user_id = find(any_world)[0]["id"]
    assert erase(any_world, user_id).status_code == 204
    assert find(any_world) == []
    assert slug(any_world.client().get(f"/v1/users/{user_id}")) == (404, "not-found")
    assert slug(erase(any_world, user_id)) == (404, "not-found")
    assert any_world.device(phone, "GET", "/v1/device").status_code == 401


def test_a_pending_enrollment_of_an_erased_user_cannot_be_finished(world: World) -> None:
    enrollment = world.client().enroll(type="phone")
    erase(world, find(world)[0]["id"])
    read = world.client().get(f"/v1/enrollments/{enrollment['id']}")
    assert slug(read) == (404, "not-found")
    code = enrollment["manual_code"].replace("-", "")
    phone = world.phone("bob")
    fresh = type(phone)(phone.issuer, world.clock.now)
    assert slug(world.claim(fresh, code)) == (409, "enrollment-not-open")


def test_the_subject_is_new_after_it_was_erased(world: World) -> None:
    world.totp()
    before = find(world)[0]["id"]
    erase(world, before)
    world.totp()
    assert find(world)[0]["id"] != before


def test_the_audit_keeps_a_pseudonym_and_why(world: World) -> None:
    world.totp()
    user_id = find(world)[0]["id"]
    erase(world, user_id, "?reason=account+closed")
    with world.services.foundation.work.reading() as tx:
        rows = tx.execute(text("SELECT event, user_id, reason FROM audit_event ORDER BY id")).all()
    assert tuple(rows[-1]) == ("admin.user_erase", user_id, "account closed")
    assert {row.event for row in rows if row.user_id == user_id} >= {"enroll.confirm"}


def test_another_user_is_not_touched(world: World) -> None:
    world.totp()
    totp = world.totp("bob")
    erase(world, find(world)[0]["id"])
    answer = {"method": "totp", "code": totp.next()}
    assert world.client().challenge("bob", answer=answer)["status"] == "satisfied"
