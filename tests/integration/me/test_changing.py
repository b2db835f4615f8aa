"""How people rename, suspend, bring back and remove what is theirs."""

from tests.support.forging import slug
from tests.support.me import PeoplesWorld, Person


def test_renaming_and_suspending_need_no_step_up(any_people: PeoplesWorld) -> None:
    """Whoever sees a stranger at work has to be able to stop it at once (contract section 5)."""
    alice = any_people.person()
    totp = any_people.totp(alice)
    path = f"/authenticators/{totp.id}"
    assert alice.call("PATCH", path, {"label": "Old"}).get_json()["label"] == "Old"
    changed = alice.call("PATCH", path, {"state": "suspended"}).get_json()
    assert (changed["state"], changed["suspended_by"]) == ("suspended", "user")


def test_bringing_back_needs_a_step_up(any_people: PeoplesWorld) -> None:
    alice = any_people.person()
    first = any_people.totp(alice)
    second = any_people.totp(alice, challenge_id=any_people.step_up(alice, first))
    path = f"/authenticators/{second.id}"
    alice.call("PATCH", path, {"state": "suspended"})
    refused = alice.call("PATCH", path, {"state": "active"})
    assert slug(refused) == (403, "binding-requires-step-up")
    step_up = any_people.step_up(alice, first)
    back = alice.call("PATCH", path, {"state": "active", "challenge_id": step_up})
    assert (back.status_code, back.get_json()["state"]) == (200, "active")


def test_removing_needs_a_step_up(any_people: PeoplesWorld) -> None:
    alice = any_people.person()
    totp = any_people.totp(alice)
    path = f"/authenticators/{totp.id}"
    assert slug(alice.call("DELETE", path)) == (403, "binding-requires-step-up")
    step_up = any_people.step_up(alice, totp)
    assert alice.call("DELETE", f"{path}?challenge_id={step_up}").status_code == 204
    assert alice.me()["authenticators"] == []
    assert slug(alice.get(path)) == (404, "not-found")


def test_a_reason_replaces_no_step_up(people: PeoplesWorld, alice: Person) -> None:
    totp = people.totp(alice)
    path = f"/authenticators/{totp.id}"
    refused = alice.call("DELETE", f"{path}?reason=because")
    assert slug(refused) == (403, "binding-requires-step-up")
    refused = alice.call("PATCH", path, {"state": "suspended", "reason": "because"})
    assert slug(refused) == (422, "invalid-request")


def test_a_step_up_of_another_person_permits_nothing(people: PeoplesWorld, alice: Person) -> None:
    totp, bob = people.totp(alice), people.person("bob")
    step_up = people.step_up(bob, people.totp(bob))
    refused = alice.call("DELETE", f"/authenticators/{totp.id}?challenge_id={step_up}")
    assert slug(refused) == (403, "binding-requires-step-up")


def test_a_step_up_that_a_client_asked_for_permits_nothing(
    people: PeoplesWorld, alice: Person
) -> None:
    """Nor does one of this person permit a client anything."""
    totp = people.totp(alice)
    api = people.world.client()
    challenge = api.challenge("alice", purpose="manage")
    assert api.answer(challenge["id"], "totp", totp.next()).status_code == 200
    path = f"/authenticators/{totp.id}?challenge_id="
    refused = alice.call("DELETE", path + str(challenge["id"]))
    assert slug(refused) == (403, "binding-requires-step-up")
    mine = people.step_up(alice, totp)
    refused = api.call("DELETE", f"/v1{path}{mine}")
    assert slug(refused) == (403, "binding-requires-step-up")


def test_a_login_is_no_step_up(people: PeoplesWorld, alice: Person) -> None:
    totp = people.totp(alice)
    challenge = alice.challenge()
    assert alice.answer(challenge["id"], "totp", totp.next()).status_code == 200
    refused = alice.call("DELETE", f"/authenticators/{totp.id}?challenge_id={challenge['id']}")
    assert slug(refused) == (403, "binding-requires-step-up")
