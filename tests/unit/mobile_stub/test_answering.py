"""Approving, denying, reporting: what is sent, what is not, and what is said."""

import pytest

from mobile_stub.answers import FurtherProof, Outcome
from mobile_stub.errors import BadInput, MissingInput, Refused, Unreachable
from mobile_stub.phone import Phone
from tests.unit.mobile_stub.conftest import PIN
from tests.unit.mobile_stub.double_jose import b64
from tests.unit.mobile_stub.double_serving import DoubleTransport
from tests.unit.mobile_stub.service_double import ServiceDouble

CODE = "493021"
UNKNOWN = [["code", "webauthn"], ["code", "iris_scan"]]


def answer_of(challenge_id: str) -> str:
    return f"POST /v1/device/challenges/{challenge_id}/answer"


def test_the_typed_code_approves(phone: Phone, device: str, service: ServiceDouble) -> None:
    challenge_id = service.ask(device)
    assert phone.approve(challenge_id, code="٤٩٣ 021") == Outcome(challenge_id, "satisfied")
    assert service.asked[challenge_id].status == "satisfied"
    assert phone.pending() == []


def test_the_hash_of_the_transaction_is_signed_as_given(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    challenge_id = service.ask(device, transaction={"amount": 49}, tx_hash=b64(b"h" * 32))
    assert phone.approve(challenge_id, code=CODE).status == "satisfied"


def test_the_pin_proves_itself_where_it_is_asked_for(
    phone: Phone, device_with_pin: str, service: ServiceDouble
) -> None:
    challenge_id = service.ask(device_with_pin, require=[["code", "pin"], ["code", "webauthn"]])
    assert phone.approve(challenge_id, code=CODE, pin="٢٧١٨٢٨").status == "satisfied"


def test_a_further_proof_goes_along(phone: Phone, device: str, service: ServiceDouble) -> None:
    for method, typed, sent in (
        ("totp", "٠٨١ 804", "081804"),
        ("recovery_code", " abcd-efgh ", "abcd-efgh"),
    ):
        challenge_id = service.ask(device, require=[["code", method]])
        service.asked[challenge_id].proof = {"method": method, "code": sent}
        proof = FurtherProof(method, typed)  # type: ignore[arg-type]
        assert phone.approve(challenge_id, code=CODE, proof=proof).status == "satisfied"
        assert typed not in repr(proof)


def test_a_pin_that_is_not_demanded_is_sent_all_the_same_so_that_a_wrong_one_shows(
    phone: Phone, device_with_pin: str, service: ServiceDouble
) -> None:
    challenge_id = service.ask(device_with_pin)
    with pytest.raises(Refused, match="Attempts left: 4"):
        phone.approve(challenge_id, code=CODE, pin="602214")
    assert phone.approve(challenge_id, code=CODE, pin=PIN).status == "satisfied"


@pytest.mark.parametrize(
    ("require", "words"),
    [
        ([["code", "pin"]], "This request needs your PIN."),
        ([["code", "pin"], ["code", "webauthn"]], "This request needs your PIN."),
        (
            [["code", "totp"], ["code", "pin", "recovery_code"]],
            "needs a code from your authenticator app, or your PIN and a recovery code.",
        ),
        (UNKNOWN, "passkey"),
        ([["code", "iris_scan"]], "does not know"),
        ([], "does not know"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_spent(
    require: list[list[str]], words: str, phone: Phone, device: str, service: ServiceDouble
) -> None:
    challenge_id = service.ask(device, require=require)
    with pytest.raises(MissingInput, match=words):
        phone.approve(challenge_id, code=CODE)
    assert service.asked[challenge_id].attempts_left == 5
    assert not any(method == "POST" and "/answer" in target for method, target, _ in service.log)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "12345²"])
def test_a_code_of_another_shape_costs_no_attempt(
    code: str, phone: Phone, device: str, service: ServiceDouble
) -> None:
    challenge_id = service.ask(device)
    with pytest.raises(BadInput, match="six digits"):
        phone.approve(challenge_id, code=code)
    assert service.asked[challenge_id].attempts_left == 5


def test_a_one_time_code_that_nobody_asked_for_is_not_spent(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    challenge_id = service.ask(device)
    with pytest.raises(BadInput, match="does not ask for a recovery code"):
        phone.approve(challenge_id, code=CODE, proof=FurtherProof("recovery_code", "abcd"))
    asked = service.ask(device, require=[["code", "totp"]])
    with pytest.raises(BadInput, match="empty"):
        phone.approve(asked, code=CODE, proof=FurtherProof("totp", "  "))
    assert {one.attempts_left for one in service.asked.values()} == {5}


def test_a_pin_on_a_phone_without_one_costs_no_attempt(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    challenge_id = service.ask(device)
    with pytest.raises(BadInput, match="without a PIN"):
        phone.approve(challenge_id, code=CODE, pin=PIN)
    assert service.asked[challenge_id].attempts_left == 5


def test_wrong_codes_count_down_to_the_end(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    challenge_id = service.ask(device)
    for left in (4, 3, 2, 1):
        with pytest.raises(Refused, match=f"Attempts left: {left}") as refused:
            phone.approve(challenge_id, code="000000")
        assert refused.value.facts["attempts_left"] == left
    with pytest.raises(Refused, match="last attempt"):
        phone.approve(challenge_id, code="000000")
    with pytest.raises(Refused, match="no such request"):
        phone.approve(challenge_id, code=CODE)


def test_a_pin_that_the_wrong_entry_disabled_is_explained(
    phone: Phone, device_with_pin: str, service: ServiceDouble
) -> None:
    service.devices[device_with_pin].wrong_pins = 9
    challenge_id = service.ask(device_with_pin, require=[["code", "pin"]])
    with pytest.raises(Refused, match="PIN of this phone is disabled") as refused:
        phone.approve(challenge_id, code=CODE, pin="602214")
    assert refused.value.facts["pin"] == "disabled"
    assert refused.value.facts["attempts_left"] == 4
    later = service.ask(device_with_pin)
    with pytest.raises(BadInput, match="disabled"):
        phone.approve(later, code=CODE, pin=PIN)
    assert service.asked[later].attempts_left == 5


def test_deny_and_report_are_final(phone: Phone, device: str, service: ServiceDouble) -> None:
    denied, reported = service.ask(device), service.ask(device)
    assert phone.deny(denied).status == "denied"
    assert phone.report(reported).status == "denied"
    assert service.asked[denied].reason == "user_denied"
    assert service.asked[reported].reason == "fraud_reported"


@pytest.mark.parametrize("act", ["approve", "deny", "report"])
def test_a_lost_reply_is_healed_by_the_answer_that_tells_what_counted(
    act: str, phone: Phone, device: str, service: ServiceDouble, transport: DoubleTransport
) -> None:
    challenge_id = service.ask(device)
    transport.lose.append(answer_of(challenge_id))
    outcome = (
        phone.approve(challenge_id, code=CODE)
        if act == "approve"
        else getattr(phone, act)(challenge_id)
    )
    one = service.asked[challenge_id]
    assert outcome == Outcome(challenge_id, one.status, one.reason)
    assert one.status == ("satisfied" if act == "approve" else "denied")


def test_a_lost_refusal_is_not_repeated_since_it_would_cost_another_attempt(
    phone: Phone, device: str, service: ServiceDouble, transport: DoubleTransport
) -> None:
    challenge_id = service.ask(device)
    transport.lose.append(answer_of(challenge_id))
    with pytest.raises(Unreachable):
        phone.approve(challenge_id, code="000000")
    assert service.asked[challenge_id].attempts_left == 4


def test_a_lost_reply_to_a_challenge_that_ended_otherwise_is_told_as_ended(
    phone: Phone, device: str, service: ServiceDouble, transport: DoubleTransport
) -> None:
    challenge_id = service.ask(device)
    service.asked[challenge_id].attempts_left = 1
    transport.lose.append(answer_of(challenge_id))
    with pytest.raises(Refused, match="already ended"):
        phone.approve(challenge_id, code="000000")


def test_an_answer_that_never_left_is_not_repeated(
    phone: Phone, device: str, service: ServiceDouble, transport: DoubleTransport
) -> None:
    challenge_id = service.ask(device)
    transport.cut.append(answer_of(challenge_id))
    with pytest.raises(Unreachable, match="cannot be reached"):
        phone.approve(challenge_id, code=CODE)
    assert service.asked[challenge_id].status == "pending"


def test_the_409_of_an_ended_challenge_tells_this_device_what_it_had_decided(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    challenge_id = service.ask(device)
    token = service.token(challenge_id)
    phone.report(challenge_id)
    call = f"GET /v1/device/challenges/{challenge_id}"
    service.overrides[call] = lambda: (200, {}, {"challenge": token})
    with pytest.raises(Refused, match="earlier answer counted: denied: fraud") as refused:
        phone.approve(challenge_id, code=CODE)
    assert refused.value.facts["status"] == "denied"
    assert refused.value.facts["reason"] == "fraud_reported"


def test_an_unconfirmed_phone_is_told_to_finish_the_enrollment(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    service.devices[device].state = "pending"
    with pytest.raises(Refused, match="check code"):
        phone.pending()
