"""Faults in an answer of a phone: what each costs (contract section 6, fault table)."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.forging import (
    BAD_TIMES,
    FORGERIES,
    GOOD_TIMES,
    Forgery,
    problem,
    slug,
    times,
)
from tests.support.phone import Phone, PinKey, public_jwk
from tests.support.world import AAL2, ISSUER, World

Make = Callable[[Phone, dict[str, Any], str], str]
PIN = PinKey()
TRANSACTION = {"text": "Pay 1 EUR"}


@pytest.fixture(name="world", scope="module")
def _world(shared_world: World) -> World:
    return shared_world


@pytest.fixture(scope="module")
def phone(world: World) -> Phone:
    return world.phone(pin=PIN)


@pytest.fixture(scope="module")
def plain(world: World) -> Phone:
    """A phone without PIN."""
    return world.phone("bob")


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def answered(
    world: World, phone: Phone, make: Make, sub: str = "alice", **asked: Any
) -> tuple[TestResponse, dict[str, Any]]:
    """Open a challenge, answer it as `make` says, and return the reply and the challenge then."""
    challenge = world.client().challenge(sub, **asked)
    shown = world.fetch(phone, challenge["id"])
    token = make(phone, shown, challenge["display_code"])
    response = world.send(phone, challenge["id"], token)
    return response, world.client().read(challenge["id"])


def check(response: TestResponse, challenge: dict[str, Any], *, attempts: int) -> None:
    """See the one refusal, with this many attempts left, and the challenge still open."""
    assert slug(response) == (403, "proof-rejected"), response.text
    assert response.get_json()["attempts_left"] == attempts
    assert (challenge["status"], challenge["attempts_left"]) == ("pending", attempts)
    assert set(problem(response)) == {"type", "title", "status", "detail", "attempts_left"}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_answer_costs_nothing(world: World, phone: Phone, forgery: Forgery) -> None:
    def make(phone: Phone, shown: dict[str, Any], code: str) -> str:
        return forgery.of(phone.answer(shown, code=code), phone.key)

    check(*answered(world, phone, make), attempts=5)


def test_another_kid_than_that_of_the_request_costs_nothing(
    world: World, phone: Phone, plain: Phone
) -> None:
    def make(phone: Phone, shown: dict[str, Any], code: str) -> str:
        return Forgery({"kid": plain.device_id}).of(phone.answer(shown, code=code), phone.key)

    check(*answered(world, phone, make), attempts=5)


def test_an_answer_signed_by_another_phone_costs_nothing(
    world: World, phone: Phone, plain: Phone
) -> None:
    def make(_: Phone, shown: dict[str, Any], code: str) -> str:
        return plain.answer(shown, code=code)

    check(*answered(world, phone, make), attempts=5)


def test_a_key_in_the_header_costs_nothing(world: World, phone: Phone) -> None:
    def make(phone: Phone, shown: dict[str, Any], code: str) -> str:
        forgery = Forgery({"jwk": public_jwk(phone.key)})
        return forgery.of(phone.answer(shown, code=code), phone.key)

    check(*answered(world, phone, make), attempts=5)


@pytest.mark.parametrize("offsets", BAD_TIMES.values(), ids=BAD_TIMES)
def test_bad_times_cost_nothing(world: World, phone: Phone, offsets: tuple[Any, Any]) -> None:
    made = times(world.clock.now(), offsets)
    reply = answered(world, phone, lambda p, shown, code: p.answer(shown, code=code, **made))
    check(*reply, attempts=5)


@pytest.mark.parametrize("offsets", GOOD_TIMES.values(), ids=GOOD_TIMES)
def test_good_times_are_good(world: World, phone: Phone, offsets: tuple[int, int]) -> None:
    made = times(world.clock.now(), offsets)
    response, _ = answered(world, phone, lambda p, shown, code: p.answer(shown, code=code, **made))
    assert response.get_json() == {"status": "satisfied"}


CLAIMS: dict[str, dict[str, Any]] = {
    "no iss": {"iss": None},
    "another iss": {"iss": "aut_other"},
    "no aud": {"aud": None},
    "another aud": {"aud": "https://other.example"},
    "aud as a list": {"aud": [ISSUER]},
    "no challenge_id": {"challenge_id": None},
    "another challenge_id": {"challenge_id": "chl_other"},
    "no nonce": {"nonce": None},
    "another nonce": {"nonce": "A" * 43},
    "no jti": {"jti": None},
    "no decision": {"decision": None},
    "an unknown decision": {"decision": "approved"},
    "decision as a list": {"decision": ["approve"]},
    "no code": {"code": None},
    "a code as a number": {"code": 123456},
    "no tx_hash": {"tx_hash": None},
    "another tx_hash": {"tx_hash": "A" * 43},
    "a control character": {"note": "a\x07"},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_a_claim_that_does_not_fit_costs_nothing(
    world: World, phone: Phone, claims: dict[str, Any]
) -> None:
    def make(phone: Phone, shown: dict[str, Any], code: str) -> str:
        return Forgery().of(phone.answer(shown, code=code), phone.key, **claims)

    check(*answered(world, phone, make, transaction=TRANSACTION), attempts=5)


@pytest.mark.parametrize("decision", ["deny", "report_fraud"])
@pytest.mark.parametrize(
    "claims", [{"nonce": "A" * 43}, {"aud": "x"}, {"iss": "x"}, {"jti": None}], ids=str
)
def test_a_faulty_refusal_refuses_nothing(
    world: World, phone: Phone, decision: str, claims: dict[str, Any]
) -> None:
    def make(phone: Phone, shown: dict[str, Any], _: str) -> str:
        return Forgery().of(phone.answer(shown, decision), phone.key, **claims)

    check(*answered(world, phone, make), attempts=5)


def test_a_tx_hash_where_no_transaction_is_costs_nothing(world: World, phone: Phone) -> None:
    def make(phone: Phone, shown: dict[str, Any], code: str) -> str:
        return phone.answer(shown, code=code, tx_hash="A" * 43)

    check(*answered(world, phone, make), attempts=5)


def test_an_answer_without_the_pin_where_it_is_needed_costs_nothing(
    world: World, phone: Phone
) -> None:
    reply = answered(
        world, phone, lambda p, shown, code: p.answer(shown, code=code), acr_values=[AAL2]
    )
    check(*reply, attempts=5)


def test_the_answer_to_another_challenge_costs_nothing(world: World, phone: Phone) -> None:
    other = world.client().challenge()
    shown = world.fetch(phone, other["id"])
    stolen = phone.answer(shown, code=other["display_code"])
    check(*answered(world, phone, lambda *_: stolen), attempts=5)


COSTLY: dict[str, Make] = {
    "a wrong code": lambda p, shown, code: p.answer(shown, code=wrong(code)),
    "an empty code": lambda p, shown, _: p.answer(shown, code=""),
    "a code with a space": lambda p, shown, code: p.answer(shown, code=f"{code[:3]} {code[3:]}"),
    "a code in other digits": lambda p, shown, code: p.answer(
        shown, code=code.translate({ord("0") + n: 0x660 + n for n in range(10)})
    ),
    "a wrong PIN": lambda p, shown, code: p.answer(shown, code=code, pin=PinKey()),
    "a PIN proof that is no text": lambda p, shown, code: p.answer(shown, code=code, pin_proof=[1]),
    "an empty PIN proof": lambda p, shown, code: p.answer(shown, code=code, pin_proof=""),
    "a PIN proof over another code": lambda p, shown, code: p.answer(
        shown,
        code=code,
        pin_proof=PIN.sign(
            f"stepup-pin/1.answer.{shown['challenge_id']}.{shown['nonce']}.{wrong(code)}"
        ),
    ),
    "a PIN proof over another nonce": lambda p, shown, code: p.answer(
        shown,
        code=code,
        pin_proof=PIN.sign(f"stepup-pin/1.answer.{shown['challenge_id']}.{'A' * 43}.{code}"),
    ),
    "a PIN proof for another purpose": lambda p, shown, code: p.answer(
        shown, code=code, pin_proof=PIN.sign(f"stepup-pin/1.enroll.{code}")
    ),
    "a further proof that is not offered": lambda p, shown, code: p.answer(
        shown, code=code, proof={"method": "totp", "code": "123456"}
    ),
}


@pytest.mark.parametrize("make", COSTLY.values(), ids=COSTLY)
def test_what_was_typed_wrong_costs_an_attempt(world: World, phone: Phone, make: Make) -> None:
    check(*answered(world, phone, make), attempts=4)


def test_a_pin_where_none_is_set_costs_an_attempt(world: World, plain: Phone) -> None:
    reply = answered(
        world, plain, lambda p, shown, code: p.answer(shown, code=code, pin=PIN), "bob"
    )
    check(*reply, attempts=4)


def test_the_refusals_differ_only_in_the_attempts(world: World, phone: Phone) -> None:
    makes = [COSTLY["a wrong code"], COSTLY["a wrong PIN"], lambda *_: "garbage"]
    bodies = [problem(answered(world, phone, make)[0]) for make in makes]
    assert [body.pop("attempts_left") for body in bodies] == [4, 4, 5]
    assert bodies[0] == bodies[1] == bodies[2]


def test_the_media_type_is_jose_and_a_body_is_needed(world: World, phone: Phone) -> None:
    challenge = world.client().challenge()
    path = f"/v1/device/challenges/{challenge['id']}/answer"
    assert slug(world.device(phone, "POST", path, {"a": 1})) == (415, "unsupported-media-type")
    assert slug(world.device(phone, "POST", path)) == (400, "malformed-json")
    assert world.client().read(challenge["id"])["attempts_left"] == 5
