"""What one answer of a phone may consist of: `require`, weakest first (contract section 6)."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.support.forging import slug
from tests.support.phone import Phone, PinKey
from tests.support.world import AAL1, AAL2, World, close, make_world

CODE, PIN = ["code"], ["code", "pin"]


def require(world: World, phone: Phone, **asked: Any) -> Any:
    """Open a challenge and return what the phone may answer."""
    challenge = world.client().challenge(**asked)
    return world.fetch(phone, challenge["id"])["require"]


def pushes(challenge: dict[str, Any]) -> list[str]:
    return [o["authenticator_id"] for o in challenge["methods"] if o["method"] == "push"]


@pytest.mark.parametrize(
    ("acr_values", "password", "with_pin", "expected"),
    [
        pytest.param(None, False, False, [CODE], id="nothing asked"),
        pytest.param(None, False, True, [CODE, PIN], id="nothing asked, PIN set"),
        pytest.param(["0"], False, True, [CODE, PIN], id="level 0"),
        pytest.param([AAL1], False, False, [CODE], id="aal1"),
        pytest.param([AAL1], False, True, [CODE, PIN], id="aal1, PIN set"),
        pytest.param([AAL2], False, True, [PIN], id="aal2 without password, PIN set"),
        pytest.param([AAL2], True, False, [CODE], id="aal2 with password"),
        pytest.param([AAL2], True, True, [CODE, PIN], id="aal2 with password, PIN set"),
        pytest.param(["phr", AAL1], False, False, [CODE], id="phr or aal1"),
        pytest.param(["phr", AAL2], False, True, [PIN], id="phr or aal2"),
        pytest.param(["unknown", AAL2], True, False, [CODE], id="an unknown one or aal2"),
    ],
)
def test_alternatives_follow_the_level(
    world: World, acr_values: Any, password: bool, with_pin: bool, expected: Any
) -> None:
    phone = world.phone(pin=PinKey() if with_pin else None)
    asked: dict[str, Any] = {"acr_values": acr_values} if acr_values else {}
    asked |= {"prior": world.prior()} if password else {}
    assert require(world, phone, **asked) == expected


def test_a_voluntary_level_needs_only_the_code(world: World) -> None:
    phone = world.phone(pin=PinKey())
    assert require(world, phone, acr_values=["phr"], essential=False) == [CODE, PIN]


def test_a_password_that_is_too_old_does_not_count(world: World) -> None:
    phone = world.phone(pin=PinKey())
    asked = {"acr_values": [AAL2], "max_age": 10}
    assert require(world, phone, **asked, prior=world.prior(11)) == [PIN]
    assert require(world, phone, **asked, prior=world.prior(10)) == [CODE, PIN]


def test_a_phone_that_can_complete_nothing_is_not_offered(world: World) -> None:
    weak = world.phone()
    strong = world.phone(pin=PinKey(), reason="second phone")
    challenge = world.client().challenge(acr_values=[AAL2])
    assert pushes(challenge) == [strong.device_id]
    one = world.device(weak, "GET", f"/v1/device/challenges/{challenge['id']}")
    assert slug(one) == (404, "not-found")


def test_a_level_that_no_offered_method_reaches_is_unattainable(world: World) -> None:
    world.phone(pin=PinKey())
    world.totp(reason="second")
    body = {"sub": "alice", "acr_values": [AAL2], "methods": ["totp"]}
    response = world.client().post("/v1/challenges", body)
    assert slug(response) == (409, "acr-unattainable")


def test_phone_and_totp_together_do_not_reach_aal2_without_a_password(world: World) -> None:
    world.phone()
    world.totp(reason="second")
    body = {"sub": "alice", "acr_values": [AAL2]}
    assert slug(world.client().post("/v1/challenges", body)) == (409, "acr-unattainable")


def test_further_proofs_are_not_asked_where_the_phone_suffices(world: World) -> None:
    phone = world.phone(pin=PinKey())
    world.totp(reason="second")
    world.recovery_codes(reason="third")
    assert require(world, phone, acr_values=[AAL1]) == [CODE, PIN]
    assert require(world, phone, acr_values=[AAL2]) == [PIN]


@pytest.fixture
def knowing_totp(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """Return a world where an operator lets a TOTP count as something known."""
    table = resources.files("mfa_service.domain").joinpath("levels.toml").read_text("utf-8")
    head, tail = table.split("[worth.totp]")
    changed = tail.replace('kinds = ["have"]', 'kinds = ["know"]', 1)
    (tmp_path / "levels.toml").write_text(f"{head}[worth.totp]{changed}", "utf-8")
    made = make_world(sqlite_url, MFA_LEVELS=str(tmp_path / "levels.toml"))
    yield made
    close(made)


def test_a_further_proof_is_an_alternative_where_it_is_needed(knowing_totp: World) -> None:
    phone = knowing_totp.phone()
    knowing_totp.totp(reason="second")
    assert require(knowing_totp, phone, acr_values=[AAL2]) == [["code", "totp"]]


def test_alternatives_are_in_order_weakest_first(knowing_totp: World) -> None:
    phone = knowing_totp.phone(pin=PinKey())
    knowing_totp.totp(reason="second")
    assert require(knowing_totp, phone, acr_values=[AAL2]) == [PIN, ["code", "totp"]]


def test_a_method_that_was_not_permitted_is_no_alternative(knowing_totp: World) -> None:
    phone = knowing_totp.phone(pin=PinKey())
    knowing_totp.totp(reason="second")
    asked = {"acr_values": [AAL2], "methods": ["push"]}
    assert require(knowing_totp, phone, **asked) == [PIN]


def test_the_phone_completes_an_alternative_with_a_further_proof(knowing_totp: World) -> None:
    phone = knowing_totp.phone()
    totp = knowing_totp.totp(reason="second")
    challenge = knowing_totp.client().challenge(acr_values=[AAL2])
    alone = knowing_totp.approve(phone, challenge)
    proof = {"method": "totp", "code": totp.next()}
    both = knowing_totp.approve(phone, challenge, proof=proof)
    assert slug(alone) == (403, "proof-rejected")
    assert alone.get_json()["attempts_left"] == 5
    assert both.get_json() == {"status": "satisfied"}


def report(world: World, phone: Phone) -> None:
    challenge = world.client().challenge()
    asked = world.fetch(phone, challenge["id"])
    response = world.send(phone, challenge["id"], phone.answer(asked, "report_fraud"))
    assert response.get_json() == {"status": "denied"}


def test_after_a_fraud_report_nothing_without_the_pin_is_left(world: World) -> None:
    phone = world.phone(pin=PinKey())
    report(world, phone)
    assert require(world, phone) == [PIN]
    assert require(world, phone, acr_values=[AAL2], prior=world.prior()) == [PIN]


def test_after_a_fraud_report_a_phone_without_pin_may_still_answer(world: World) -> None:
    phone = world.phone()
    report(world, phone)
    assert require(world, phone) == [CODE]


def test_a_fraud_report_changes_what_is_required_of_a_challenge_of_before(world: World) -> None:
    phone, pin = world.phone(), PinKey()
    other = world.phone(pin=pin, reason="second phone")
    world.totp(reason="third")
    challenge = world.client().challenge(methods=["totp"])
    report(world, phone)
    assert world.client().read(challenge["id"])["status"] == "pending"
    assert require(world, other) == [PIN]


@pytest.mark.parametrize(
    ("seconds", "expected", "told"),
    [(1799, [PIN], True), (1800, [CODE, PIN], None), (1801, [CODE, PIN], None)],
)
def test_a_fraud_report_holds_for_30_minutes(
    world: World, seconds: int, expected: Any, told: bool | None
) -> None:
    phone = world.phone(pin=PinKey())
    report(world, phone)
    world.clock.advance(seconds)
    challenge = world.client().challenge()
    asked = world.fetch(phone, challenge["id"])
    assert (asked["require"], asked.get("fraud_reported")) == (expected, told)


def test_a_disabled_pin_is_no_alternative(world: World) -> None:
    phone = world.phone(pin=PinKey())
    for _ in range(10):
        challenge = world.client().challenge()
        assert world.approve(phone, challenge, pin=PinKey()).status_code == 403
    assert require(world, phone) == [CODE]
    body = {"sub": "alice", "acr_values": [AAL2]}
    assert slug(world.client().post("/v1/challenges", body)) == (409, "acr-unattainable")
