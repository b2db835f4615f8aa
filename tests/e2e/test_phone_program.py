"""`mobile-stub` against `mfa serve`: a person with a phone, from enrollment to removal."""

import json
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Deployment
from tests.support.leash import minimal_environment
from tests.support.processes import installed
from tests.support.programs import PhoneProgram
from tests.support.world import AAL2, World

PIN, OTHER_PIN = "493817", "860295"


def enrolled(world: World, folder: Path, sub: str, *options: str) -> PhoneProgram:
    """Return a phone that was enrolled and confirmed as people do it."""
    folder.mkdir(exist_ok=True)
    program, api = PhoneProgram(folder), world.client()
    enrollment = api.enroll(sub, type="phone")
    claimed = program.run("enroll", enrollment["uri"], *options).object
    assert api.confirm(enrollment, check_code=claimed["check_code"]).status_code == 200
    return program


@pytest.fixture(scope="module")
def phone(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> PhoneProgram:
    """Return alice's phone with a PIN."""
    return enrolled(deployment.world, tmp_path_factory.mktemp("alice"), "alice", "--pin", PIN)


def wrong_code(challenge: dict[str, Any]) -> str:
    return "000000" if challenge["display_code"] != "000000" else "000001"


def test_an_enrollment_prints_the_check_code_and_does_not_wait(
    service: World, tmp_path: Path
) -> None:
    program, api = PhoneProgram(tmp_path), service.client()
    enrollment = api.enroll("walter", type="phone")
    ran = program.run("enroll", enrollment["uri"], "--pin", PIN, "--name", "Pixel 9")
    assert (ran.status, ran.err) == (0, "")
    assert ran.object["state"] == "pending"
    assert ran.object["sub"] == "walter"
    assert stat.S_IMODE(program.state.stat().st_mode) == 0o600
    early = program.run("pending")
    assert (early.status, early.object["slug"]) == (1, "authenticator-not-active")
    done = api.confirm(enrollment, check_code=ran.object["check_code"])
    assert done.get_json()["authenticator"]["label"] == "Pixel 9"
    assert program.run("status").object["state"] == "active"


def test_an_enrollment_in_words_shows_the_check_code(service: World, tmp_path: Path) -> None:
    enrollment = service.client().enroll("wilma", type="phone")
    ran = PhoneProgram(tmp_path).says("enroll", enrollment["uri"])
    assert ran.status == 0
    assert "Check code: " in ran.out


def test_a_used_enrollment_is_refused(service: World, tmp_path: Path) -> None:
    enrollment = service.client().enroll("ursula", type="phone")
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
    assert PhoneProgram(first).run("enroll", enrollment["uri"]).status == 0
    refused = PhoneProgram(second).run("enroll", enrollment["uri"])
    assert (refused.status, refused.object["slug"]) == (1, "enrollment-not-open")


def test_an_approval_with_pin_reaches_aal2(service: World, phone: PhoneProgram) -> None:
    api = service.client()
    challenge = api.challenge("alice", acr_values=[AAL2], binding_message="Pay 20 EUR")
    (asked,) = phone.run("pending").object["challenges"]
    assert (asked["id"], asked["binding_message"]) == (challenge["id"], "Pay 20 EUR")
    ran = phone.run("approve", challenge["id"], "--code", challenge["display_code"], "--pin", PIN)
    assert (ran.status, ran.object["status"]) == (0, "satisfied")
    done = api.read(challenge["id"])
    assert (done["acr"], done["amr"]) == (AAL2, ["mca", "mfa", "pin", "swk", "user"])
    assert phone.run("pending").object == {"challenges": []}


def test_a_pin_can_be_typed_instead_of_given(service: World, phone: PhoneProgram) -> None:
    challenge = service.client().challenge("alice")
    line = ("approve", challenge["id"], "--code", challenge["display_code"], "--pin", "-")
    assert phone.run(*line, typed=f"{PIN}\n").object["status"] == "satisfied"


@pytest.mark.parametrize("wrong", ["code", "pin"])
def test_a_wrong_code_or_pin_exits_1_and_leaves_four_tries(
    wrong: str, service: World, phone: PhoneProgram
) -> None:
    api = service.client()
    challenge = api.challenge("alice")
    code = wrong_code(challenge) if wrong == "code" else challenge["display_code"]
    pin = OTHER_PIN if wrong == "pin" else PIN
    ran = phone.run("approve", challenge["id"], "--code", code, "--pin", pin)
    assert (ran.status, ran.object["slug"]) == (1, "proof-rejected")
    assert ran.object["attempts_left"] == 4
    assert ran.err.strip()
    assert not {code, pin} & {*ran.out.split('"'), *ran.err.split()}
    assert api.read(challenge["id"])["attempts_left"] == 4
    again = phone.run("approve", challenge["id"], "--code", challenge["display_code"], "--pin", PIN)
    assert again.object["status"] == "satisfied"


def test_an_approval_of_an_ended_challenge_exits_1(service: World, phone: PhoneProgram) -> None:
    api = service.client()
    challenge = api.challenge("alice")
    api.call("DELETE", f"/v1/challenges/{challenge['id']}")
    ran = phone.run("approve", challenge["id"], "--code", challenge["display_code"], "--pin", PIN)
    assert (ran.status, ran.object["slug"]) == (1, "challenge-not-open")


def test_a_denial_is_final(service: World, phone: PhoneProgram) -> None:
    api = service.client()
    challenge = api.challenge("alice")
    ran = phone.run("deny", challenge["id"])
    assert (ran.status, ran.object["status"]) == (0, "denied")
    assert api.read(challenge["id"])["reason"] == "user_denied"


def test_a_report_ends_all_that_asks_the_phone(service: World, tmp_path: Path) -> None:
    program, api = enrolled(service, tmp_path, "frank", "--pin", PIN), service.client()
    challenge, other = api.challenge("frank"), api.challenge("frank")
    ran = program.run("report", challenge["id"])
    assert (ran.status, ran.object["status"]) == (0, "denied")
    assert {api.read(c["id"])["reason"] for c in (challenge, other)} == {"fraud_reported"}
    later = api.challenge("frank")
    (asked,) = program.run("pending").object["challenges"]
    assert (asked["id"], asked["fraud_reported"]) == (later["id"], True)
    assert all("pin" in alternative for alternative in asked["require"])


def test_a_watch_is_woken_by_new_challenges(service: World, tmp_path: Path) -> None:
    phone, api = enrolled(service, tmp_path, "wanda"), service.client()
    line = [installed("mobile-stub"), "--state", str(phone.state), "watch", "--json"]
    with subprocess.Popen(
        [*line, "--count", "2"],
        cwd=phone.folder,
        env=minimal_environment(phone.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        for message in ("first", "second"):
            challenge = api.challenge("wanda", binding_message=message)
            seen = json.loads(watching.stdout.readline())
            assert (seen["id"], seen["binding_message"]) == (challenge["id"], message)
        _, err = watching.communicate(timeout=60)
    assert (watching.returncode, err) == (0, "")


def test_a_changed_pin_replaces_the_old_one(service: World, tmp_path: Path) -> None:
    program, api = enrolled(service, tmp_path, "paula", "--pin", PIN), service.client()
    refused = program.run("change-pin", "--old-pin", "717273", "--new-pin", OTHER_PIN)
    assert refused.status == 1
    changed = program.run("change-pin", "--old-pin", PIN, "--new-pin", OTHER_PIN)
    assert (changed.status, changed.object) == (0, {"changed": True})
    challenge = api.challenge("paula")
    line = ("approve", challenge["id"], "--code", challenge["display_code"], "--pin")
    assert program.run(*line, PIN).status == 1
    assert program.run(*line, OTHER_PIN).object["status"] == "satisfied"


def test_a_rotated_key_goes_on_working(service: World, tmp_path: Path) -> None:
    program, api = enrolled(service, tmp_path, "rita", "--pin", PIN), service.client()
    before = program.state.read_bytes()
    challenge = api.challenge("rita")
    assert program.run("rotate", "--pin", OTHER_PIN).status == 1
    ran = program.run("rotate", "--pin", PIN)
    assert (ran.status, ran.object) == (0, {"rotated": True})
    line = ("approve", challenge["id"], "--code", challenge["display_code"], "--pin", PIN)
    assert program.run(*line).object["status"] == "satisfied"
    program.state.write_bytes(before)
    assert program.run("status").status == 1


def test_a_removed_phone_answers_no_more(service: World, tmp_path: Path) -> None:
    program, api = enrolled(service, tmp_path, "rosa"), service.client()
    ran = program.run("remove", "--yes")
    assert (ran.status, ran.object) == (0, {"removed": True})
    assert not program.state.exists()
    assert program.run("pending").status == 1
    opened = api.post("/v1/challenges", {"sub": "rosa"})
    assert opened.status_code == 409


def test_two_users_side_by_side_see_only_their_own(service: World, tmp_path: Path) -> None:
    api = service.client()
    programs = {sub: enrolled(service, tmp_path / sub, sub) for sub in ("tom", "tina")}
    opened = {sub: api.challenge(sub) for sub in programs}
    for sub, program in programs.items():
        (asked,) = program.run("pending").object["challenges"]
        assert (asked["id"], asked["sub"]) == (opened[sub]["id"], sub)
    strange = programs["tom"].run(
        "approve", opened["tina"]["id"], "--code", opened["tina"]["display_code"]
    )
    assert (strange.status, strange.object["slug"]) == (1, "not-found")
    assert api.read(opened["tina"]["id"])["attempts_left"] == 5
    for sub, program in programs.items():
        line = ("approve", opened[sub]["id"], "--code", opened[sub]["display_code"])
        assert program.run(*line).object["status"] == "satisfied"
