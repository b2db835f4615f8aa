"""`mfa keys master rewrap` beside a service that answers, and a start without the old key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.app import create_app
from mfa_service.settings import Settings
from mfa_service.wiring import Ports
from tests.fault.mortal import Person, with_a_phone
from tests.support.keys import quick_key
from tests.support.passkeys import Passkey, enrolled
from tests.support.phone import Phone, PinKey
from tests.support.processes import start_service
from tests.support.programs import Ran, run
from tests.support.remote import WallClock, environment, remote_world
from tests.support.rolling import NEW, ROLLED
from tests.support.world import World, close

BYSTANDERS, ANSWERS = 40, 8


@pytest.fixture
def before(any_url: str) -> Iterator[World]:
    """Return the world of before: everything in it is sealed under the first key."""
    settings = Settings.load(environment(any_url))
    world = World(
        create_app(settings, Ports(WallClock(), SystemRandomness(), {}, new_key=quick_key)),
        WallClock(),
        {},
    )
    world.services.foundation.keys.ensure()
    yield world
    close(world)


def mfa(world: World, folder: Path, *arguments: str) -> Ran:
    env = environment(world.services.settings.database_url) | {"MFA_MASTER_KEYS": ROLLED}
    return run("mfa", "keys", "master", *arguments, folder=folder, env=env)


def token(url: str, pair: tuple[str, str]) -> int:
    form = {"grant_type": "client_credentials"}
    return httpx.post(f"{url}/oauth2/token", data=form, auth=pair).status_code


def crowd(before: World, now: World) -> tuple[list[Person], dict[str, Phone]]:
    """Return people who enrolled before and answer now, and the phones of some of them."""
    now.client()  # made once, before there are several threads that would each make it
    phones = {f"phone {n}": before.phone(f"phone {n}", pin=PinKey()) for n in range(2)}
    people = [with_a_phone(now, sub, phone, ANSWERS) for sub, phone in phones.items()]

    def by_code(challenge: dict[str, Any], code: str) -> int:
        return now.client().answer(challenge["id"], "recovery_code", code).status_code

    return [*people, Person(now, "codes", before.recovery_codes("codes"), by_code)], phones


def test_everything_opens_under_the_new_key_after_a_rewrap_under_load(
    before: World, any_url: str, tmp_path: Path
) -> None:
    env = environment(any_url) | {"MFA_MASTER_KEYS": ROLLED}
    passkey, pair = enrolled(before, "passkey"), (before.client().client_id, before.client().secret)
    for n in range(BYSTANDERS):
        before.client().enroll(f"bystander {n}", type="totp")
    with (
        start_service(env, folder=tmp_path, workers=2) as server,
        remote_world(server.url, any_url, MFA_MASTER_KEYS=ROLLED) as now,
    ):
        people, phones = crowd(before, now)
        for person in people:
            person.start()
        done = json.loads(mfa(before, tmp_path, "rewrap", "--batch", "3", "--json").out)
        for person in people:
            person.join()
        assert done["sealed_anew"]["enrollment.sealed"] >= BYSTANDERS
        assert done["broken"] == {}
        told = [attempt.told for person in people for attempt in person.attempts]
        assert told == [200] * (2 * ANSWERS + 10)
        assert token(server.url, pair) == 200  # which hashes its secret anew
    last = mfa(before, tmp_path, "rewrap", "--json").object
    assert [use["sealed"] for use in last["keys"] if use["kid"] == "k1"] == [{}]
    only_new = environment(any_url) | {"MFA_MASTER_KEYS": NEW}
    with (
        start_service(only_new, folder=tmp_path, workers=1) as server,
        remote_world(server.url, any_url, MFA_MASTER_KEYS=NEW) as after,
    ):
        assert token(server.url, pair) == 200
        answering = Passkey(after.client(), passkey.key, passkey.id)
        assert answering.answer(after.client().challenge("passkey")).status_code == 200
        again = [with_a_phone(after, sub, phone, 1) for sub, phone in phones.items()]
        for person in again:
            person.run()
        assert [person.attempts[0].told for person in again] == [200, 200]
