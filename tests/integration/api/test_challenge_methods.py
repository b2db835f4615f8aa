"""Which methods a challenge offers, and when no combination of them reaches the level."""

import json
import re
from typing import Any

import pytest

from tests.support.phone import PinKey
from tests.support.problems import fresh_subject, problem
from tests.support.world import AAL1, AAL2, Api, World

PASSWORD = {"prior": {"amr": ["pwd"], "auth_time": 1}, "max_age": 2**40}


@pytest.fixture
def api(shared_world: World) -> Api:
    return shared_world.client()


@pytest.fixture
def sub() -> str:
    return fresh_subject()


@pytest.fixture(scope="module")
def alice(shared_world: World) -> str:
    """Return a subject with a phone, a TOTP and recovery codes."""
    sub = fresh_subject()
    shared_world.phone(sub, pin=PinKey())
    shared_world.totp(sub, reason="test")
    shared_world.recovery_codes(sub, reason="test")
    return sub


def methods_of(challenge: dict[str, Any]) -> list[str]:
    return [offer["method"] for offer in challenge["methods"]]


def test_all_that_the_subject_has_is_offered_by_default(api: Api, alice: str) -> None:
    found = methods_of(api.challenge(alice))
    assert sorted(found) == ["push", "recovery_code", "totp"]


@pytest.mark.parametrize(
    ("asked", "offered"),
    [
        (["totp", "push"], ["totp", "push"]),
        (["push", "totp"], ["push", "totp"]),
        (
            ["recovery_code", "totp", "push", "webauthn"],
            ["recovery_code", "totp", "push"],
        ),
        (["webauthn", "totp"], ["totp"]),
        (["totp", "totp"], ["totp"]),
    ],
    ids="+".join,
)
def test_methods_restrict_and_order_and_names_that_the_subject_lacks_are_ignored(
    api: Api, alice: str, asked: list[str], offered: list[str]
) -> None:
    assert methods_of(api.challenge(alice, methods=asked)) == offered


def test_methods_that_the_subject_lacks_altogether_are_unattainable(api: Api, alice: str) -> None:
    body = {"sub": alice, "methods": ["webauthn"]}
    problem(api.post("/v1/challenges", body), 409, "acr-unattainable")


def test_a_restriction_that_leaves_the_level_out_of_reach_is_unattainable(
    api: Api, alice: str
) -> None:
    body = {"sub": alice, "methods": ["totp", "recovery_code"], "acr_values": [AAL2]}
    problem(api.post("/v1/challenges", body), 409, "acr-unattainable")


def test_the_display_code_has_six_digits_while_push_is_offered(api: Api, alice: str) -> None:
    codes = {api.challenge(alice, methods=["push"])["display_code"] for _ in range(5)}
    assert all(re.fullmatch("[0-9]{6}", code) for code in codes)
    assert len(codes) > 1


def test_there_is_no_display_code_where_no_push_is_offered(api: Api, alice: str) -> None:
    assert "display_code" not in api.challenge(alice, methods=["totp"])


def test_there_is_no_display_code_once_the_challenge_ended(api: Api, alice: str) -> None:
    opened = api.challenge(alice)
    api.call("DELETE", f"/v1/challenges/{opened['id']}")
    assert "display_code" not in api.read(opened["id"])


def test_the_display_code_is_never_sent_to_the_phone(shared_world: World, api: Api) -> None:
    sub = fresh_subject()
    phone = shared_world.phone(sub)
    opened = api.challenge(sub)
    assert opened["display_code"] not in json.dumps(shared_world.fetch(phone, opened["id"]))


@pytest.mark.parametrize(
    "members",
    [
        {"acr_values": ["phr"]},
        {"acr_values": ["phrh", "urn:stepup:acr:aal3"]},
        {"acr_values": ["urn:unknown"]},
        {"acr_values": [""]},
        {"acr_values": [AAL2.upper()]},
    ],
    ids=str,
)
def test_a_level_that_nothing_reaches_is_unattainable(
    api: Api, alice: str, members: dict[str, Any]
) -> None:
    body = {"sub": alice, **members}
    found = problem(api.post("/v1/challenges", body), 409, "acr-unattainable")
    assert set(found["enroll"]) <= {"webauthn"}


@pytest.mark.parametrize("acr", ["phr", "urn:unknown"])
def test_a_voluntary_level_is_never_unattainable(api: Api, alice: str, acr: str) -> None:
    assert api.challenge(alice, acr_values=[acr], essential=False)["status"] == "pending"


def test_one_reachable_level_is_enough(api: Api, alice: str) -> None:
    assert api.challenge(alice, acr_values=["phr", "urn:unknown", AAL2])["status"] == "pending"


@pytest.mark.parametrize(
    ("members", "types"),
    [
        ({}, {"phone", "totp", "recovery_codes"}),
        ({"acr_values": [AAL1]}, {"phone", "totp", "recovery_codes"}),
        ({"acr_values": [AAL2]}, {"phone"}),
        (
            {"acr_values": [AAL2], "prior": {"amr": ["pwd"], "auth_time": 1_795_430_000}},
            {"phone", "totp"},
        ),
        ({"acr_values": ["phr"]}, set[str]()),
        ({"acr_values": ["phr"], "essential": False}, {"phone", "totp", "recovery_codes"}),
    ],
    ids=["nothing asked", "aal1", "aal2", "aal2 after a password", "phr", "phr if possible"],
)
def test_an_unknown_subject_is_unattainable_and_told_what_would_help(
    api: Api, sub: str, members: dict[str, Any], types: set[str]
) -> None:
    body = {"sub": sub, **members}
    found = problem(api.post("/v1/challenges", body), 409, "acr-unattainable")
    assert set(found["enroll"]) - {"webauthn"} == types


def test_a_totp_alone_does_not_reach_aal2_and_a_phone_would_help(
    shared_world: World, api: Api, sub: str
) -> None:
    shared_world.totp(sub)
    body = {"sub": sub, "acr_values": [AAL2]}
    found = problem(api.post("/v1/challenges", body), 409, "acr-unattainable")
    assert set(found["enroll"]) - {"webauthn"} == {"phone"}


def test_a_subject_with_nothing_active_is_unattainable(
    shared_world: World, api: Api, sub: str
) -> None:
    totp = shared_world.totp(sub)
    api.call("PATCH", f"/v1/authenticators/{totp.id}", {"state": "suspended"})
    problem(api.post("/v1/challenges", {"sub": sub}), 409, "acr-unattainable")
