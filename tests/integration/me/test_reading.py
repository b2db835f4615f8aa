"""What people read of themselves, and that it is only of themselves."""

from tests.support.authenticator import SoftAuthenticator
from tests.support.forging import slug
from tests.support.me import ORIGIN, PeoplesWorld, Person, peoples_world
from tests.support.world import AAL1


def test_somebody_without_anything_is_answered_and_not_made(
    people: PeoplesWorld, alice: Person
) -> None:
    """A first visit to the page must neither fail nor leave a row behind."""
    assert alice.me() == {
        "id": None,
        "sub": "alice",
        "status": "active",
        "authenticators": [],
        "acr_attainable": "0",
        "recovery_codes_left": 0,
        "passkeys": None,
    }
    assert alice.get("/authenticators").get_json() == {"authenticators": []}
    found = people.world.client().get("/v1/users?sub=alice").get_json()
    assert found == {"users": []}


def test_people_see_what_they_have(people: PeoplesWorld, alice: Person) -> None:
    totp = people.totp(alice, label="Tablet")
    me = alice.me()
    assert [a["label"] for a in me["authenticators"]] == ["Tablet"]
    assert (me["sub"], me["acr_attainable"], me["id"][:4]) == ("alice", AAL1, "usr_")
    assert alice.get("/authenticators").get_json()["authenticators"] == me["authenticators"]
    one = alice.get(f"/authenticators/{totp.id}")
    assert one.get_json() == me["authenticators"][0]
    assert one.headers["Cache-Control"] == "no-store"


def test_people_see_what_a_client_added_for_them(people: PeoplesWorld, alice: Person) -> None:
    totp = people.world.totp("alice")
    assert [a["id"] for a in alice.me()["authenticators"]] == [totp.id]


def test_people_do_not_see_what_others_have(people: PeoplesWorld, alice: Person) -> None:
    totp = people.totp(alice)
    for other in (people.person("bob"), people.person("Alice"), people.person("alice ")):
        assert other.me()["authenticators"] == []
        path = f"/authenticators/{totp.id}"
        assert slug(other.get(path)) == (404, "not-found")
        assert slug(other.call("PATCH", path, {"label": "Mine"})) == (404, "not-found")
        assert slug(other.call("PATCH", path, {"state": "suspended"})) == (404, "not-found")
        assert slug(other.call("DELETE", path)) == (404, "not-found")
    assert alice.me()["authenticators"][0]["state"] == "active"


def test_a_sub_in_the_query_is_not_listened_to(people: PeoplesWorld, alice: Person) -> None:
    people.totp(people.person("bob"))
    assert alice.get("/authenticators?sub=bob").get_json() == {"authenticators": []}


def test_people_learn_which_passkeys_their_browser_may_keep(alice: Person) -> None:
    """With it the page lets the browser forget what was removed (WebAuthn Level 3 §5.1.10)."""
    made, key = alice.enroll(type="webauthn"), SoftAuthenticator()
    credential = key.create(made["publicKey"], origin=ORIGIN)
    assert alice.me()["passkeys"]["allAcceptedCredentialIds"] == []
    alice.confirm(made, credential=credential)
    assert alice.me()["passkeys"] == {
        "rpId": "localhost",
        "userId": made["publicKey"]["user"]["id"],
        "allAcceptedCredentialIds": [credential["id"]],
    }


def test_where_there_are_no_passkeys_nothing_is_said_of_them(sqlite_url: str) -> None:
    with peoples_world(sqlite_url, MFA_ISSUER="https://192.0.2.1", MFA_ORIGINS="") as people:
        alice = people.person()
        people.totp(alice)
        assert alice.me()["passkeys"] is None
