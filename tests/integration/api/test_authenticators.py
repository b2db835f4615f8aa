"""Reading, renaming, suspending and removing authenticators (contract section 5)."""

from typing import Any

import pyotp
import pytest
from werkzeug.test import TestResponse

from tests.support.forging import slug
from tests.support.phone import PinKey
from tests.support.world import Totp, World

COMMON = {"id", "type", "label", "state", "suspended_by", "created_at", "last_used_at"}


def read(world: World, authenticator_id: str, client: str = "as") -> TestResponse:
    return world.client(client).get(f"/v1/authenticators/{authenticator_id}")


def listed(world: World, sub: str = "alice", client: str = "as") -> list[dict[str, Any]]:
    response = world.client(client).get("/v1/authenticators", query_string={"sub": sub})
    assert set(response.get_json()) == {"authenticators"}
    return list(response.get_json()["authenticators"])


def patch(world: World, authenticator_id: str, **body: Any) -> TestResponse:
    return world.client().call("PATCH", f"/v1/authenticators/{authenticator_id}", body)


def remove(world: World, authenticator_id: str, query: str) -> TestResponse:
    return world.client().call("DELETE", f"/v1/authenticators/{authenticator_id}?{query}")


def test_each_type_has_exactly_its_members(world: World) -> None:
    world.totp()
    world.phone(reason="second", pin=PinKey())
    world.recovery_codes(reason="third")
    found = {row["type"]: set(row) for row in listed(world)}
    assert found == {
        "totp": COMMON,
        "phone": COMMON | {"platform", "pin"},
        "recovery_codes": COMMON | {"codes_left"},
    }


def test_a_fresh_phone_says_what_it_is(world: World) -> None:
    phone = world.phone(pin=PinKey())
    assert listed(world) == [
        {
            "id": phone.device_id,
            "type": "phone",
            "label": "Test phone",
            "state": "active",
            "suspended_by": None,
            "created_at": world.clock.now(),
            "last_used_at": None,
            "platform": "test",
            "pin": "set",
        }
    ]


def test_one_is_read_as_it_is_listed(world: World) -> None:
    totp = world.totp()
    assert read(world, totp.id).get_json() == listed(world)[0]


def test_an_unknown_subject_has_none(world: World) -> None:
    assert listed(world, "nobody") == []


@pytest.mark.parametrize("sub", ["Alice", " alice", "alice ", "ALICE", "alic\u00e9"])
def test_subjects_are_compared_exactly(world: World, sub: str) -> None:
    world.totp("alice")
    assert listed(world, sub) == []


def test_composed_and_decomposed_are_two_subjects(world: World) -> None:
    world.totp("caf\u00e9")
    assert listed(world, "cafe\u0301") == []
    assert len(listed(world, "caf\u00e9")) == 1


@pytest.mark.parametrize("query", ["", "?sub=", f"?sub={'x' * 256}", "?sub=a&sub=a", "?sub=%00"])
def test_a_query_that_does_not_fit_is_422(world: World, query: str) -> None:
    response = world.client().get(f"/v1/authenticators{query}")
    assert slug(response) == (422, "invalid-request")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("kind", ["unknown", "another realm's", "revoked"])
def test_what_is_not_there_is_404(world: World, kind: str, method: str) -> None:
    totp = world.totp()
    if kind == "unknown":
        totp.id = "aut_unknown"
    elif kind == "another realm's":
        totp = world.totp(api=world.client("other", realm="other"))
    else:
        assert remove(world, totp.id, "reason=lost").status_code == 204
    body = {"label": "x"} if method == "PATCH" else None
    query = "?reason=lost" if method == "DELETE" else ""
    response = world.client().call(method, f"/v1/authenticators/{totp.id}{query}", body)
    assert slug(response) == (404, "not-found")


def test_clients_of_a_realm_share_what_is_enrolled(world: World) -> None:
    totp = world.totp()
    assert [row["id"] for row in listed(world, client="second")] == [totp.id]
    assert read(world, totp.id, "second").status_code == 200


def test_clients_of_another_realm_see_nothing(world: World) -> None:
    totp = world.totp()
    world.client("other", realm="other")
    assert listed(world, client="other") == []
    assert slug(read(world, totp.id, "other")) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/authenticators?sub=alice"),
        ("GET", "/v1/authenticators/aut_x"),
        ("PATCH", "/v1/authenticators/aut_x"),
        ("DELETE", "/v1/authenticators/aut_x"),
    ],
)
def test_all_of_it_needs_the_scope(world: World, method: str, path: str) -> None:
    body = {"label": "x"} if method == "PATCH" else None
    response = world.client("reader", ("mfa:challenge",)).call(method, path, body)
    assert slug(response) == (403, "forbidden")


@pytest.fixture
def totp(world: World) -> Totp:
    return world.totp()


@pytest.mark.parametrize("label", ["x", "x" * 64, "Büro 📱"])
def test_renaming_needs_no_step_up(world: World, totp: Totp, label: str) -> None:
    response = patch(world, totp.id, label=label)
    assert (response.status_code, response.get_json()["label"]) == (200, label)
    assert listed(world)[0]["label"] == label


