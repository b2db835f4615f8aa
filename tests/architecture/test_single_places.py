"""What only one module may do: read the environment, read the time, draw randomness."""

import ast
import re

import pytest

from tests.architecture.sources import dotted_names, sources

SERVICE = sources("mfa_service")

ENVIRONMENT = re.compile(r"os\.(environb?|getenvb?)\b.*")
WALL_CLOCK = re.compile(
    r"time\.(time|time_ns|gmtime|localtime)|datetime\.(datetime|date)\.(now|utcnow|today)"
)
RANDOMNESS = re.compile(r"(secrets|random)(\..*)?|os\.urandom|uuid\.uuid[14]")
HIDDEN_STATE = re.compile(r"flask\.(g|signals)(\..*)?|flask\.(\w+_started|\w+_finished)|blinker.*")


def uses_of(banned: re.Pattern[str], *, but_in: str = "") -> list[str]:
    return [
        f"{source.name}:{line}: {name}"
        for source in SERVICE
        if source.name != but_in
        for line, name in dotted_names(source.tree)
        if banned.fullmatch(name)
    ]


def test_only_settings_reads_the_environment() -> None:
    assert uses_of(ENVIRONMENT, but_in="mfa_service/settings.py") == []


def test_only_the_clock_reads_the_time() -> None:
    assert uses_of(WALL_CLOCK, but_in="mfa_service/adapters/clock.py") == []


def test_only_the_randomness_port_draws_random_bytes() -> None:
    assert uses_of(RANDOMNESS, but_in="mfa_service/adapters/randomness.py") == []


def test_requests_keep_no_hidden_state() -> None:
    assert uses_of(HIDDEN_STATE) == []


UPDATE = re.compile(r"sqlalchemy\.update")
NO_STATE_COLUMN = {  # what these change is no state: stored replies, leases
    "mfa_service/services/idempotency.py",
    "mfa_service/services/outbox.py",
}


def test_only_persistence_moves_a_state_column() -> None:
    changing = {use.split(":")[0] for use in uses_of(UPDATE)}
    outside = {name for name in changing if not name.startswith("mfa_service/persistence/")}
    assert outside == NO_STATE_COLUMN


@pytest.mark.parametrize(
    ("code", "banned"),
    [
        ("import os\nos.environ['A']", ENVIRONMENT),
        ("from os import environ as e\ne['A']", ENVIRONMENT),
        ("import os.path\nos.getenv('A')", ENVIRONMENT),
        ("import time as t\nt.time()", WALL_CLOCK),
        ("from datetime import datetime\ndatetime.now()", WALL_CLOCK),
        ("import datetime as dt\ndt.datetime.utcnow()", WALL_CLOCK),
        ("from secrets import token_bytes", RANDOMNESS),
        ("from sqlalchemy import update", UPDATE),
        ("from flask import g", HIDDEN_STATE),
        ("import flask\nflask.g.user = 1", HIDDEN_STATE),
    ],
)
def test_the_scan_finds_what_it_looks_for(code: str, banned: re.Pattern[str]) -> None:
    assert any(banned.fullmatch(name) for _, name in dotted_names(ast.parse(code)))
