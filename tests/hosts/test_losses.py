"""Two hosts under load lose Redis, a host, its stores, the primary: nothing twice, nothing lost."""

from collections.abc import Iterator

import pytest

from tests.support.phone import claims_of

from .journal import stable
from .scenario import Played, played

PATIENCE = 40.0  # seconds; a bound for a busy machine, not a promise: `make bench-hosts` measures


@pytest.fixture(scope="module")
def seen() -> Iterator[Played]:
    """Return what was seen of all losses; PostgreSQL, nginx and both hosts still run."""
    with played() as found:
        yield found


def test_callers_are_served_again_after_each_loss(seen: Played) -> None:
    told = {each.what: max(each.last_trouble, each.longest_silence) for each in seen.noticed}
    assert len(told) == 7
    assert {what for what, seconds in told.items() if seconds > PATIENCE} == set()


def test_each_kind_of_loss_was_felt(seen: Played) -> None:
    troubled = {each.what for each in seen.noticed if each.troubles}
    assert {"a service host cut off from its stores"} <= troubled
    assert any("the primary killed" in what for what in troubled)


def test_no_proof_is_taken_twice(seen: Played) -> None:
    taken = seen.journal.accepted
    assert len(taken) > 50
    assert {proof: ids for proof, ids in taken.items() if len(ids) > 1} == {}


def test_the_audit_knows_no_more_successes_than_codes_were_shown(seen: Played) -> None:
    query = (
        'SELECT u.sub, count(*) FROM audit_event a JOIN "user" u ON u.id = a.user_id'
        " WHERE a.event = 'challenge.proof' AND a.result = 'satisfied' AND a.reason = 'totp'"
        " GROUP BY u.sub"
    )
    with seen.pair.connect("db-b") as database:
        counted: dict[str, int] = dict(database.execute(query.encode()).fetchall())
    assert counted
    shown = seen.journal.presented
    assert {sub: n for sub, n in counted.items() if n > shown[sub]} == {}


def test_the_audit_knows_one_end_of_each_challenge(seen: Played) -> None:
    query = b"SELECT challenge_id FROM audit_event WHERE result = 'satisfied' ORDER BY 1"
    with seen.pair.connect("db-b") as database:
        ended = [row[0] for row in database.execute(query).fetchall()]
        satisfied = b"SELECT id FROM challenge WHERE status = 'satisfied' ORDER BY 1"
        assert ended == [row[0] for row in database.execute(satisfied).fetchall()]
    assert seen.journal.results.keys() <= set(ended)


def test_each_satisfied_challenge_is_still_what_its_caller_saw(seen: Played) -> None:
    results = seen.journal.results
    assert len(results) > 50
    now = {id_: stable(claims_of(seen.callers.read(id_)["result_token"])) for id_ in results}
    assert now == results
    assert seen.journal.changed == []


def test_every_refusal_meanwhile_says_that_one_may_try_again(seen: Played) -> None:
    assert [trouble.what for trouble in seen.journal.troubles if not trouble.retriable] == []


def test_no_flow_ended_in_a_way_that_it_must_not(seen: Played) -> None:
    assert seen.journal.faults == []


def test_no_process_met_what_it_did_not_expect(seen: Played) -> None:
    lines = seen.service.output().splitlines()
    assert [line for line in lines if "unexpected error" in line or "Traceback" in line] == []
