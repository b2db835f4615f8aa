"""The service as a client of its own, and callers that may touch one subject only."""

import json

import pytest

from mfa_service.domain.authenticator import State, SuspendedBy
from mfa_service.domain.errors import BindingRequiresStepUp, Forbidden, NotFound
from mfa_service.domain.factor import API, Place
from mfa_service.services.authenticators import Patch
from mfa_service.services.enrollment import EnrollmentRequest
from mfa_service.services.own_client import SCOPES
from mfa_service.services.tokens import Caller
from tests.support.command_line import command_line
from tests.support.phone import PinKey
from tests.support.racing import race
from tests.support.remote import environment
from tests.support.world import ISSUER, World

HERE = Place(API, ())


def person(
    world: World, sub: str = "alice", *, realm: str = "default", proven: bool = True
) -> Caller:
    own = world.services.own_client.of(realm)
    return Caller(own, frozenset(SCOPES), sub=sub, proven=proven)


def test_it_is_made_once_on_first_use(any_world: World) -> None:
    own = any_world.services.own_client
    made = race([lambda: own.of("default")] * 4)
    assert {client.id for client in made} == {"cli_self_default"}
    assert made[0].redirect_uris == (f"{ISSUER}/account/return",)
    assert [c.id for c in any_world.services.clients.all()] == ["cli_self_default"]


def test_each_realm_has_its_own(world: World) -> None:
    own = world.services.own_client
    assert own.of("a").realm == "a"
    assert own.of("a").id != own.of("b").id


def test_nobody_can_prove_to_be_it(world: World) -> None:
    client = world.services.own_client.of("default")
    for secret in ("", "None", client.id):
        assert world.services.client_authentication.by_secret(client.id, secret) is None
    answer = world.app.test_client().post(
        "/oauth2/token", data={"grant_type": "client_credentials"}, auth=(client.id, "x")
    )
    assert answer.status_code == 401


def test_an_operator_can_switch_it_off(world: World) -> None:
    client = world.services.own_client.of("default")
    world.services.clients.disable(client.id)
    with pytest.raises(Forbidden):
        world.services.own_client.of("default")


def test_it_is_listed_as_built_in(world: World, sqlite_url: str) -> None:
    world.services.own_client.of("default")
    env = environment(sqlite_url)
    assert "built in" in command_line(env, "client", "list").out
    (row,) = json.loads(command_line(env, "client", "list", "--json").out)
    assert row["authentication"] is None


def test_a_person_finds_nobody_else(world: World) -> None:
    totp, mallory = world.totp("alice"), person(world, "mallory")
    services = world.services
    assert services.authenticators.of_sub(mallory, "alice") == ()
    assert services.users.by_sub(mallory, "alice") is None
    for attack in (
        lambda: services.authenticators.read(mallory, totp.id),
        lambda: services.authenticators.change(mallory, totp.id, Patch(label="mine")),
        lambda: services.authenticators.remove(mallory, totp.id, challenge_id=None, reason="x"),
        lambda: services.enrollment.start(mallory, EnrollmentRequest("alice", "totp")),
    ):
        with pytest.raises(NotFound):
            attack()


def test_a_person_finds_no_other_persons_enrollment(world: World) -> None:
    services = world.services
    started = services.enrollment.start(person(world), EnrollmentRequest("alice", "phone"))
    for attack in (
        lambda: services.enrollment.read(person(world, "mallory"), started.id),
        lambda: services.enrollment.cancel(person(world, "mallory"), started.id),
        lambda: services.enrollment.confirm(
            person(world, "mallory"), started.id, {"check_code": "000000"}, place=HERE
        ),
    ):
        with pytest.raises(NotFound):
            attack()
    assert services.enrollment.read(person(world), started.id).state == "pending"


def test_a_person_of_the_same_name_in_another_realm_is_another(world: World) -> None:
    totp, other = world.totp("alice"), person(world, "alice", realm="other")
    with pytest.raises(NotFound):
        world.services.authenticators.read(other, totp.id)


def test_what_a_person_suspends_is_suspended_by_the_user(world: World) -> None:
    totp = world.totp()
    found = world.services.authenticators.change(
        person(world), totp.id, Patch(state=State.SUSPENDED)
    )
    assert found.suspended_by is SuspendedBy.USER


@pytest.mark.parametrize("patch", [Patch(state=State.SUSPENDED), Patch(label="Mine")], ids=str)
def test_who_proved_no_factor_changes_nothing_without_a_step_up(world: World, patch: Patch) -> None:
    phone = world.phone(pin=PinKey())
    unproven, change = person(world, proven=False), world.services.authenticators.change
    with pytest.raises(BindingRequiresStepUp):
        change(unproven, phone.device_id, patch)
    (left,) = world.services.authenticators.of_sub(unproven, "alice")
    assert (left.state, left.label) == (State.ACTIVE, "Test phone")
