"""Schemathesis plays openapi.yaml against the application, as client, phone and person."""

import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
)
from werkzeug.test import Client, EnvironBuilder, TestResponse

from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.app import create_app, services_of
from mfa_service.settings import Settings
from mfa_service.wiring import Ports
from tests.support.me import LOGIN, Person
from tests.support.phone import Phone, PinKey
from tests.support.ports import FakeLogin, FrozenClock
from tests.support.remote import environment
from tests.support.world import World, close

DOCUMENT = Path(__file__).parents[2] / "openapi.yaml"
EXAMPLES = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    # Fixtures are meant to be shared by the examples, and strict patterns filter much.
    suppress_health_check=list(HealthCheck),
)
# A schema cannot say that two members exclude each other, that a URI is registered, or how long
# the canonical form of a transaction is: what it permits may still be refused with 422.
EXCLUDED: list[schemathesis.CheckFunction] = [positive_data_acceptance]

# There are no routes in this world: the gateway has tests of its own.
schema = schemathesis.openapi.from_path(DOCUMENT).exclude(path_regex="^/gateway/")
with_ids = schema.include(path_regex="_id}").exclude(path_regex="^/v1/(device|me)")
of_people = schema.include(path_regex="^/v1/me")
of_phones = schema.include(path_regex="^/v1/device").exclude(path_regex="/claim$")


@schemathesis.serializer("application/jose")
def jose(_: schemathesis.SerializationContext, value: object) -> bytes:
    """Send a compact JWS, or what was made up in its place, as it is."""
    return str(value).encode("utf-8", "surrogatepass")


class PhoneClient(Client):
    """Signs as a phone does, whatever the body is, each request that brings an Authorization."""

    phone: Phone

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        environ = EnvironBuilder(*arguments, **options).get_environ()
        if "HTTP_AUTHORIZATION" not in environ:
            return super().open(environ)
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = BytesIO(body)
        signed = self.phone.authorization(environ["REQUEST_METHOD"], environ["RAW_URI"], body)
        environ["HTTP_AUTHORIZATION"] = signed
        return super().open(environ)


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a service in which nobody waits: a poll would hold up the examples."""
    path = tmp_path_factory.mktemp("schemathesis") / "mfa.db"
    shutil.copy(sqlite_template, path)
    clock = FrozenClock()
    login = FakeLogin(tokens={"alice": {"sub": "alice", "scope": "mfa:self"}})
    ports = Ports(clock, SystemRandomness(), {}, login, waiting_threads=0)
    app = create_app(Settings.load(environment(f"sqlite:///{path}") | LOGIN), ports)
    services_of(app).foundation.keys.ensure()
    made = World(app, clock, {}, login)
    made.totp()
    yield made
    close(made)


@pytest.fixture
def bearer(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.client().token}"}


@pytest.fixture
def ids(world: World) -> dict[str, str]:
    """Return the ids of things that exist, new for each operation."""
    api, reason = world.client(), "stock"
    sub = f"user{world.clock.now()}"
    world.clock.advance(1)
    phone = world.phone(sub, pin=PinKey(), reason=reason)
    (user,) = api.get(f"/v1/users?sub={sub}").get_json()["users"]
    return {
        "challenge_id": api.challenge(sub)["id"],
        "enrollment_id": api.enroll(sub, type="totp", reason=reason)["id"],
        "authenticator_id": phone.device_id,
        "user_id": user["id"],
    }


@pytest.fixture
def person(world: World) -> Person:
    """Return alice, who calls for herself."""
    return Person(world.app, "alice", "", "", "alice")


@pytest.fixture
def own_ids(world: World, person: Person) -> dict[str, str]:
    """Return the ids of what is alice's, new for each operation."""
    for authenticator in person.me()["authenticators"]:
        world.client().call("DELETE", f"/v1/authenticators/{authenticator['id']}?reason=stock")
    totp = world.totp("alice", reason="stock")
    step_up = person.challenge(purpose="manage")["id"]
    person.answer(step_up, "totp", totp.next())
    enrollment = person.enroll(type="totp", challenge_id=step_up)
    return {
        "challenge_id": person.challenge()["id"],
        "enrollment_id": enrollment["id"],
        "authenticator_id": totp.id,
    }


@pytest.fixture
def phone(world: World, ids: dict[str, str]) -> PhoneClient:
    """Return what signs as an enrolled phone that has a challenge to answer."""
    sub = f"owner of {ids['challenge_id']}"
    client = PhoneClient(world.app)
    client.phone = world.phone(sub, pin=PinKey())
    ids["challenge_id"] = world.client().challenge(sub)["id"]
    return client


@schema.parametrize()
@EXAMPLES
def test_a_client_gets_only_what_is_documented(
    case: schemathesis.Case[Any], world: World, bearer: dict[str, str]
) -> None:
    case.call_and_validate(app=world.app, headers=bearer, excluded_checks=EXCLUDED)


@schema.parametrize()
@EXAMPLES
def test_a_stranger_gets_only_what_is_documented(
    case: schemathesis.Case[Any], world: World
) -> None:
    answer = case.call_and_validate(app=world.app, excluded_checks=EXCLUDED)
    assert answer.status_code != 201


@with_ids.parametrize()
@EXAMPLES
def test_a_client_that_names_what_exists_gets_only_what_is_documented(
    case: schemathesis.Case[Any], world: World, bearer: dict[str, str], ids: dict[str, str]
) -> None:
    case.path_parameters = {name: ids[name] for name in case.path_parameters}
    case.call_and_validate(app=world.app, headers=bearer, excluded_checks=EXCLUDED)


@of_phones.parametrize()
@EXAMPLES
def test_a_phone_gets_only_what_is_documented(
    case: schemathesis.Case[Any], world: World, phone: PhoneClient, ids: dict[str, str]
) -> None:
    case.path_parameters = {name: ids[name] for name in case.path_parameters}
    session = cast("Any", phone)  # in-process, a Werkzeug client
    # The made-up Authorization is replaced by a right one, so that check would be misled.
    excluded = [*EXCLUDED, ignored_auth]
    case.call_and_validate(app=world.app, session=session, excluded_checks=excluded)


@of_people.parametrize()
@EXAMPLES
def test_a_person_gets_only_what_is_documented(
    case: schemathesis.Case[Any], world: World, own_ids: dict[str, str]
) -> None:
    case.path_parameters = {name: own_ids[name] for name in case.path_parameters}
    headers = {"Authorization": "Bearer alice"}
    # What the first sends by itself would leave this process.
    excluded = [*EXCLUDED, ignored_auth, *_misled(case)]
    case.call_and_validate(app=world.app, headers=headers, excluded_checks=excluded)


def _misled(case: schemathesis.Case[Any]) -> list[schemathesis.CheckFunction]:
    """Return the check that expects a refusal of what we replaced by something right."""
    assert case.meta is not None
    replaced = {ParameterLocation.PATH, ParameterLocation.HEADER}
    wrong = {place for place, made in case.meta.components.items() if made.mode.is_negative}
    return [negative_data_rejection] if wrong & replaced else []
