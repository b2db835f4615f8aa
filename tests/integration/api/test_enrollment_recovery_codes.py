"""Recovery codes: ten, shown once, each good once, an old set dead at once (contract 4, 5)."""

import re
from typing import Any

import pytest

from tests.support.forging import slug
from tests.support.world import World

SHAPE = re.compile("[0-9A-HJKMNP-TV-Z]{2}(-[0-9A-HJKMNP-TV-Z]{4}){4}")


def accepted(world: World, code: str, sub: str = "alice") -> bool:
    """Tell whether a code is taken."""
    answer = {"method": "recovery_code", "code": code}
    return str(world.client().challenge(sub, answer=answer)["status"]) == "satisfied"


def left(world: World) -> int:
    user = world.client().get("/v1/users?sub=alice").get_json()["users"][0]
    (only,) = user["authenticators"]
    assert only["codes_left"] == user["recovery_codes_left"]
    return int(user["recovery_codes_left"])


def listed(world: World) -> list[str]:
    found = world.client().get("/v1/authenticators?sub=alice").get_json()["authenticators"]
    return [row["id"] for row in found]


def test_there_are_ten_of_the_right_form(world: World) -> None:
    codes = world.recovery_codes()
    assert len(set(codes)) == len(codes) == 10
    assert all(SHAPE.fullmatch(code) for code in codes)
    assert len({code[:2] for code in codes}) == 10


def test_no_other_call_shows_them(world: World) -> None:
    api = world.client()
    enrollment = api.enroll(type="recovery_codes")
    seen = [
        api.get(f"/v1/enrollments/{enrollment['id']}"),
        api.get(f"/v1/authenticators/{enrollment['authenticator']['id']}"),
        api.get("/v1/users?sub=alice"),
    ]
    assert not any(code in response.text for response in seen for code in enrollment["codes"])


def test_each_is_good_once(world: World) -> None:
    codes = world.recovery_codes()
    counts = []
    for code in codes:
        assert accepted(world, code)
        counts.append(left(world))
    assert counts == list(range(9, -1, -1))


def test_a_used_one_is_refused(world: World) -> None:
    codes = world.recovery_codes()
    assert accepted(world, codes[0])
    assert not accepted(world, codes[0])
    assert left(world) == 9


def test_an_empty_set_is_not_offered_and_attains_nothing(world: World) -> None:
    for code in world.recovery_codes():
        assert accepted(world, code)
    response = world.client().post("/v1/challenges", {"sub": "alice"})
    assert slug(response) == (409, "acr-unattainable")
    user = world.client().get("/v1/users?sub=alice").get_json()["users"][0]
    assert user["acr_attainable"] == "0"


CHANGES: dict[str, Any] = {
    "in lower case": str.lower,
    "without dashes": lambda code: code.replace("-", ""),
    "with spaces": lambda code: code.replace("-", " "),
    "with O for 0": lambda code: code.replace("0", "O"),
    "with o for 0": lambda code: code.replace("0", "o"),
    "with I for 1": lambda code: code.replace("1", "I"),
    "with l for 1": lambda code: code.replace("1", "l"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_how_it_is_typed_is_forgiven(world: World, change: Any) -> None:
    assert accepted(world, change(world.recovery_codes()[0]))


BAD: dict[str, Any] = {
    "the secret of another": lambda codes: codes[0][:2] + codes[1][2:],
    "the selector alone": lambda codes: codes[0][:2],
    "one short": lambda codes: codes[0][:-1],
    "one long": lambda codes: codes[0] + "0",
    "one off": lambda codes: codes[0][:-1] + ("0" if codes[0][-1] != "0" else "2"),
    "an unknown selector": lambda codes: (
        next(
            a + b
            for a in "0123456789"
            for b in "0123456789"
            if a + b not in {code[:2] for code in codes}
        )
        + codes[0][2:]
    ),
    "empty": lambda _: "",
    "with U, which is no Crockford character": lambda codes: "U" + codes[0][1:],
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_wrong_one_is_refused_and_none_is_used_up(world: World, make: Any) -> None:
    assert not accepted(world, make(world.recovery_codes()))
    assert left(world) == 10


def test_the_code_of_another_subject_is_refused(world: World) -> None:
    world.recovery_codes("alice")
    codes = world.recovery_codes("bob")
    assert not accepted(world, codes[0], "alice")
    assert accepted(world, codes[0], "bob")


def test_a_new_set_ends_the_old_one_at_once(any_world: World) -> None:
    old = any_world.recovery_codes()
    before = listed(any_world)
    challenge = any_world.client().challenge()
    new = any_world.recovery_codes(reason="lost the list")
    assert len(listed(any_world)) == 1
    assert listed(any_world) != before
    by_old = any_world.client().answer(challenge["id"], "recovery_code", old[0])
    assert slug(by_old) == (403, "proof-rejected")
    assert not accepted(any_world, old[1])
    assert accepted(any_world, new[0])


def test_a_new_set_after_a_step_up_with_an_old_code(world: World) -> None:
    old = world.recovery_codes()
    answer = {"method": "recovery_code", "code": old[0]}
    step_up = world.client().challenge(purpose="manage", answer=answer)
    new = world.recovery_codes(challenge_id=step_up["id"])
    assert not accepted(world, old[1])
    assert accepted(world, new[0])


def test_a_refused_new_set_leaves_the_old_one_alive(world: World) -> None:
    old = world.recovery_codes()
    body = {"sub": "alice", "type": "recovery_codes"}
    response = world.client().post("/v1/enrollments", body)
    assert slug(response) == (403, "binding-requires-step-up")
    assert accepted(world, old[0])


def test_a_used_code_is_audited_and_the_person_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    codes = world.recovery_codes()
    caplog.clear()
    assert accepted(world, codes[0])
    assert "notify: recovery.use" in [record.message for record in caplog.records]
    assert codes[0] not in caplog.text
