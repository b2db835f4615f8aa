"""What the caller verified before counts when it is a recent password, and in no other case."""

from typing import Any

import pytest

from tests.support.problems import fresh_subject, problem
from tests.support.world import AAL1, AAL2, Api, Totp, World


@pytest.fixture
def sub() -> str:
    return fresh_subject()


@pytest.fixture
def api(shared_world: World) -> Api:
    return shared_world.client()


@pytest.fixture
def totp(shared_world: World, sub: str) -> Totp:
    return shared_world.totp(sub)


def done(api: Api, sub: str, totp: Totp, **members: Any) -> dict[str, Any]:
    """Return the challenge after a right code."""
    opened = api.challenge(sub, **members)
    api = totp.world.client()
    return dict(api.answer(opened["id"], "totp", totp.next()).get_json())


COUNTS = {
    "now": ({}, 0),
    "an hour ago by default": ({}, 3600),
    "at the bound": ({"max_age": 10}, 10),
    "60 s ahead": ({}, -60),
    "60 s ahead of a short max_age": ({"max_age": 1}, -60),
}
COUNTS_NOT = {
    "over an hour ago by default": ({}, 3601),
    "beyond the bound": ({"max_age": 10}, 11),
    "max_age 0 now": ({"max_age": 0}, 0),
    "max_age 0 and ahead": ({"max_age": 0}, -60),
}


@pytest.mark.parametrize(("members", "age"), COUNTS.values(), ids=COUNTS.keys())
def test_a_recent_password_counts(
    api: Api, sub: str, totp: Totp, members: dict[str, Any], age: int
) -> None:
    prior = totp.world.prior(age)
    found = done(api, sub, totp, acr_values=[AAL2], prior=prior, **members)
    assert (found["acr"], found["amr"]) == (AAL2, ["mfa", "otp", "pwd"])
    assert found["acr_satisfied"] == ["0", AAL1, AAL2]


@pytest.mark.parametrize(("members", "age"), COUNTS_NOT.values(), ids=COUNTS_NOT.keys())
def test_an_old_password_does_not_count(
    api: Api, sub: str, totp: Totp, members: dict[str, Any], age: int
) -> None:
    prior = totp.world.prior(age)
    body = {"sub": sub, "acr_values": [AAL2], "prior": prior, **members}
    problem(api.post("/v1/challenges", body), 409, "acr-unattainable")
    found = done(api, sub, totp, prior=prior, **members)
    assert (found["acr"], found["amr"]) == (AAL1, ["otp"])


def test_a_password_more_than_60_seconds_ahead_is_refused(api: Api, sub: str, totp: Totp) -> None:
    body = {"sub": sub, "prior": totp.world.prior(-61)}
    found = problem(api.post("/v1/challenges", body), 422, "invalid-request")
    assert list(found["errors"]) == ["prior.auth_time"]


def test_a_password_far_in_the_past_is_accepted_and_ignored(api: Api, sub: str, totp: Totp) -> None:
    prior = {"amr": ["pwd"], "auth_time": 0}
    assert done(api, sub, totp, prior=prior)["amr"] == ["otp"]


@pytest.mark.parametrize(
    "amr", [["hwk"], ["mfa", "otp"], ["phr", "mca", "pin"], ["PWD"], [" pwd"], []], ids=str
)
def test_other_values_of_amr_are_ignored_and_never_copied(
    api: Api, sub: str, totp: Totp, amr: list[str]
) -> None:
    prior = {"amr": amr, "auth_time": totp.world.clock.now()}
    body = {"sub": sub, "acr_values": [AAL2], "prior": prior}
    problem(api.post("/v1/challenges", body), 409, "acr-unattainable")
    found = done(api, sub, totp, prior=prior)
    assert (found["acr"], found["amr"]) == (AAL1, ["otp"])


def test_pwd_among_other_values_counts_and_only_it_is_copied(
    api: Api, sub: str, totp: Totp
) -> None:
    prior = {"amr": ["hwk", "pwd", "phr", "pwd"], "auth_time": totp.world.clock.now()}
    assert done(api, sub, totp, prior=prior)["amr"] == ["mfa", "otp", "pwd"]


def test_a_password_is_judged_when_the_challenge_is_opened(api: Api, sub: str, totp: Totp) -> None:
    prior = totp.world.prior(3600)
    opened = api.challenge(sub, prior=prior, expires_in=600)
    totp.world.clock.advance(300)
    found = totp.world.client().answer(opened["id"], "totp", totp.code()).get_json()
    assert found["acr"] == AAL2


def test_nothing_that_the_caller_sends_makes_a_password_alone_enough(
    api: Api, sub: str, totp: Totp
) -> None:
    opened = api.challenge(sub, acr_values=["0"], prior=totp.world.prior())
    assert opened["status"] == "pending"
    assert "result_token" not in opened
    assert "acr" not in opened


@pytest.mark.parametrize(
    ("acr_values", "essential", "acr"),
    [
        ([AAL2, AAL1], True, AAL2),
        ([AAL1, AAL2], True, AAL1),
        (["0"], True, "0"),
        (["urn:unknown", AAL1], True, AAL1),
        (["phr", "urn:unknown"], False, AAL2),
        (["phr", AAL1], False, AAL1),
        (None, True, AAL2),
        (None, False, AAL2),
    ],
)
def test_acr_is_the_first_value_asked_for_that_is_satisfied_else_the_highest(
    api: Api, sub: str, totp: Totp, acr_values: list[str] | None, *, essential: bool, acr: str
) -> None:
    asked = {} if acr_values is None else {"acr_values": acr_values}
    prior = totp.world.prior()
    found = done(api, sub, totp, prior=prior, essential=essential, **asked)
    assert found["acr"] == acr
    assert found["acr_satisfied"] == ["0", AAL1, AAL2]
