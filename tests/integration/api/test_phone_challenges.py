"""What a phone sees of a challenge, signed by us (contract section 6, challenge JWS)."""

import base64
import json
from typing import Any

import jwt
import pytest
from jwt.utils import base64url_decode

from tests.support.forging import slug
from tests.support.phone import Phone, PinKey, claims_of
from tests.support.world import AAL1, AAL2, ISSUER, World

ALWAYS = {
    "iss",
    "aud",
    "challenge_id",
    "client_name",
    "sub",
    "nonce",
    "require",
    "purpose",
    "iat",
    "exp",
}
TRANSACTION = {"text": "Pay 12.50 EUR\nto Bob", "amount": 1250}


def tokens(world: World, phone: Phone, query: str = "") -> list[str]:
    response = world.device(phone, "GET", f"/v1/device/challenges{query}")
    assert response.status_code == 200, response.text
    assert set(response.get_json()) == {"challenges"}
    return list(response.get_json()["challenges"])


def ids(world: World, phone: Phone, query: str = "") -> list[str]:
    return [claims_of(token)["challenge_id"] for token in tokens(world, phone, query)]


def second_phone(world: World, **members: Any) -> Phone:
    return world.phone(reason="second phone", **members)


def test_it_is_signed_with_a_published_key(world: World) -> None:
    phone, challenge = world.phone(), world.client().challenge()
    token = tokens(world, phone)[0]
    header = jwt.get_unverified_header(token)
    published = world.app.test_client().get("/.well-known/jwks.json").get_json()["keys"]
    key = next(jwk for jwk in published if jwk["kid"] == header["kid"])
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    claims = jwt.decode(token, jwt.PyJWK(key), algorithms=["ES256"], options=options)
    assert set(header) == {"alg", "typ", "kid"}
    assert (header["alg"], header["typ"]) == ("ES256", "stepup-challenge+jwt")
    assert claims["challenge_id"] == challenge["id"]


def test_a_plain_challenge_has_exactly_the_claims_that_are_always_there(world: World) -> None:
    phone = world.phone()
    challenge = world.client("Example Bank").challenge()
    claims = world.fetch(phone, challenge["id"])
    assert set(claims) == ALWAYS
    assert claims["iss"] == ISSUER
    assert claims["aud"] == phone.device_id
    assert (claims["client_name"], claims["sub"]) == ("Example Bank", "alice")
    assert (claims["iat"], claims["exp"]) == (challenge["created_at"], challenge["expires_at"])
    assert claims["purpose"] == "login"


def test_what_was_given_is_shown_as_given(world: World) -> None:
    phone = world.phone()
    context = {"ip": "192.0.2.7", "user_agent": "Browser", "application": "Shop", "location": "X"}
    given: dict[str, Any] = {
        "binding_message": "Order 7",
        "transaction": TRANSACTION,
        "context": context,
    }
    challenge = world.client().challenge("alice", **given, purpose="manage")
    claims = world.fetch(phone, challenge["id"])
    assert set(claims) == ALWAYS | {"binding_message", "transaction", "context", "tx_hash"}
    assert {name: claims[name] for name in given} == given
    assert claims["purpose"] == "manage"
    assert claims["tx_hash"] == challenge["tx_hash"]


def test_the_list_and_the_single_one_say_the_same(world: World) -> None:
    phone, challenge = world.phone(), world.client().challenge()
    assert claims_of(tokens(world, phone)[0]) == world.fetch(phone, challenge["id"])


def test_the_nonce_has_32_bytes_and_stays(world: World) -> None:
    phone, challenge = world.phone(), world.client().challenge()
    first = world.fetch(phone, challenge["id"])["nonce"]
    world.clock.advance(60)
    assert len(base64url_decode(first)) == 32
    assert "=" not in first
    assert world.fetch(phone, challenge["id"])["nonce"] == first


def test_the_nonce_differs_between_phones_and_challenges(world: World) -> None:
    phones = (world.phone(), second_phone(world))
    challenges = [world.client().challenge()["id"] for _ in range(2)]
    nonces = {world.fetch(phone, id_)["nonce"] for phone in phones for id_ in challenges}
    assert len(nonces) == 4