def test_suspending_needs_no_step_up_and_says_who(world: World, totp: Totp) -> None:
    response = patch(world, totp.id, state="suspended")
    body = response.get_json()
    assert (response.status_code, body["state"], body["suspended_by"]) == (
        200,
        "suspended",
        "client",
    )


@pytest.mark.parametrize("state", ["active", "suspended"])
def test_to_the_state_it_has_is_200(world: World, totp: Totp, state: str) -> None:
    if state == "suspended":
        patch(world, totp.id, state=state)
    response = patch(world, totp.id, state=state)
    assert (response.status_code, response.get_json()["state"]) == (200, state)


def test_suspending_again_does_not_change_who_did(world: World, totp: Totp) -> None:
    patch(world, totp.id, state="suspended", reason="reported lost")
    assert patch(world, totp.id, state="suspended").get_json()["suspended_by"] == "admin"


def test_a_suspended_one_proves_nothing_and_is_not_offered(world: World, totp: Totp) -> None:
    world.recovery_codes(reason="second")
    challenge = world.client().challenge()
    patch(world, totp.id, state="suspended")
    answer = world.client().answer(challenge["id"], "totp", totp.next())
    assert (slug(answer), answer.get_json()["attempts_left"]) == ((403, "proof-rejected"), 4)
    methods = [offer["method"] for offer in world.client().challenge()["methods"]]
    assert methods == ["recovery_code"]


def test_a_reactivated_one_works_again(world: World, totp: Totp) -> None:
    patch(world, totp.id, state="suspended")
    response = patch(world, totp.id, state="active", reason="found again")
    assert (response.get_json()["state"], response.get_json()["suspended_by"]) == ("active", None)
    answer = {"method": "totp", "code": totp.next()}
    assert world.client().challenge(answer=answer)["status"] == "satisfied"


def test_a_removed_one_is_listed_no_more_and_proves_nothing(world: World, totp: Totp) -> None:
    world.recovery_codes(reason="second")
    challenge = world.client().challenge()
    assert remove(world, totp.id, "reason=lost").status_code == 204
    assert [row["type"] for row in listed(world)] == ["recovery_codes"]
    answer = world.client().answer(challenge["id"], "totp", totp.next())
    assert slug(answer) == (403, "proof-rejected")


def test_a_removed_one_is_404_when_removed_again(world: World, totp: Totp) -> None:
    remove(world, totp.id, "reason=lost")
    assert slug(remove(world, totp.id, "reason=lost")) == (404, "not-found")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"reason": "x"}, id="only a reason"),
        pytest.param({"label": ""}, id="empty label"),
        pytest.param({"label": "x" * 65}, id="label of 65"),
        pytest.param({"label": "a\u202eb"}, id="bidi override"),
        pytest.param({"label": "a\tb"}, id="tab"),
        pytest.param({"label": None}, id="null label"),
        pytest.param({"state": "revoked"}, id="revoked"),
        pytest.param({"state": "pending"}, id="pending"),
        pytest.param({"state": ""}, id="empty state"),
        pytest.param({"state": True}, id="boolean state"),
        pytest.param({"state": "active", "suspended_by": "limit"}, id="unknown member"),
        pytest.param({"state": "suspended", "reason": "x" * 501}, id="reason of 501"),
        pytest.param({"state": "suspended", "reason": ""}, id="empty reason"),
    ],
)
def test_a_change_that_does_not_fit_is_422(world: World, totp: Totp, body: Any) -> None:
    path = f"/v1/authenticators/{totp.id}"
    assert slug(world.client().call("PATCH", path, body)) == (422, "invalid-request")
    assert listed(world)[0]["state"] == "active"


@pytest.mark.parametrize("query", ["reason=", f"reason={'x' * 501}", "reason=a&reason=b"])
def test_a_removal_that_does_not_fit_is_422(world: World, totp: Totp, query: str) -> None:
    assert slug(remove(world, totp.id, query)) == (422, "invalid-request")
    assert len(listed(world)) == 1


def test_at_most_20_authenticators(world: World) -> None:
    for number in range(20):
        world.totp(reason=f"number {number}")
    body = {"sub": "alice", "type": "totp", "reason": "one more"}
    assert world.client().post("/v1/enrollments", body).status_code == 409
    assert len(listed(world)) == 20


def test_at_most_20_also_when_all_were_begun_before(world: World) -> None:
    begun = [world.client().enroll(type="totp", reason=f"number {n}") for n in range(21)]
    statuses = []
    for enrollment in begun:
        fresh = Totp(world, pyotp.TOTP(enrollment["secret"]))
        statuses.append(world.client().confirm(enrollment, code=fresh.code()).status_code)
    assert statuses == [200] * 20 + [409]
    assert len(listed(world)) == 20


def test_recovery_codes_can_be_replaced_at_20(world: World) -> None:
    world.recovery_codes()
    for number in range(19):
        world.totp(reason=f"number {number}")
    assert len(world.recovery_codes(reason="lost the list")) == 10
    assert len(listed(world)) == 20
