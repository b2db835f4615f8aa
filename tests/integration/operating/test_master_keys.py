"""One master key follows another: what is sealed is sealed anew beside the running service."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from sqlalchemy import text

from mfa_service.domain.errors import ProofRejected, Unauthenticated
from mfa_service.services.devices import SignedRequest
from mfa_service.services.sealed_places import LASTING, PASSING, SEALED
from tests.support.command_line import command_line
from tests.support.database import execute, rows
from tests.support.remote import environment
from tests.support.rolling import (
    CODE,
    NEW,
    ROLLED,
    Household,
    held_by,
    master_key_service,
    same_clients,
    sealed_columns,
)
from tests.support.world import MASTER_KEYS, World, close, make_world

HASHES = {"client.secret_hash", "user.user_code_hash"}
MakeWorld = Callable[[str], World]


@pytest.fixture
def rolled(any_url: str) -> Iterator[MakeWorld]:
    """Return a maker of worlds over one database, of each kind in turn, under these keys."""
    made: list[World] = []

    def make(master_keys: str) -> World:
        made.append(make_world(any_url, MFA_MASTER_KEYS=master_keys))
        return made[-1]

    yield make
    for world in made:
        close(world)


def rewrap(world: World, master_keys: str = ROLLED, **options: Any) -> Any:
    return master_key_service(world, master_keys, **options).rewrap(lambda *_: None)


def mfa(world: World, *arguments: str, keys: str = ROLLED) -> Any:
    env = environment(world.services.settings.database_url) | {"MFA_MASTER_KEYS": keys}
    return command_line(env, "keys", "master", *arguments)


def use_of(world: World, kid: str) -> Any:
    return next(use for use in master_key_service(world).uses() if use.kid == kid)


def test_every_column_of_bytes_is_known_as_sealed() -> None:
    known = {(place.marked.table.name, place.marked.name) for place in SEALED}
    assert known == {(table.name, name) for table, name in sealed_columns()}


def test_every_value_that_is_sealed_or_hashed_is_counted(rolled: MakeWorld) -> None:
    world = rolled(MASTER_KEYS)
    Household.of(world)
    held, use = held_by(world, "k1"), use_of(world, "k1")
    assert set(held) == {place.marked.title for place in SEALED}
    assert use.sealed == held
    assert set(use.lasting) == {marked.title for marked in LASTING} == HASHES
    assert set(use.passing) == {marked.title for marked in PASSING}
    assert use.passing["enrollment.code_hash"] == 1  # of those that can still be claimed


def secrets_hold(before: World, now: World) -> bool:
    """Tell whether every client's secret of before is taken now."""
    by_secret = now.services.client_authentication.by_secret
    apis = [api for api in before._tokens.values() if api.secret]
    return bool(apis) and all(by_secret(api.client_id, api.secret) for api in apis)


def test_after_a_rewrap_everything_opens_under_the_new_key_alone(rolled: MakeWorld) -> None:
    before = rolled(MASTER_KEYS)
    people = Household.of(before)
    published = before.app.test_client().get("/.well-known/jwks.json").data
    held = held_by(before, "k1")
    assert rewrap(before).sealed_anew == held
    assert held_by(before, "k1") == {}
    both = rolled(ROLLED)  # a client's secret and a person's code follow when they are used
    assert secrets_hold(before, both)
    same_clients(before, both)
    people.till.world = both
    people.till.asked(user_code=CODE)
    assert use_of(before, "k1").lasting == {}
    after = rolled(NEW)
    same_clients(before, after)
    assert after.app.test_client().get("/.well-known/jwks.json").data == published
    assert secrets_hold(before, after)
    people.all_open(after)
    people.till.world = after
    people.till.asked(user_code=CODE)
    after.services.outbox.deliver()
    assert {str(message.address) for message in after.senders["fcm"].sent} == {
        str({"token": "of alice"})
    }
    again = {"sub": "fay", "type": "totp"}
    reply = after.client().post("/v1/enrollments", again, headers={"Idempotency-Key": "k"})
    assert (reply.status_code, reply.get_json()["sub"]) == (201, "fay")


def test_the_command_says_when_the_old_key_may_go(rolled: MakeWorld) -> None:
    world = rolled(MASTER_KEYS)
    api = world.client()
    world.totp()
    refused = mfa(world, "rewrap")
    assert (refused.status, refused.out) == (1, "")
    assert "Nothing is sealed under k2 yet" in refused.err
    assert held_by(world, "k2") == {}
    rolled(ROLLED).client().challenge()
    ran = mfa(world, "rewrap")
    assert ran.status == 2
    assert "k1 has to stay in MFA_MASTER_KEYS" in ran.out
    assert "client.secret_hash  1" in ran.out
    assert api.client_id in ran.out
    assert api.secret not in ran.out + ran.err
    both = rolled(ROLLED)
    assert both.services.client_authentication.by_secret(api.client_id, api.secret) is not None
    ran = mfa(world, "rewrap")
    assert (ran.status, ran.out) == (
        0,
        "Sealed anew: 0.\nk1 may be removed from MFA_MASTER_KEYS.\n",
    )
    listed = json.loads(mfa(world, "list", "--json").out)
    assert [(use["kid"], use["removable"]) for use in listed] == [("k2", False), ("k1", True)]


def test_a_secret_that_is_wrong_is_hashed_under_no_key(rolled: MakeWorld) -> None:
    api = rolled(MASTER_KEYS).client()
    both = rolled(ROLLED)
    before = rows(both, "SELECT secret_hash FROM client WHERE id = :id", id=api.client_id)
    assert both.services.client_authentication.by_secret(api.client_id, "wrong") is None
    after = rows(both, "SELECT secret_hash FROM client WHERE id = :id", id=api.client_id)
    assert before == after


