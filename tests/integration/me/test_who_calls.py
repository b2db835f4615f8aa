"""Who may call `/v1/me`: a person with a token of the login issuer, scope `mfa:self`."""

import pytest
from werkzeug.test import TestResponse

from mfa_service.http.me_routes import ME_OPERATIONS
from mfa_service.http.operations import Operation
from mfa_service.services.own_client import own_client_id
from tests.support.forging import slug
from tests.support.me import PeoplesWorld, Person, peoples_world
from tests.support.ports import FakeLogin
from tests.support.world import World, close, make_world

every_operation = pytest.mark.parametrize("operation", ME_OPERATIONS, ids=lambda o: o.name)


def ask(world: World, operation: Operation, authorization: str | None) -> TestResponse:
    path = operation.path.partition("<")[0] + ("x" if "<" in operation.path else "")
    path += operation.path.partition(">")[2]
    headers = {"Authorization": authorization} if authorization else {}
    return world.app.test_client().open(path, method=operation.method, headers=headers, json={})


def test_there_are_operations_for_everything_that_the_contract_names() -> None:
    assert {(o.method, o.path.replace("<id:", "{").replace(">", "}")) for o in ME_OPERATIONS} == {
        ("GET", "/v1/me"),
        ("GET", "/v1/me/authenticators"),
        ("GET", "/v1/me/authenticators/{authenticator_id}"),
        ("PATCH", "/v1/me/authenticators/{authenticator_id}"),
        ("DELETE", "/v1/me/authenticators/{authenticator_id}"),
        ("POST", "/v1/me/enrollments"),
        ("GET", "/v1/me/enrollments/{enrollment_id}"),
        ("DELETE", "/v1/me/enrollments/{enrollment_id}"),
        ("POST", "/v1/me/enrollments/{enrollment_id}/confirm"),
        ("POST", "/v1/me/challenges"),
        ("GET", "/v1/me/challenges/{challenge_id}"),
        ("DELETE", "/v1/me/challenges/{challenge_id}"),
        ("POST", "/v1/me/challenges/{challenge_id}/answers"),
        ("POST", "/v1/me/challenges/{challenge_id}/webauthn"),
        ("POST", "/v1/me/challenges/{challenge_id}/push"),
    }


@every_operation
def test_nobody_is_served_without_a_token(people: PeoplesWorld, operation: Operation) -> None:
    response = ask(people.world, operation, None)
    assert slug(response) == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@every_operation
def test_nobody_is_served_with_a_token_that_the_login_issuer_does_not_know(
    people: PeoplesWorld, operation: Operation
) -> None:
    response = ask(people.world, operation, "Bearer made-up")
    assert slug(response) == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@every_operation
def test_a_client_is_no_person(people: PeoplesWorld, operation: Operation) -> None:
    """An access token of ours, even with every scope, opens nothing here."""
    response = ask(people.world, operation, f"Bearer {people.world.client().token}")
    assert slug(response) == (401, "unauthenticated")


@every_operation
def test_a_token_without_the_scope_is_not_enough(
    people: PeoplesWorld, operation: Operation
) -> None:
    for scope in ("openid", "", "mfa:admin mfa:enroll", "mfa:selfish", "MFA:SELF"):
        person = people.person(scope=scope)
        response = ask(people.world, operation, f"Bearer {person.token}")
        assert slug(response) == (403, "forbidden")
        expected = 'Bearer error="insufficient_scope", scope="mfa:self"'
        assert response.headers["WWW-Authenticate"] == expected


@every_operation
def test_nobody_is_served_while_the_login_issuer_is_down(
    people: PeoplesWorld, alice: Person, operation: Operation
) -> None:
    people.login.down = True
    response = ask(people.world, operation, f"Bearer {alice.token}")
    assert slug(response) == (503, "unavailable")
    assert response.headers["Retry-After"] == "5"


@every_operation
def test_nobody_is_served_where_there_is_no_login_issuer(
    sqlite_url: str, operation: Operation
) -> None:
    login = FakeLogin(tokens={"t": {"sub": "alice", "scope": "mfa:self"}})
    world = make_world(sqlite_url, login)
    try:
        assert slug(ask(world, operation, "Bearer t")) == (401, "unauthenticated")
    finally:
        close(world)


@pytest.mark.parametrize("scope", [None, ["mfa:self"], {"mfa:self": 1}, 5])
def test_a_scope_that_is_no_text_gives_nothing(people: PeoplesWorld, scope: object) -> None:
    people.login.tokens["odd"] = {"sub": "alice", "scope": scope}
    assert slug(Person(people.world.app, "odd", "", "").get(""))[0] == 403


def test_a_person_has_no_power_of_clients(people: PeoplesWorld) -> None:
    """The token opens nothing outside `/v1/me`, whatever scopes the login issuer wrote into it."""
    person = people.person(scope="mfa:self mfa:admin mfa:enroll mfa:challenge")
    headers = {"Authorization": f"Bearer {person.token}"}
    client = people.world.app.test_client()
    for path in ("/v1/users?sub=alice", "/v1/authenticators?sub=alice", "/v1/challenges/x"):
        assert slug(client.get(path, headers=headers)) == (401, "unauthenticated")
    people.totp(person)
    refused = person.call("DELETE", f"/authenticators/{person.me()['authenticators'][0]['id']}")
    assert slug(refused) == (403, "binding-requires-step-up")


def test_people_belong_to_the_realm_of_the_login_issuer(sqlite_url: str) -> None:
    with peoples_world(sqlite_url, MFA_LOGIN_REALM="tenant-7") as people:
        alice = people.person()
        people.totp(alice)
        inside = people.world.client("inside", realm="tenant-7")
        outside = people.world.client("outside")
        assert len(inside.get("/v1/users?sub=alice").get_json()["users"]) == 1
        assert outside.get("/v1/users?sub=alice").get_json()["users"] == []


def test_an_operator_can_stop_people_from_acting_for_themselves(
    people: PeoplesWorld, alice: Person
) -> None:
    alice.me()
    people.world.services.clients.disable(own_client_id("default"))
    assert slug(alice.get("")) == (403, "forbidden")


def test_nobody_can_prove_to_be_this_service(people: PeoplesWorld, alice: Person) -> None:
    alice.me()
    own = own_client_id("default")
    for secret in ("", "None", "null"):
        assert people.world.services.client_authentication.by_secret(own, secret) is None
