"""`mobile-stub --biometric` against `mfa serve`: a push answered with a passkey on the phone."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_phone_program import PIN, enrolled, wrong_code
from tests.support.programs import PhoneProgram
from tests.support.world import AAL1, AAL2, World

PHR = "phr"
UNION = ["mca", "swk", "user"]


def with_passkey(
    world: World, folder: Path, sub: str, *options: str, pin: str | None = None
) -> PhoneProgram:
    """Return a phone of `sub` that has made a passkey, confirmed on the phone as the rule asks."""
    phone = enrolled(world, folder, sub, *(("--pin", pin) if pin else ()))
    api = world.client()
    change = api.challenge(sub, purpose="manage")
    line = ("approve", change["id"], "--code", change["display_code"])
    assert phone.run(*line, *(("--pin", pin) if pin else ())).object["status"] == "satisfied"
    enrollment = api.enroll(sub, type="webauthn", challenge_id=change["id"])
    made = phone.run("passkey", json.dumps(enrollment), *options)
    assert (made.status, made.err) == (0, "")
    confirmed = api.confirm(enrollment, credential=made.object)
    assert confirmed.status_code == 200, confirmed.get_json()
    return phone


def approve(phone: PhoneProgram, challenge: dict[str, Any], *options: str) -> tuple[int, Any]:
    """Return exit status and object of an approval with the right display code."""
    line = ("approve", challenge["id"], "--code", challenge["display_code"])
    ran = phone.run(*line, *options)
    return ran.status, ran.object


@pytest.mark.parametrize(("options", "key"), [((), ["pop"]), (("--synced",), [])])
def test_a_recognised_finger_reaches_two_factors_and_never_phishing_resistance(
    service: World, tmp_path: Path, options: tuple[str, ...], key: list[str]
) -> None:
    sub = f"bianca{len(options)}"
    phone, api = with_passkey(service, tmp_path, sub, *options), service.client()
    challenge = api.challenge(sub, acr_values=[AAL2])
    (asked,) = phone.run("pending").object["challenges"]
    assert asked["require"] == [["code", "webauthn"]]
    assert asked["biometric"] is True
    assert asked["webauthn"]["userVerification"] == "required"
    assert approve(phone, challenge, "--biometric")[1]["status"] == "satisfied"
    done = api.read(challenge["id"])
    assert (done["acr"], done["amr"]) == (AAL2, sorted([*UNION, "mfa", *key]))
    assert done["acr_satisfied"] == ["0", AAL1, AAL2]


def test_the_phone_is_not_asked_for_what_only_the_browser_can_reach(
    service: World, tmp_path: Path
) -> None:
    phone, api = with_passkey(service, tmp_path, "bruno"), service.client()
    challenge = api.challenge("bruno", acr_values=[PHR])
    assert [way["method"] for way in challenge["methods"]] == ["webauthn"]
    assert phone.run("pending").object == {"challenges": []}


def test_pin_and_finger_stand_beside_each_other(service: World, tmp_path: Path) -> None:
    phone, api = with_passkey(service, tmp_path, "bella", pin=PIN), service.client()
    first, second = (api.challenge("bella", acr_values=[AAL2]) for _ in range(2))
    asked = phone.run("pending").object["challenges"]
    assert [one["require"] for one in asked] == 2 * [[["code", "pin"], ["code", "webauthn"]]]
    assert approve(phone, first, "--biometric")[1]["status"] == "satisfied"
    assert approve(phone, second, "--biometric", "--pin", PIN)[1]["status"] == "satisfied"
    assert api.read(first["id"])["amr"] == sorted([*UNION, "mfa", "pop"])
    assert api.read(second["id"])["amr"] == sorted([*UNION, "mfa", "pin", "pop"])


def test_a_finger_that_is_not_recognised_costs_nothing(service: World, tmp_path: Path) -> None:
    phone, api = with_passkey(service, tmp_path, "boris"), service.client()
    challenge = api.challenge("boris", acr_values=[AAL2])
    status, said = approve(phone, challenge, "--biometric", "fail")
    assert (status, said["error"]) == (1, "not-verified")
    assert api.read(challenge["id"])["attempts_left"] == 5
    assert approve(phone, challenge, "--biometric")[1]["status"] == "satisfied"


def test_a_touch_that_verifies_nobody_is_no_second_factor(service: World, tmp_path: Path) -> None:
    phone, api = with_passkey(service, tmp_path, "bernd"), service.client()
    challenge = api.challenge("bernd", acr_values=[AAL2])
    status, said = approve(phone, challenge, "--biometric", "absent")
    assert (status, said["status"]) == (1, "failed")
    assert api.read(challenge["id"])["reason"] == "unmet_authentication_requirements"


def test_a_touch_beside_the_pin_shows_possession_alone(service: World, tmp_path: Path) -> None:
    phone, api = with_passkey(service, tmp_path, "birgit", pin=PIN), service.client()
    challenge = api.challenge("birgit", acr_values=[AAL2])
    assert approve(phone, challenge, "--biometric", "absent", "--pin", PIN)[0] == 0
    assert api.read(challenge["id"])["amr"] == sorted([*UNION, "mfa", "pin", "pop"])


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:1"])
def test_a_ceremony_at_another_origin_costs_an_attempt(
    service: World, tmp_path: Path, origin: str
) -> None:
    sub = f"bodo-{len(origin)}"
    phone, api = with_passkey(service, tmp_path, sub), service.client()
    challenge = api.challenge(sub, acr_values=[AAL2])
    status, said = approve(phone, challenge, "--biometric", "ok", "--origin", origin)
    assert (status, said["slug"], said["attempts_left"]) == (1, "proof-rejected", 4)


def test_a_wrong_code_beside_the_right_finger_costs_an_attempt(
    service: World, tmp_path: Path
) -> None:
    phone, api = with_passkey(service, tmp_path, "berta"), service.client()
    challenge = api.challenge("berta", acr_values=[AAL2])
    ran = phone.run("approve", challenge["id"], "--code", wrong_code(challenge), "--biometric")
    assert (ran.status, ran.object["attempts_left"]) == (1, 4)
    assert approve(phone, challenge, "--biometric")[1]["status"] == "satisfied"


def test_the_passkey_of_somebody_else_does_not_answer(service: World, tmp_path: Path) -> None:
    mine = with_passkey(service, tmp_path / "mine", "benno")
    other = with_passkey(service, tmp_path / "other", "bosse")
    api = service.client()
    challenge = api.challenge("benno", acr_values=[AAL2])
    keys, passkeys = (json.loads(phone.state.read_text()) for phone in (mine, other))
    mine.state.write_text(json.dumps(keys | {"passkeys": passkeys["passkeys"]}))
    (asked,) = mine.run("pending").object["challenges"]
    assert asked["biometric"] is False
    status, said = approve(mine, challenge, "--biometric")
    assert (status, said["error"]) == (1, "bad-input")
    assert api.read(challenge["id"])["attempts_left"] == 5


def test_the_same_passkey_signs_in_by_itself_where_the_api_asks(
    service: World, tmp_path: Path
) -> None:
    phone, api = with_passkey(service, tmp_path, "bill"), service.client()
    challenge = api.challenge("bill", acr_values=[PHR])
    options = api.post(f"/v1/challenges/{challenge['id']}/webauthn").get_json()
    credential = phone.run("assert", json.dumps(options)).object
    answer = {"method": "webauthn", "credential": credential}
    done = api.post(f"/v1/challenges/{challenge['id']}/answers", answer).get_json()
    assert (done["acr"], done["amr"]) == (PHR, ["mfa", "pop", "user"])


def test_after_a_report_the_finger_is_demanded_where_there_is_no_pin(
    service: World, tmp_path: Path
) -> None:
    phone, api = with_passkey(service, tmp_path, "bert"), service.client()
    assert phone.run("report", api.challenge("bert")["id"]).object["status"] == "denied"
    challenge = api.challenge("bert")
    (asked,) = phone.run("pending").object["challenges"]
    assert asked["require"] == [["code", "webauthn"]]
    assert approve(phone, challenge)[1]["error"] == "missing-input"
    assert approve(phone, challenge, "--biometric")[1]["status"] == "satisfied"