def test_without_the_old_key_the_list_says_what_does_not_open(rolled: MakeWorld) -> None:
    world = rolled(MASTER_KEYS)
    world.totp()
    ran = mfa(world, "list", keys=NEW)
    assert "k1  is NOT in MFA_MASTER_KEYS: nothing of this opens" in ran.out
    ran = mfa(world, "rewrap", "--force", keys=NEW)
    assert ran.status == 1
    assert "authenticator.credential: 1 open under no key of MFA_MASTER_KEYS." in ran.out
    assert "k1 is missing in MFA_MASTER_KEYS" in ran.out
    assert set(held_by(world, "k1")) == {"authenticator.credential", "signing_key.sealed"}


def test_what_was_altered_is_left_alone_and_told(rolled: MakeWorld) -> None:
    world = rolled(MASTER_KEYS)
    totp = world.totp()
    world.totp("bob")
    sealed = rows(world, "SELECT credential FROM authenticator WHERE id = :id", id=totp.id)
    altered = bytes(sealed[0]["credential"])[:-1]
    execute(world, "UPDATE authenticator SET credential = :s WHERE id = :id", s=altered, id=totp.id)
    done = rewrap(world)
    assert done.broken == {"authenticator.credential": 1}
    assert done.sealed_anew["authenticator.credential"] == 1
    now = rows(world, "SELECT credential FROM authenticator WHERE id = :id", id=totp.id)
    assert bytes(now[0]["credential"]) == altered


def test_what_is_no_sealed_value_is_counted_by_itself(rolled: MakeWorld) -> None:
    world = rolled(MASTER_KEYS)
    totp = world.totp()
    execute(world, "UPDATE authenticator SET credential = :s WHERE id = :id", s=b"x", id=totp.id)
    ran = mfa(world, "list")
    assert "?  names no key: was written by something else" in ran.out


def test_an_interrupted_run_goes_on_where_it_ended(rolled: MakeWorld) -> None:
    world = rolled(MASTER_KEYS)
    people = Household.of(world)

    def interrupt(title: str, count: int) -> None:
        assert (title, count) == ("signing_key.sealed", 2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        master_key_service(world).rewrap(interrupt)
    assert held_by(world, "k2") == {"signing_key.sealed": 2}
    both = rolled(ROLLED)
    same_clients(world, both)
    people.all_open(both)
    rewrap(world)
    assert held_by(world, "k1") == {}


def test_what_somebody_else_holds_is_left_for_the_next_run(
    postgres_url: str,
) -> None:
    world = make_world(postgres_url)
    totp = world.totp()
    other = world.totp("bob")
    with world.services.foundation.work.transaction() as tx:
        tx.execute(text("UPDATE authenticator SET label = 'x' WHERE id = :id"), {"id": totp.id})
        ran = mfa(world, "rewrap", "--force")
        assert ran.status == 2
        assert "authenticator.credential  1" in ran.out
    assert held_by(world, "k1") == {"authenticator.credential": 1}
    assert other.id
    assert mfa(world, "rewrap").status == 2  # the client's secret
    assert held_by(world, "k1") == {}
    close(world)


def authenticated(world: World, phone: Any, path: str, body: str) -> Any:
    token = phone.authorization("POST", path, body.encode()).removeprefix("Device ")
    return world.services.devices.authenticate(SignedRequest(token, "POST", path, body.encode()))


def test_a_phone_may_change_its_key_while_its_credential_is_sealed_anew(
    rolled: MakeWorld,
) -> None:
    world = rolled(MASTER_KEYS)
    phone = world.phone()
    successor = generate_private_key(SECP256R1())
    token = phone.rotation(successor)
    device = authenticated(world, phone, "/v1/device/keys", token)
    both = rolled(ROLLED)
    rewrap(world)
    both.services.device_keys.rotate(device, token)
    phone.key = successor
    assert both.device(phone, "GET", "/v1/device").status_code == 200


def test_of_two_changes_of_a_phones_key_the_second_is_refused_also_when_sealed_anew(
    rolled: MakeWorld,
) -> None:
    world = rolled(MASTER_KEYS)
    phone = world.phone()
    tokens = [phone.rotation(generate_private_key(SECP256R1())) for _ in range(2)]
    devices = [authenticated(world, phone, "/v1/device/keys", token) for token in tokens]
    both = rolled(ROLLED)
    both.services.device_keys.rotate(devices[0], tokens[0])
    rewrap(world)
    with pytest.raises((ProofRejected, Unauthenticated)):
        both.services.device_keys.rotate(devices[1], tokens[1])


def test_what_a_session_shows_once_is_shown_once_also_when_sealed_anew(
    rolled: MakeWorld,
) -> None:
    world = rolled(MASTER_KEYS)
    people = Household.of(world)
    cookie = people.browser.cookie("stepup-account")
    both = rolled(ROLLED)
    sessions = both.services.account.sessions
    person = sessions.find(cookie)
    assert person is not None
    assert person.session.shown is not None
    enrollment = rows(
        both,
        'SELECT e.id FROM enrollment e JOIN "user" u ON u.id = e.user_id WHERE u.sub = :sub',
        sub="gina",
    )[0]["id"]
    rewrap(world)
    assert sessions.shown(person, enrollment, once=True) != {}
    assert sessions.shown(person, enrollment, once=True) == {}


def test_a_run_is_in_the_audit(rolled: MakeWorld) -> None:
    world = rolled(MASTER_KEYS)
    rewrap(world)
    found = rows(world, "SELECT reason FROM audit_event WHERE event = 'admin.master_rewrap'")
    assert [row["reason"] for row in found] == ["2 sealed under k2"]
    rewrap(world)
    assert len(rows(world, "SELECT id FROM audit_event WHERE event = 'admin.master_rewrap'")) == 1
