"""The sizing model of docs/operating.md: what it computes, and that the page has just that."""

import itertools
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.arrivals import Morning, seconds_to_answer
from benchmarks.sizing import FIGURES, USERS, Assumed, Figures, Flow, markdown, size, take

PAGE = Path(__file__).parents[2] / "docs" / "operating.md"
PHONE = Flow(server=10, database=4, commits=2, challenge=1000, audit=500, log=4000)
CODE = Flow(server=5, database=2, commits=1, challenge=800, audit=400, log=2000)
SEEN = Figures("by nobody", {"totp": 700, "phone": 1300}, {"phone and PIN": PHONE, "TOTP": CODE})
HALF = Assumed(mix=(("phone and PIN", 0.5), ("TOTP", 0.5)))


def test_the_page_has_what_the_model_computes_from_the_measured_figures() -> None:
    assert markdown(Figures.read(FIGURES), Assumed()) in PAGE.read_text("utf-8")


def test_a_million_users_need_what_can_be_reckoned_by_hand() -> None:
    found = size(1_000_000, SEEN, HALF)
    assert found.per_second == pytest.approx(1_000_000 * 0.2 / 3600 * 2.3937, rel=1e-3)
    assert found.service_cores == pytest.approx(found.per_second * 0.0075 / 0.5)
    assert found.database_cores == pytest.approx(found.per_second * 0.003 / 0.5)
    assert (found.hosts, found.primaries) == (2, 1)
    assert found.commits == pytest.approx(found.per_second * 1.5)
    assert found.waiting == pytest.approx(found.per_second * 0.5 * 10)
    assert found.kept == 1_000_000 * (2000 + 30 * 900)
    assert found.audit_per_year == 1_000_000 * 365 * 450
    assert found.log == pytest.approx(found.per_second * 3000)


def test_ten_times_the_users_need_ten_times_as_much_and_never_fewer_hosts() -> None:
    sizes = [size(users, SEEN, HALF) for users in USERS]
    for smaller, larger in itertools.pairwise(sizes):
        assert larger.commits == pytest.approx(10 * smaller.commits)
        assert larger.kept == pytest.approx(10 * smaller.kept)
        assert larger.hosts >= smaller.hosts >= 2
        assert larger.primaries >= smaller.primaries >= 1


def test_one_host_may_be_lost_at_any_size() -> None:
    for users in USERS:
        found = size(users, SEEN, HALF)
        assert (found.hosts - 1) * HALF.cores_of_a_host >= found.service_cores


def test_a_smaller_primary_means_more_of_them() -> None:
    small = replace(HALF, cores_of_a_primary=2)
    assert size(10**8, SEEN, small).primaries > size(10**8, SEEN, HALF).primaries


def test_the_figures_come_from_what_the_benchmarks_write() -> None:
    cpu = {"server_cpu_milliseconds": 5, "database_cpu_milliseconds": 2, "cpu_by_bare": [3.0]}
    told = {"statements": 5, "commits": 1, "operations": []}
    bench: dict[str, Any] = {
        "postgresql": {"flows": {"TOTP": cpu, "bare view": cpu}, "statements": {"TOTP": told}}
    }
    kept = {"challenge": 800.0, "audit": 400.0, "audit_rows": 2.0, "log": 2000.0}
    storage = {"person": {"totp": 700.0}, "flows": {"TOTP": kept}}
    taken = take(bench, storage, "now")
    assert taken["flows"] == {
        "TOTP": {
            "server": 5,
            "database": 2,
            "commits": 1,
            "challenge": 800.0,
            "audit": 400.0,
            "log": 2000.0,
        }
    }
    assert (taken["measured"], taken["person"]) == ("now", {"totp": 700.0})


def test_a_morning_is_a_bell_whose_middle_is_its_peak() -> None:
    morning = Morning(users=60_000, seconds=3600)
    times = morning.times(random.Random(1))
    assert len(times) == 60_000
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= 3600
    in_the_middle = sum(1750 <= at < 1850 for at in times) / 100
    assert in_the_middle == pytest.approx(morning.peak, rel=0.1)
    assert sum(at < 600 for at in times) < 0.05 * len(times)


def test_the_peak_of_a_morning_is_that_of_the_sizing_model() -> None:
    morning = Morning(users=200_000, seconds=3600)  # a fifth of a million in the busiest hour
    assert size(1_000_000, SEEN, HALF).per_second == pytest.approx(morning.peak, rel=0.01)


def test_people_take_some_seconds_and_nobody_takes_for_ever() -> None:
    chance = random.Random(1)
    taken = sorted(seconds_to_answer(chance) for _ in range(2000))
    assert taken[0] > 0
    assert 5 < taken[1000] < 9
    assert taken[-1] <= 25
