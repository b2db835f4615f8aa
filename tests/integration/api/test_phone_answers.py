"""A phone's answer: the order of checks, what is spent, who wins (contract section 6)."""

from typing import Any

import pytest

from tests.support.forging import problem, slug
from tests.support.phone import Phone, PinKey
from tests.support.world import AAL1, AAL2, Totp, World


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def code_proof(code: str, method: str = "totp") -> dict[str, Any]:
    return {"method": method, "code": code}


def pair(world: World, pin: PinKey | None = None) -> tuple[Phone, Totp]:
    """Return a phone and a TOTP of one subject."""
    phone = world.phone(pin=pin)
    return phone, world.totp(reason="second authenticator")


def done(world: World, challenge: dict[str, Any]) -> tuple[str, list[str]]:
    read = world.client().read(challenge["id"])
    assert read["status"] == "satisfied", read
    return read["acr"], read["amr"]


@pytest.mark.parametrize(
    ("with_pin", "password", "acr", "amr"),
    [
        (False, False, AAL1, ["mca", "swk", "user"]),
        (False, True, AAL2, ["mca", "mfa", "pwd", "swk", "user"]),
        (True, False, AAL2, ["mca", "mfa", "pin", "swk", "user"]),
        (True, True, AAL2, ["mca", "mfa", "pin", "pwd", "swk", "user"]),
    ],
    ids=["code", "code, password", "code, PIN", "code, PIN, password"],
)
def test_an_approval_is_worth_what_was_proven(
    any_world: World, with_pin: bool, password: bool, acr: str, amr: list[str]
) -> None:
    pin = PinKey() if with_pin else None
    phone = any_world.phone(pin=pin)
    asked: dict[str, Any] = {"prior": any_world.prior()} if password else {}
    challenge = any_world.client().challenge(**asked)
    response = any_world.approve(phone, challenge, pin=pin)
    assert (response.status_code, response.get_json()) == (200, {"status": "satisfied"})
    assert done(any_world, challenge) == (acr, amr)


@pytest.mark.parametrize(("password", "acr"), [(False, AAL1), (True, AAL2)])
def test_phone_and_totp_in_one_answer_are_their_union(
    world: World, password: bool, acr: str
) -> None:
    phone, totp = pair(world)
    asked: dict[str, Any] = {"prior": world.prior()} if password else {}
    challenge = world.client().challenge(**asked)
    response = world.approve(phone, challenge, proof=code_proof(totp.next()))
    assert response.get_json() == {"status": "satisfied"}
    known = ["mfa", "otp", "pwd"] if password else ["otp"]
    assert done(world, challenge) == (acr, sorted(["mca", "swk", "user", *known]))


@pytest.mark.parametrize(("password", "acr"), [(False, AAL1), (True, AAL2)])
def test_phone_and_recovery_code_in_one_answer_are_their_union(
    world: World, password: bool, acr: str
) -> None:
    phone = world.phone()
    codes = world.recovery_codes(reason="second")
    asked: dict[str, Any] = {"prior": world.prior()} if password else {}
    challenge = world.client().challenge(**asked)
    response = world.approve(phone, challenge, proof=code_proof(codes[0], "recovery_code"))
    assert response.get_json() == {"status": "satisfied"}
    known = ["mfa", "pwd"] if password else []
    amr = sorted(["mca", "otp", "recovery", "swk", "user", *known])
    assert done(world, challenge) == (acr, amr)


def test_a_totp_code_is_spent_by_an_accepted_answer(world: World) -> None:
    phone, totp = pair(world)
    proof = code_proof(totp.next())
    assert world.approve(phone, world.client().challenge(), proof=proof).status_code == 200
    challenge = world.client().challenge()
    again = world.approve(phone, challenge, proof=proof)
    assert slug(again) == (403, "proof-rejected")
    assert again.get_json()["attempts_left"] == 4


def test_a_recovery_code_is_spent_by_an_accepted_answer(world: World) -> None:
    phone = world.phone()
    codes = world.recovery_codes(reason="second")
    proof = code_proof(codes[0], "recovery_code")
    assert world.approve(phone, world.client().challenge(), proof=proof).status_code == 200
    challenge = world.client().challenge()
    assert world.approve(phone, challenge, proof=proof).status_code == 403
    user = world.client().get("/v1/users?sub=alice").get_json()["users"][0]
    assert user["recovery_codes_left"] == 9


@pytest.mark.parametrize("fault", ["code", "pin"])
@pytest.mark.parametrize("method", ["totp", "recovery_code"])
def test_a_one_time_code_in_a_refused_answer_is_not_spent(
    world: World, fault: str, method: str
) -> None:
    pin = PinKey()
    phone = world.phone(pin=pin)
    if method == "totp":
        one_time = world.totp(reason="second").next()
    else:
        one_time = world.recovery_codes(reason="second")[0]
    challenge, proof = world.client().challenge(), code_proof(one_time, method)
    typed = wrong(challenge["display_code"]) if fault == "code" else challenge["display_code"]
    used = pin if fault == "code" else PinKey()
    refused = world.approve(phone, challenge, code=typed, pin=used, proof=proof)
    accepted = world.approve(phone, challenge, pin=pin, proof=proof)
    assert (refused.status_code, refused.get_json()["attempts_left"]) == (403, 4)
    assert accepted.get_json() == {"status": "satisfied"}


def test_a_wrong_further_proof_costs_one_attempt_for_the_whole_answer(world: World) -> None:
    phone, totp = pair(world)
    challenge = world.client().challenge()
    refused = world.approve(phone, challenge, proof=code_proof(totp.wrong()))
    assert (refused.status_code, refused.get_json()["attempts_left"]) == (403, 4)
    assert world.client().read(challenge["id"])["status"] == "pending"


