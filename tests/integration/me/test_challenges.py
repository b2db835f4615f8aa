"""How people prove presence to this service, without any client in between."""

from typing import Any

import pytest

from tests.support.authenticator import SoftAuthenticator
from tests.support.forging import slug
from tests.support.me import ORIGIN, PeoplesWorld, Person
from tests.support.phone import PinKey
from tests.support.world import AAL1, AAL2, ISSUER


def test_a_phone_answers_with_the_code_that_the_page_shows(any_people: PeoplesWorld) -> None:
    alice, pin = any_people.person(), PinKey()
    phone = any_people.phone(alice, pin)
    response = alice.post("/v1/challenges", {"purpose": "manage", "acr_values": [AAL2]})
    opened = response.get_json()
    assert response.headers["Location"] == f"{ISSUER}/v1/me/challenges/{opened['id']}"
    assert (opened["sub"], opened["status"]) == ("alice", "pending")
    asked = any_people.world.fetch(phone, opened["id"])
    assert (asked["client_name"], asked["sub"], asked["purpose"]) == ("Step-up", "alice", "manage")
    assert any_people.world.approve(phone, opened, pin=pin).status_code == 200
    read = alice.get(f"/challenges/{opened['id']}?wait=1").get_json()
    assert (read["status"], read["acr"]) == ("satisfied", AAL2)


def test_a_code_answers(people: PeoplesWorld, alice: Person) -> None:
    totp = people.totp(alice)
    opened = alice.challenge()
    wrong = alice.answer(opened["id"], "totp", totp.wrong())
    assert (slug(wrong), wrong.get_json()["attempts_left"]) == ((403, "proof-rejected"), 4)
    right = alice.answer(opened["id"], "totp", totp.next()).get_json()
    assert (right["status"], right["acr"], right["amr"]) == ("satisfied", AAL1, ["otp"])


def test_a_code_may_come_with_the_question(people: PeoplesWorld, alice: Person) -> None:
    totp = people.totp(alice)
    answer = {"method": "totp", "code": totp.next()}
    assert alice.challenge(purpose="manage", answer=answer)["status"] == "satisfied"


def test_a_passkey_answers_on_the_page_of_an_allowed_origin(alice: Person) -> None:
    key = passkey(alice)
    opened = alice.challenge(purpose="manage")
    path = f"/challenges/{opened['id']}"
    options = alice.post(f"{path}/webauthn").get_json()["publicKey"]
    answer = {"method": "webauthn", "credential": key.get(options, origin=ORIGIN)}
    assert alice.post(f"{path}/answers", answer).get_json()["acr"] == "phr"


def test_a_passkey_used_on_another_page_is_refused(alice: Person) -> None:
    """A page that looks like ours gets an answer for its own origin, which is worth nothing."""
    key = passkey(alice)
    opened = alice.challenge(purpose="manage")
    path = f"/challenges/{opened['id']}"
    options = alice.post(f"{path}/webauthn").get_json()["publicKey"]
    answer = {"method": "webauthn", "credential": key.get(options, origin="https://evil.example")}
    assert slug(alice.post(f"{path}/answers", answer)) == (403, "proof-rejected")


def test_a_phone_can_be_notified_again_until_the_limit(people: PeoplesWorld, alice: Person) -> None:
    people.phone(alice, push={"provider": "fcm", "token": "t"})
    path = f"/challenges/{alice.challenge()['id']}/push"
    assert [alice.post(path).status_code for _ in range(3)] == [202, 202, 429]


def test_a_challenge_can_be_cancelled(people: PeoplesWorld, alice: Person) -> None:
    totp = people.totp(alice)
    opened = alice.challenge()
    path = f"/challenges/{opened['id']}"
    assert alice.call("DELETE", path).status_code == 204
    assert alice.get(path).get_json()["status"] == "cancelled"
    answered = alice.answer(opened["id"], "totp", totp.next())
    assert slug(answered) == (409, "challenge-not-open")


def test_somebody_without_anything_is_told_what_to_add(alice: Person) -> None:
    response = alice.post("/v1/challenges", {"purpose": "manage"})
    assert slug(response) == (409, "acr-unattainable")
    assert "totp" in response.get_json()["enroll"]


@pytest.mark.parametrize(
    "members",
    [
        {"sub": "alice"},
        {"sub": "bob"},
        {"prior": {"amr": ["pwd"], "auth_time": 1_795_430_000}},
        {"return_uri": f"{ISSUER}/account/return"},
        {"state": "s"},
        {"context": {"ip": "192.0.2.1"}},
    ],
    ids=str,
)
def test_a_person_vouches_for_nothing(
    people: PeoplesWorld, alice: Person, members: dict[str, Any]
) -> None:
    """A page that says "password checked" of itself, or whom it asks, is not to be believed."""
    people.totp(alice)
    response = alice.post("/v1/challenges", members)
    assert slug(response) == (422, "invalid-request")
    assert list(response.get_json()["errors"]) == list(members)


@pytest.mark.parametrize(
    ("method", "below", "body"),
    [
        ("GET", "", None),
        ("GET", "?wait=30", None),
        ("DELETE", "", None),
        ("POST", "/push", None),
        ("POST", "/webauthn", None),
        ("POST", "/answers", {"method": "totp", "code": "123456"}),
    ],
)
def test_a_challenge_of_another_person_is_not_there(
    people: PeoplesWorld, alice: Person, method: str, below: str, body: Any
) -> None:
    """And knowing its id costs its owner nothing: no attempt, no push, no end."""
    bob = people.person("bob")
    people.totp(bob)
    opened = bob.challenge()
    refused = alice.call(method, f"/challenges/{opened['id']}{below}", body)
    assert slug(refused) == (404, "not-found")
    assert bob.get(f"/challenges/{opened['id']}").get_json() == opened


def test_a_challenge_of_a_client_is_not_there(people: PeoplesWorld, alice: Person) -> None:
    """What a bank asks alice is answered to the bank, not read by a page of hers."""
    totp = people.totp(alice)
    opened = people.world.client().challenge("alice")
    assert slug(alice.get(f"/challenges/{opened['id']}")) == (404, "not-found")
    answered = alice.answer(opened["id"], "totp", totp.next())
    assert slug(answered) == (404, "not-found")


def test_a_client_does_not_see_what_a_person_asked(people: PeoplesWorld, alice: Person) -> None:
    people.totp(alice)
    opened = alice.challenge()
    found = people.world.client().get(f"/v1/challenges/{opened['id']}")
    assert slug(found) == (404, "not-found")


def passkey(person: Person) -> SoftAuthenticator:
    """Return a passkey that the person added."""
    made, key = person.enroll(type="webauthn"), SoftAuthenticator()
    answer = key.create(made["publicKey"], origin=ORIGIN)
    done = person.confirm(made, credential=answer)
    assert done.status_code == 200, done.text
    return key
