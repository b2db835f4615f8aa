"""How people add authenticators for themselves."""

from typing import Any

import pytest

from tests.support.authenticator import SoftAuthenticator
from tests.support.forging import slug
from tests.support.me import ORIGIN, PeoplesWorld, Person
from tests.support.phone import Phone, PinKey
from tests.support.world import ISSUER, Totp


def test_the_first_one_needs_no_step_up(any_people: PeoplesWorld) -> None:
    alice = any_people.person()
    response = alice.post("/v1/enrollments", {"type": "totp", "label": "Tablet"})
    made = response.get_json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"{ISSUER}/v1/me/enrollments/{made['id']}"
    assert response.headers["Cache-Control"] == "no-store"
    assert (made["sub"], made["state"], made["label"]) == ("alice", "pending", "Tablet")
    assert made["qr_svg"].startswith("<?xml") or made["qr_svg"].startswith("<svg")
    totp = Totp.of_secret(any_people.world, made["secret"])
    done = alice.confirm(made, code=totp.code()).get_json()
    assert done["state"] == "active"
    read = alice.get(f"/enrollments/{made['id']}").get_json()
    assert read == done
    assert "secret" not in read


def test_a_further_one_needs_a_step_up_and_spends_it(any_people: PeoplesWorld) -> None:
    alice = any_people.person()
    totp = any_people.totp(alice)
    body = {"type": "recovery_codes"}
    assert slug(alice.post("/v1/enrollments", body)) == (403, "binding-requires-step-up")
    step_up = any_people.step_up(alice, totp)
    made = alice.post("/v1/enrollments", {**body, "challenge_id": step_up})
    assert len(made.get_json()["codes"]) == 10
    again = alice.post("/v1/enrollments", {**body, "challenge_id": step_up})
    assert slug(again) == (403, "binding-requires-step-up")


def test_a_phone_is_claimed_and_confirmed_with_its_check_code(
    people: PeoplesWorld, alice: Person
) -> None:
    made = alice.enroll(type="phone")
    phone = Phone(ISSUER, people.world.clock.now, PinKey())
    claimed = people.world.claim(phone, made["uri"].rsplit("c=", 1)[1]).get_json()
    assert alice.get(f"/enrollments/{made['id']}").get_json()["state"] == "claimed"
    assert slug(alice.confirm(made, check_code="000000")) == (403, "proof-rejected")
    done = alice.confirm(made, check_code=claimed["check_code"]).get_json()
    assert done["authenticator"]["type"] == "phone"


def test_a_passkey_is_made_on_the_page_of_an_allowed_origin(alice: Person) -> None:
    made = alice.enroll(type="webauthn")
    key = SoftAuthenticator()
    answer = key.create(made["publicKey"], origin=ORIGIN)
    assert alice.confirm(made, credential=answer).get_json()["state"] == "active"


def test_a_passkey_made_elsewhere_is_refused(alice: Person) -> None:
    made = alice.enroll(type="webauthn")
    answer = SoftAuthenticator().create(made["publicKey"], origin="http://localhost:6666")
    assert slug(alice.confirm(made, credential=answer)) == (403, "proof-rejected")


def test_an_enrollment_can_be_given_up(alice: Person) -> None:
    made = alice.enroll(type="totp")
    path = f"/enrollments/{made['id']}"
    assert alice.call("DELETE", path).status_code == 204
    assert alice.call("DELETE", path).status_code == 204
    assert alice.get(path).get_json()["state"] == "expired"


def test_nobody_sees_or_finishes_what_another_person_began(
    people: PeoplesWorld, alice: Person
) -> None:
    """People share this service's client, so it is the person that has to be compared."""
    made, bob = alice.enroll(type="totp"), people.person("bob")
    totp = Totp.of_secret(people.world, made["secret"])
    path = f"/enrollments/{made['id']}"
    assert slug(bob.get(path)) == (404, "not-found")
    assert slug(bob.confirm(made, code=totp.code())) == (404, "not-found")
    assert slug(bob.call("DELETE", path)) == (404, "not-found")
    assert alice.confirm(made, code=totp.code()).status_code == 200


def test_a_client_does_not_see_what_a_person_began(people: PeoplesWorld, alice: Person) -> None:
    made = alice.enroll(type="totp")
    found = people.world.client().get(f"/v1/enrollments/{made['id']}")
    assert slug(found) == (404, "not-found")


@pytest.mark.parametrize(
    "members",
    [{"sub": "alice"}, {"sub": "bob"}, {"reason": "because"}, {"type": None}, {"scope": "x"}],
    ids=str,
)
def test_a_person_says_neither_for_whom_nor_why(alice: Person, members: dict[str, Any]) -> None:
    response = alice.post("/v1/enrollments", {"type": "totp", **members})
    assert slug(response) == (422, "invalid-request")
    assert list(response.get_json()["errors"]) == list(members)
    assert alice.me()["id"] is None
