"""`kill -9` in the middle of answers: nothing works twice, nothing is lost, all can be read."""

import json
import random
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from mfa_service.persistence.models import AuditEvent, Authenticator, Challenge
from tests.fault.mortal import (
    Mortal,
    Person,
    with_a_phone,
    with_one_totp_code,
    with_recovery_codes,
)
from tests.support.phone import PinKey, claims_of
from tests.support.world import World

KILLS = 2
FINAL = {"satisfied", "denied", "expired", "failed", "cancelled"}


def everybody(world: World) -> list[Person]:
    phones = {f"phone{n}": world.phone(f"phone{n}", pin=PinKey()) for n in range(2)}
    return [
        *(with_recovery_codes(world, f"codes{n}") for n in range(2)),
        *(with_one_totp_code(world, f"totp{n}") for n in range(2)),
        *(with_a_phone(world, sub, phone, times=25) for sub, phone in phones.items()),
    ]


@pytest.fixture(scope="module")
def people(mortal: Mortal) -> list[Person]:
    """Return people whose service was killed several times while they answered."""
    found, chance = everybody(mortal.world), random.Random(4711)
    for person in found:
        person.start()
    for _ in range(KILLS):
        mortal.kill_after(chance.uniform(0.1, 0.4))
    for person in found:
        person.join(timeout=120)
        assert not person.is_alive()
    return found


def rows(world: World) -> list[Any]:
    with world.services.foundation.work.reading() as tx:
        return list(tx.execute(select(Challenge.__table__)))


def state_of(world: World) -> dict[str, str]:
    return {row.id: row.status for row in rows(world)}


def impossible(row: Any) -> bool:
    """Tell whether a challenge is in a state that nothing may lead to."""
    proofs = json.loads(row.proofs)
    return (
        row.status not in FINAL | {"pending"}
        or not 0 <= row.attempts_left <= 5
        or (row.status in FINAL) != (row.ended_at is not None)
        or (row.status == "satisfied") != bool(proofs)
        or bool(proofs) != (row.auth_time is not None)
    )


def test_the_kills_hit_answers_that_were_on_their_way(people: list[Person]) -> None:
    unknown = [a for person in people for a in person.attempts if a.told is None]
    assert 1 <= len(unknown) <= KILLS * len(people)


@pytest.mark.usefixtures("people")
def test_no_challenge_is_in_an_impossible_state(mortal: Mortal) -> None:
    assert [row.id for row in rows(mortal.world) if impossible(row)] == []


def test_no_proof_satisfied_two_challenges(mortal: Mortal, people: list[Person]) -> None:
    state = state_of(mortal.world)
    for person in people:
        satisfied = (a for a in person.attempts if state[a.challenge_id] == "satisfied")
        assert set(Counter(a.proof for a in satisfied).values()) == {1}, person.sub


def test_an_answer_that_was_told_was_kept(mortal: Mortal, people: list[Person]) -> None:
    state = state_of(mortal.world)
    told = [a.challenge_id for person in people for a in person.attempts if a.told == 200]
    assert {state[challenge_id] for challenge_id in told} == {"satisfied"}


def test_every_challenge_and_its_result_can_be_read(mortal: Mortal, people: list[Person]) -> None:
    api, state = mortal.world.client(), state_of(mortal.world)
    for attempt in (a for person in people for a in person.attempts):
        found = api.read(attempt.challenge_id)
        assert found["status"] == state[attempt.challenge_id]
        if found["status"] == "satisfied":
            assert claims_of(found["result_token"])["txn"] == attempt.challenge_id


def test_a_recovery_code_is_spent_only_if_its_challenge_is_satisfied(
    mortal: Mortal, people: list[Person]
) -> None:
    api, state = mortal.world.client(), state_of(mortal.world)
    for person in people[:2]:
        for attempt in person.attempts:
            again = api.answer(api.challenge(person.sub)["id"], "recovery_code", attempt.proof)
            spent = state[attempt.challenge_id] == "satisfied"
            assert again.status_code == (403 if spent else 200), person.sub
        (user,) = api.get(f"/v1/users?sub={person.sub}").get_json()["users"]
        assert user["recovery_codes_left"] == 0


@pytest.mark.usefixtures("people")
def test_no_counter_ran_away(mortal: Mortal) -> None:
    with mortal.world.services.foundation.work.reading() as tx:
        failures = list(tx.scalars(select(Authenticator.failures)))
    assert all(0 <= count <= 20 for count in failures)


@pytest.mark.usefixtures("people")
def test_the_audit_knows_one_end_of_each_challenge(mortal: Mortal) -> None:
    satisfied = AuditEvent.result == "satisfied"
    with mortal.world.services.foundation.work.reading() as tx:
        ends = [str(id_) for id_ in tx.scalars(select(AuditEvent.challenge_id).where(satisfied))]
    state = state_of(mortal.world)
    assert sorted(ends) == sorted(id_ for id_, status in state.items() if status == "satisfied")
