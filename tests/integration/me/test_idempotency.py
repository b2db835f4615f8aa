"""Idempotency keys of people: bound to the person, who shares this service's client with all."""

from tests.support.me import PeoplesWorld, Person

KEY = {"Idempotency-Key": "the-same-for-all"}


def test_a_replay_gets_the_first_answer(alice: Person) -> None:
    first, again = (alice.post("/v1/enrollments", {"type": "totp"}, headers=KEY) for _ in range(2))
    assert first.status_code == 201
    assert (again.get_json(), again.headers["Location"]) == (
        first.get_json(),
        first.headers["Location"],
    )


def test_the_key_of_one_person_tells_another_nothing(people: PeoplesWorld, alice: Person) -> None:
    """Else bob would be handed alice's TOTP secret."""
    mine = alice.post("/v1/enrollments", {"type": "totp"}, headers=KEY).get_json()
    bob = people.person("bob")
    his = bob.post("/v1/enrollments", {"type": "totp"}, headers=KEY).get_json()
    assert (mine["sub"], his["sub"]) == ("alice", "bob")
    assert mine["secret"] != his["secret"]


def test_a_new_token_of_the_same_person_knows_the_key(people: PeoplesWorld, alice: Person) -> None:
    """A token lives for minutes, a key for a day."""
    first = alice.post("/v1/enrollments", {"type": "totp"}, headers=KEY).get_json()
    again = people.person().post("/v1/enrollments", {"type": "totp"}, headers=KEY).get_json()
    assert again == first