def test_no_phone_ever_gets_the_display_code_or_what_the_client_keeps(world: World) -> None:
    phone = world.phone(push={"provider": "fcm", "token": "t"})
    challenge = world.client().challenge(nonce="client-nonce", prior=world.prior())
    world.services.outbox.deliver()
    listed = world.device(phone, "GET", "/v1/device/challenges")
    one = world.device(phone, "GET", f"/v1/device/challenges/{challenge['id']}")
    seen = [*tokens(world, phone), one.get_json()["challenge"]]
    decoded = " ".join(json.dumps(claims_of(token)) for token in seen)
    sent = world.senders["fcm"].sent
    everything = f"{listed.text} {listed.headers} {one.text} {decoded} {sent[0].handle}"
    for secret in (challenge["display_code"], challenge["page"], "client-nonce"):
        assert secret not in everything
        assert base64.b64encode(secret.encode()).decode().rstrip("=") not in everything


def test_a_notification_carries_nothing_but_a_handle(world: World) -> None:
    world.phone(push={"provider": "fcm", "token": "t"})
    challenge = world.client("Example Bank").challenge(binding_message="Order 7")
    world.services.outbox.deliver()
    (message,) = world.senders["fcm"].sent
    assert message.address == {"token": "t"}
    for secret in ("alice", "Example Bank", "Order 7", challenge["display_code"]):
        assert secret not in message.handle


def test_challenges_are_listed_oldest_first(world: World) -> None:
    phone = world.phone()
    opened = []
    for _ in range(3):
        opened.append(world.client().challenge()["id"])
        world.clock.advance(1)
    assert ids(world, phone) == opened


def test_nothing_pending_is_an_empty_list(world: World) -> None:
    phone = world.phone()
    assert tokens(world, phone) == []
    assert tokens(world, phone, "?wait=0&known=") == []


@pytest.mark.parametrize("end", ["cancel", "expire", "deny", "approve"])
def test_an_ended_challenge_is_gone(world: World, end: str) -> None:
    phone, api = world.phone(), world.client()
    challenge = api.challenge()
    asked = world.fetch(phone, challenge["id"])
    if end == "cancel":
        api.call("DELETE", f"/v1/challenges/{challenge['id']}")
    elif end == "expire":
        world.clock.advance(120)
    elif end == "deny":
        world.send(phone, challenge["id"], phone.answer(asked, "deny"))
    else:
        world.approve(phone, challenge)
    assert ids(world, phone) == []
    one = world.device(phone, "GET", f"/v1/device/challenges/{challenge['id']}")
    assert slug(one) == (409, "challenge-not-open")


def test_the_challenge_of_another_subject_does_not_exist(world: World) -> None:
    world.phone()
    stranger, challenge = world.phone("bob"), world.client().challenge()
    one = world.device(stranger, "GET", f"/v1/device/challenges/{challenge['id']}")
    assert slug(one) == (404, "not-found")
    assert ids(world, stranger) == []


def test_a_challenge_that_does_not_ask_the_phone_does_not_exist_for_it(world: World) -> None:
    phone = world.phone()
    world.totp(reason="second")
    challenge = world.client().challenge(methods=["totp"])
    one = world.device(phone, "GET", f"/v1/device/challenges/{challenge['id']}")
    assert slug(one) == (404, "not-found")
    assert ids(world, phone) == []


def test_a_challenge_opened_before_the_phone_came_does_not_ask_it(world: World) -> None:
    world.totp()
    challenge = world.client().challenge()
    late = second_phone(world)
    one = world.device(late, "GET", f"/v1/device/challenges/{challenge['id']}")
    assert slug(one) == (404, "not-found")


@pytest.mark.parametrize("id_", ["chl_unknown", "x", "aut_1"])
def test_an_unknown_challenge_does_not_exist(world: World, id_: str) -> None:
    response = world.device(world.phone(), "GET", f"/v1/device/challenges/{id_}")
    assert slug(response) == (404, "not-found")


@pytest.mark.parametrize(
    "query",
    ["?wait=31", "?wait=-1", "?wait=x", "?wait=1.5", "?wait=", "?wait=1&wait=1", "?wait=%D9%A1"],
)
def test_a_wait_that_is_no_number_up_to_30_is_422(world: World, query: str) -> None:
    response = world.device(world.phone(), "GET", f"/v1/device/challenges{query}")
    assert slug(response) == (422, "invalid-request")


@pytest.mark.parametrize("level", [AAL1, AAL2])
def test_answers_are_not_stored_on_the_way(world: World, level: str) -> None:
    phone = world.phone(pin=PinKey())
    challenge = world.client().challenge(acr_values=[level])
    for path in ("/v1/device/challenges", f"/v1/device/challenges/{challenge['id']}"):
        assert world.device(phone, "GET", path).headers["Cache-Control"] == "no-store"
