"""The main job, on each database."""

from tests.support.phone import PinKey, claims_of
from tests.support.world import AAL2, World


def test_a_push_with_pin_after_a_password_yields_aal2(any_world: World) -> None:
    pin, api = PinKey(), any_world.client()
    phone = any_world.phone(pin=pin)
    challenge = api.challenge(acr_values=[AAL2], prior=any_world.prior())
    assert any_world.approve(phone, challenge, pin=pin).get_json() == {"status": "satisfied"}
    done = api.read(challenge["id"])
    assert (done["acr"], done["amr"]) == (AAL2, ["mca", "mfa", "pin", "pwd", "swk", "user"])
    assert claims_of(done["result_token"])["txn"] == challenge["id"]


def test_a_totp_answers_in_one_call(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    answer = {"method": "totp", "code": totp.next()}
    done = api.challenge(acr_values=[AAL2], prior=any_world.prior(), answer=answer)
    assert (done["status"], done["amr"]) == ("satisfied", ["mfa", "otp", "pwd"])


def test_a_recovery_code_is_worth_aal1_even_after_a_password(any_world: World) -> None:
    codes, api = any_world.recovery_codes(), any_world.client()
    challenge = api.challenge(prior=any_world.prior())
    done = api.answer(challenge["id"], "recovery_code", codes[0].lower()).get_json()
    assert (done["acr"], done["amr"]) == ("urn:stepup:acr:aal1", ["otp", "pwd", "recovery"])
