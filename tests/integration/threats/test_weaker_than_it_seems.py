"""Attacks that make a weak proof count as a strong one, or one thing's proof as another's."""

import base64

import pytest

from tests.support.forging import slug
from tests.support.phone import Phone, PinKey, claims_of
from tests.support.world import AAL2, Totp, World

REFUSED = (403, "binding-requires-step-up")
PIN = PinKey()


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone(pin=PIN)


@pytest.fixture
def phished(world: World, phone: Phone) -> Totp:
    """A TOTP of the victim whose codes the attacker can get."""
    assert phone.pin is PIN
    return world.totp(reason="second authenticator")


def step_up(world: World, totp: Totp, **asked: object) -> str:
    members = {"purpose": "manage", **asked}
    challenge = world.client().post("/v1/challenges", {"sub": "alice", **members}).get_json()
    done = world.client().answer(challenge["id"], "totp", totp.next())
    assert done.get_json()["status"] == "satisfied", done.text
    return str(challenge["id"])


def add_phone(world: World, challenge_id: str) -> tuple[int, str]:
    body = {"sub": "alice", "type": "phone", "challenge_id": challenge_id}
    response = world.client().post("/v1/enrollments", body)
    return (201, "") if response.status_code == 201 else slug(response)


def test_suspending_the_strong_one_first_does_not_let_a_phished_totp_add_a_phone(
    world: World, phone: Phone, phished: Totp
) -> None:
    path = f"/v1/authenticators/{phone.device_id}"
    assert world.client().call("PATCH", path, {"state": "suspended"}).status_code == 200
    assert add_phone(world, step_up(world, phished)) == REFUSED
    removal = world.client().call("DELETE", f"{path}?challenge_id={step_up(world, phished)}")
    assert slug(removal) == REFUSED


def test_using_up_the_pin_first_does_not_let_a_phished_totp_add_a_phone(
    world: World, phone: Phone, phished: Totp
) -> None:
    for _ in range(10):
        world.approve(phone, world.client().challenge(), pin=PinKey())
    assert add_phone(world, step_up(world, phished)) == REFUSED


def test_a_provoked_fraud_report_lowers_nothing_to_bind_something_meanwhile(
    world: World, phone: Phone, phished: Totp
) -> None:
    before = step_up(world, phished)
    challenge = world.client().challenge()
    asked = world.fetch(phone, challenge["id"])
    world.send(phone, challenge["id"], phone.answer(asked, "report_fraud"))
    body = {"sub": "alice", "type": "totp", "challenge_id": before}
    assert slug(world.client().post("/v1/enrollments", body)) == REFUSED
    assert add_phone(world, world.step_up(phone)) == REFUSED


def test_a_claimed_password_does_not_lift_a_totp_over_the_binding_rule(
    world: World, phone: Phone, phished: Totp
) -> None:
    lifted = step_up(world, phished, prior=world.prior(), acr_values=[AAL2])
    assert world.client().read(lifted)["acr"] == AAL2
    assert add_phone(world, lifted) == REFUSED
    assert phone.device_id


def test_a_claimed_method_other_than_a_password_is_never_copied(world: World) -> None:
    totp = world.totp()
    prior = {"amr": ["hwk", "pin", "fpt", "mfa", "phr"], "auth_time": world.clock.now()}
    answer = {"method": "totp", "code": totp.next()}
    done = world.client().challenge("alice", prior=prior, answer=answer)
    assert done["amr"] == ["otp"]


@pytest.mark.parametrize("purpose", ["login", None])
def test_a_relayed_login_cannot_be_spent_on_adding_an_authenticator(
    world: World, phone: Phone, purpose: str | None
) -> None:
    asked = {"purpose": purpose} if purpose else {}
    login = world.client().challenge("alice", **asked)
    assert world.approve(phone, login, pin=PIN).status_code == 200
    assert add_phone(world, login["id"]) == REFUSED


def test_what_changes_authenticators_is_shown_as_such(world: World, phone: Phone) -> None:
    login = world.client().challenge()
    manage = world.client().challenge(purpose="manage")
    shown = [world.fetch(phone, challenge["id"])["purpose"] for challenge in (login, manage)]
    assert shown == ["login", "manage"]


