"""The CIBA grant at the token endpoint: pending, slower, over, denied, and once (§10.1, §11)."""

import pytest

from mfa_service.persistence.models import Authorization
from tests.integration.races.rows import column
from tests.support.ciba import Asker, approve, asker, deny
from tests.support.clients import oauth_error
from tests.support.phone import Phone, PinKey, claims_of
from tests.support.racing import race, statuses
from tests.support.world import AAL2, World

AUTH_REQ_ID = "urn:openid:params:jwt:claim:auth_req_id"


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone(pin=PinKey())


@pytest.fixture
def till(world: World, phone: Phone) -> Asker:
    assert phone.device_id, "somebody can be asked"
    return asker(world, resources=("https://api.example",))


def test_what_the_person_proved_comes_as_an_id_token(till: Asker, phone: Phone) -> None:
    asked = till.asked(acr_values=AAL2, resource="https://api.example")
    approve(till.world, phone, asked)
    response = till.poll(asked["auth_req_id"])
    assert response.status_code == 200, response.text
    assert response.headers["Cache-Control"] == "no-store"
    body = response.get_json()
    told = claims_of(body["id_token"])
    assert told["sub"] == "alice"
    assert told["aud"] == till.id
    assert told["iss"] == till.world.issuer
    assert (told["acr"], told["amr"]) == (AAL2, ["mca", "mfa", "pin", "swk", "user"])
    assert told["auth_time"] == till.world.clock.now()
    assert told[AUTH_REQ_ID] == asked["auth_req_id"]
    assert claims_of(body["access_token"])["aud"] == "https://api.example"


def test_a_client_is_told_to_wait_and_to_wait_longer(till: Asker) -> None:
    clock, handle = till.world.clock, till.asked()["auth_req_id"]
    oauth_error(till.poll(handle), 400, "authorization_pending")
    clock.advance(5)
    oauth_error(till.poll(handle), 400, "authorization_pending")
    clock.advance(4)
    oauth_error(till.poll(handle), 400, "slow_down")
    clock.advance(9)
    oauth_error(till.poll(handle), 400, "slow_down")  # ten seconds now
    clock.advance(15)
    oauth_error(till.poll(handle), 400, "authorization_pending")


def test_an_answer_is_given_however_fast_the_client_polls(till: Asker, phone: Phone) -> None:
    asked = till.asked()
    till.poll(asked["auth_req_id"])
    approve(till.world, phone, asked)
    assert till.poll(asked["auth_req_id"]).status_code == 200


def test_a_no_is_access_denied(till: Asker, phone: Phone) -> None:
    asked = till.asked()
    deny(till.world, phone)
    oauth_error(till.poll(asked["auth_req_id"]), 400, "access_denied")


def test_too_many_wrong_codes_are_access_denied(till: Asker, phone: Phone) -> None:
    asked = till.asked()
    wrong = {"display_code": "000001" if asked["display_code"] == "000000" else "000000"}
    for _ in range(5):
        assert approve(till.world, phone, wrong).status_code == 403
    oauth_error(till.poll(asked["auth_req_id"]), 400, "access_denied")


def test_time_that_is_up_is_an_expired_token(till: Asker) -> None:
    asked = till.asked(requested_expiry="30")
    till.world.clock.advance(30)
    oauth_error(till.poll(asked["auth_req_id"]), 400, "expired_token")


def test_an_approval_is_fetched_within_a_minute_of_the_end(till: Asker, phone: Phone) -> None:
    one = till.asked(requested_expiry="30")
    approve(till.world, phone, one)
    till.world.clock.advance(89)
    assert till.poll(one["auth_req_id"]).status_code == 200
    other = till.asked(requested_expiry="30")
    approve(till.world, phone, other)
    till.world.clock.advance(90)
    oauth_error(till.poll(other["auth_req_id"]), 400, "expired_token")


def test_an_auth_req_id_is_good_once_and_a_second_use_takes_its_token_back(
    till: Asker, phone: Phone
) -> None:
    asked = till.asked(resource="https://api.example")
    approve(till.world, phone, asked)
    access = till.poll(asked["auth_req_id"]).get_json()["access_token"]
    oauth_error(till.poll(asked["auth_req_id"]), 400, "invalid_grant")
    seen = till.post("/oauth2/introspect", {"token": access}).get_json()
    assert seen == {"active": False}


def test_another_client_gets_nothing_for_it_and_spoils_nothing(till: Asker, phone: Phone) -> None:
    asked = till.asked()
    approve(till.world, phone, asked)
    other = asker(till.world, "other")
    oauth_error(other.poll(asked["auth_req_id"]), 400, "invalid_grant")
    assert till.poll(asked["auth_req_id"]).status_code == 200


def test_what_never_was_an_auth_req_id_is_no_grant(till: Asker) -> None:
    oauth_error(till.poll("x" * 43), 400, "invalid_grant")
    oauth_error(till.poll(""), 400, "invalid_request")


def test_a_code_is_no_auth_req_id(till: Asker, phone: Phone) -> None:
    asked = till.asked()
    approve(till.world, phone, asked)
    form = {
        "grant_type": "authorization_code",
        "code": asked["auth_req_id"],
        "code_verifier": "v" * 43,
        "redirect_uri": "https://client.example/cb",
    }
    oauth_error(till.post("/oauth2/token", form), 400, "invalid_grant")


def test_a_client_that_lost_the_scope_gets_nothing(world: World) -> None:
    other = asker(world, "other", scopes=("orders",))
    oauth_error(other.poll("x" * 43), 400, "unauthorized_client")


def test_a_resource_that_is_not_registered_spoils_nothing(till: Asker, phone: Phone) -> None:
    asked = till.asked()
    approve(till.world, phone, asked)
    response = till.poll(asked["auth_req_id"], resource="https://other.example")
    oauth_error(response, 400, "invalid_target")
    assert till.poll(asked["auth_req_id"]).status_code == 200


def test_many_redemptions_at_once_yield_one(any_world: World) -> None:
    phone, till = any_world.phone(), asker(any_world)
    asked = till.asked()
    approve(any_world, phone, asked)
    answers = race([lambda: till.poll(asked["auth_req_id"])] * 8)
    assert statuses(answers) == {200: 1, 400: 7}


def test_many_polls_at_once_are_one_in_time(any_world: World) -> None:
    any_world.phone()
    till = asker(any_world)
    handle = till.asked()["auth_req_id"]
    answers = race([lambda: till.poll(handle)] * 8)
    errors = sorted(answer.get_json()["error"] for answer in answers)
    assert errors == ["authorization_pending"] + ["slow_down"] * 7
    assert column(any_world, Authorization.poll_interval) == [5 + 7 * 5]