def test_the_totp_of_another_subject_is_no_further_proof(world: World) -> None:
    phone, _ = pair(world)
    stranger = world.totp("bob")
    response = world.approve(phone, world.client().challenge(), proof=code_proof(stranger.next()))
    assert slug(response) == (403, "proof-rejected")


def test_a_further_proof_may_name_its_authenticator(world: World) -> None:
    phone, totp = pair(world)
    challenge = world.client().challenge()
    proof = code_proof(totp.next())
    other = world.approve(phone, challenge, proof=proof | {"authenticator_id": phone.device_id})
    named = world.approve(phone, challenge, proof=proof | {"authenticator_id": totp.id})
    assert (other.status_code, named.status_code) == (403, 200)


def test_the_fifth_wrong_answer_ends_the_challenge(any_world: World) -> None:
    phone, api = any_world.phone(), any_world.client()
    challenge = api.challenge()
    code = wrong(challenge["display_code"])
    left = [
        any_world.approve(phone, challenge, code=code).get_json()["attempts_left"] for _ in range(5)
    ]
    read = api.read(challenge["id"])
    assert left == [4, 3, 2, 1, 0]
    assert (read["status"], read["reason"]) == ("failed", "attempts_exhausted")


def test_attempts_of_phone_and_client_are_counted_together(world: World) -> None:
    phone, totp = pair(world)
    challenge = world.client().challenge()
    world.approve(phone, challenge, code=wrong(challenge["display_code"]))
    response = world.client().answer(challenge["id"], "totp", totp.wrong())
    assert response.get_json()["attempts_left"] == 3


@pytest.mark.parametrize("end", ["cancel", "expire", "totp", "attempts"])
def test_an_ended_challenge_takes_no_answer_and_says_nothing_more(world: World, end: str) -> None:
    phone, totp = pair(world)
    api, challenge = world.client(), world.client().challenge()
    shown = world.fetch(phone, challenge["id"])
    if end == "cancel":
        api.call("DELETE", f"/v1/challenges/{challenge['id']}")
    elif end == "expire":
        world.clock.advance(120)
    elif end == "totp":
        assert api.answer(challenge["id"], "totp", totp.next()).status_code == 200
    else:
        for _ in range(5):
            api.answer(challenge["id"], "totp", totp.wrong())
    token = phone.answer(shown, code=challenge["display_code"])
    response = world.send(phone, challenge["id"], token)
    assert slug(response) == (409, "challenge-not-open")
    assert set(problem(response)) == {"type", "title", "status", "detail"}


def test_the_same_answer_again_tells_its_phone_what_it_had_decided(world: World) -> None:
    phone, challenge = world.phone(), world.client().challenge()
    shown = world.fetch(phone, challenge["id"])
    token = phone.answer(shown, code=challenge["display_code"])
    assert world.send(phone, challenge["id"], token).status_code == 200
    again = world.send(phone, challenge["id"], token)
    assert slug(again) == (409, "challenge-not-open")
    assert (again.get_json()["status"], again.get_json().get("reason")) == ("satisfied", None)


def test_another_phone_is_not_told_who_decided(world: World) -> None:
    first = world.phone()
    second = world.phone(reason="second phone")
    challenge = world.client().challenge()
    late = second.answer(world.fetch(second, challenge["id"]), code=challenge["display_code"])
    assert world.approve(first, challenge).status_code == 200
    response = world.send(second, challenge["id"], late)
    assert slug(response) == (409, "challenge-not-open")
    assert response.get_json()["status"] == 409
    assert "reason" not in response.get_json()


def test_either_of_two_phones_may_answer(world: World) -> None:
    first = world.phone()
    second = world.phone(reason="second phone")
    for phone in (first, second):
        challenge = world.client().challenge()
        offered = {offer["authenticator_id"] for offer in challenge["methods"]}
        assert offered == {first.device_id, second.device_id}
        assert world.approve(phone, challenge).get_json() == {"status": "satisfied"}


def test_the_nonce_of_another_phone_is_refused(world: World) -> None:
    first = world.phone()
    second = world.phone(reason="second phone")
    challenge = world.client().challenge()
    shown = world.fetch(second, challenge["id"])
    response = world.send(first, challenge["id"], first.answer(shown, code="123456"))
    assert (response.status_code, response.get_json()["attempts_left"]) == (403, 5)


def test_the_phone_of_another_subject_is_404(world: World) -> None:
    phone = world.phone()
    stranger, challenge = world.phone("bob"), world.client().challenge()
    shown = world.fetch(phone, challenge["id"])
    token = stranger.answer(shown, code=challenge["display_code"])
    assert slug(world.send(stranger, challenge["id"], token)) == (404, "not-found")
    assert world.client().read(challenge["id"])["attempts_left"] == 5


def test_a_phone_suspended_since_the_push_answers_nothing(world: World) -> None:
    phone, challenge = world.phone(), world.client().challenge()
    token = phone.answer(world.fetch(phone, challenge["id"]), code=challenge["display_code"])
    path = f"/v1/authenticators/{phone.device_id}"
    world.client().call("PATCH", path, {"state": "suspended"})
    response = world.send(phone, challenge["id"], token)
    assert slug(response) == (409, "authenticator-not-active")
    assert world.client().read(challenge["id"])["status"] == "pending"


def test_an_answer_notes_when_the_phone_was_used(world: World) -> None:
    phone = world.phone()
    world.clock.advance(60)
    world.approve(phone, world.client().challenge())
    found = world.client().get(f"/v1/authenticators/{phone.device_id}").get_json()
    assert found["last_used_at"] == world.clock.now()