def test_everything_at_once_from_a_phone_is_no_phishing_resistance(world: World) -> None:
    phone = world.phone(pin=PIN)
    totp = world.totp(reason="second")
    asked = {"acr_values": ["phr", "phrh", "urn:stepup:acr:aal3"], "essential": False}
    challenge = world.client().challenge("alice", **asked, prior=world.prior())
    proof = {"method": "totp", "code": totp.next()}
    assert world.approve(phone, challenge, pin=PIN, proof=proof).status_code == 200
    done = world.client().read(challenge["id"])
    assert (done["acr"], done["acr_satisfied"][-1]) == (AAL2, AAL2)
    body = {"sub": "alice", "acr_values": ["phr"]}
    assert slug(world.client().post("/v1/challenges", body)) == (409, "acr-unattainable")


def test_users_1001_of_two_authorization_servers_are_two_users(world: World) -> None:
    one = world.client("first", realm="first")
    two = world.client("second", realm="second")
    totp = world.totp("1001", api=one)
    assert slug(two.post("/v1/challenges", {"sub": "1001"})) == (409, "acr-unattainable")
    world.totp("1001", api=two)
    challenge = two.challenge("1001")
    assert slug(two.answer(challenge["id"], "totp", totp.next())) == (403, "proof-rejected")
    assert slug(two.get(f"/v1/authenticators/{totp.id}")) == (404, "not-found")


def test_ones_own_satisfied_challenge_does_not_pass_for_the_victims(world: World) -> None:
    totp = world.totp("mallory")
    answer = {"method": "totp", "code": totp.next()}
    done = world.client().challenge("mallory", answer=answer, nonce="of-mallory")
    claims = claims_of(done["result_token"])
    assert (claims["sub"], claims["txn"], claims["nonce"]) == ("mallory", done["id"], "of-mallory")
    assert claims["aud"] == world.client().client_id
    stranger = world.client("stranger")
    assert slug(stranger.get(f"/v1/challenges/{done['id']}")) == (404, "not-found")


def test_a_token_meant_for_an_api_opens_nothing_here(world: World) -> None:
    api = world.client("tool", resources=("https://api.example.org",))
    basic = base64.b64encode(f"{api.client_id}:{api.secret}".encode()).decode()
    form = {"grant_type": "client_credentials", "resource": "https://api.example.org"}
    headers = {"Authorization": f"Basic {basic}"}
    issued = world.app.test_client().post("/oauth2/token", data=form, headers=headers)
    assert issued.status_code == 200, issued.text
    api.token = issued.get_json()["access_token"]
    for path in ("/v1/users?sub=alice", "/v1/authenticators?sub=alice", "/v1/challenges/chl_x"):
        response = api.get(path)
        assert slug(response) == (401, "unauthenticated")


def test_an_idempotency_key_does_not_carry_somebodys_satisfied_to_another_challenge(
    world: World,
) -> None:
    totp, api = world.totp(), world.client()
    first, second = (api.challenge() for _ in range(2))
    headers = {"Idempotency-Key": "same"}
    body = {"method": "totp", "code": totp.next()}
    good = api.post(f"/v1/challenges/{first['id']}/answers", body, headers=headers)
    reused = api.post(f"/v1/challenges/{second['id']}/answers", body, headers=headers)
    assert good.get_json()["status"] == "satisfied"
    assert slug(reused) == (403, "proof-rejected")
    assert api.read(second["id"])["status"] == "pending"


@pytest.mark.parametrize("kind", ["phone", "totp", "recovery_codes"])
def test_one_time_secrets_are_not_read_from_a_stored_reply_for_a_day(
    world: World, kind: str
) -> None:
    body, headers = {"sub": "alice", "type": kind}, {"Idempotency-Key": "k"}
    first = world.client().post("/v1/enrollments", body, headers=headers)
    world.clock.advance(599)
    within = world.client().post("/v1/enrollments", body, headers=headers)
    world.clock.advance(2)
    later = world.client().post("/v1/enrollments", body, headers=headers)
    assert within.data == first.data
    assert slug(later) == (409, "idempotency-expired")
