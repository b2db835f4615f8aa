"""The signature on every request of a phone: any fault is the one 401 (contract section 6)."""

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from tests.support.forging import FORGERIES, NOTHING, Forgery, problem, request
from tests.support.phone import Phone, b64, public_jwk
from tests.support.world import ISSUER, World

DEVICE, PUSH = "/v1/device", "/v1/device/push"
BODY = json.dumps({"provider": "none"}).encode()
OTHER_HASH = b64(hashlib.sha256(b"another body").digest())


def refused(world: World, phone: Phone, method: str, path: str, **options: Any) -> dict[str, Any]:
    """Send the request, see it refused as every other fault is, and return the body."""
    response = request(world, phone, method, path, **options)
    assert response.status_code == 401, response.text
    assert response.headers["WWW-Authenticate"].startswith("Device")
    unsigned = world.app.test_client().get(DEVICE, headers={"Authorization": "Device garbage"})
    assert problem(response) == problem(unsigned)
    return dict(response.get_json())


@pytest.fixture(name="world", scope="module")
def _world(shared_world: World) -> World:
    return shared_world


@pytest.fixture(scope="module")
def phone(world: World) -> Phone:
    return world.phone()


def test_a_right_request_is_answered(world: World, phone: Phone) -> None:
    assert request(world, phone, "GET", DEVICE).status_code == 200
    assert request(world, phone, "PUT", PUSH, body=BODY).status_code == 204


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_proof_is_refused(world: World, phone: Phone, forgery: Forgery) -> None:
    refused(world, phone, "PUT", PUSH, body=BODY, forgery=forgery)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"kid": None}, id="none"),
        pytest.param({"kid": ""}, id="empty"),
        pytest.param({"kid": "aut_unknown"}, id="unknown"),
        pytest.param({"kid": 1}, id="a number"),
        pytest.param({"kid": ["aut_unknown"]}, id="a list"),
    ],
)
def test_a_kid_that_is_no_phone_is_refused(
    world: World, phone: Phone, header: dict[str, Any]
) -> None:
    refused(world, phone, "GET", DEVICE, forgery=Forgery(header))


def test_the_id_of_another_phone_is_refused(world: World, phone: Phone) -> None:
    other = world.phone("bob")
    refused(world, phone, "GET", DEVICE, forgery=Forgery({"kid": other.device_id}))


def test_the_id_of_a_totp_is_refused(world: World, phone: Phone) -> None:
    totp = world.totp("carol")
    refused(world, phone, "GET", DEVICE, forgery=Forgery({"kid": totp.id}))


def test_a_key_in_the_header_is_refused_even_the_right_one(world: World, phone: Phone) -> None:
    forgery = Forgery({"jwk": public_jwk(phone.key)})
    refused(world, phone, "GET", DEVICE, forgery=forgery)


def test_a_key_in_the_header_does_not_replace_the_enrolled_one(world: World, phone: Phone) -> None:
    thief = Phone(ISSUER, world.clock.now, device_id=phone.device_id)
    thief.key = generate_private_key(SECP256R1())
    refused(world, thief, "GET", DEVICE, forgery=Forgery({"jwk": public_jwk(thief.key)}))


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"htm": None}, id="no htm"),
        pytest.param({"htm": "DELETE"}, id="htm of another method"),
        pytest.param({"htm": "get"}, id="htm in lower case"),
        pytest.param({"htm": ["GET"]}, id="htm as a list"),
        pytest.param({"htu": None}, id="no htu"),
        pytest.param({"htu": f"{ISSUER}/v1/device/challenges"}, id="htu with another path"),
        pytest.param({"htu": f"{ISSUER}/v1/device/"}, id="htu with a slash"),
        pytest.param({"htu": f"{ISSUER}/v1/device?a=b"}, id="htu with a query"),
        pytest.param({"htu": f"{ISSUER}/v1/device#a"}, id="htu with a fragment"),
        pytest.param({"htu": f"{ISSUER}/v1/%64evice"}, id="htu percent-encoded"),
        pytest.param({"htu": f"{ISSUER}//v1/device"}, id="htu with two slashes"),
        pytest.param({"htu": f"{ISSUER}/v1/./device"}, id="htu with a dot segment"),
        pytest.param({"htu": "http://evil.example/v1/device"}, id="htu with another host"),
        pytest.param({"htu": "https://localhost:8000/v1/device"}, id="htu with another scheme"),
        pytest.param({"htu": "http://localhost/v1/device"}, id="htu with another port"),
        pytest.param({"htu": "http://LOCALHOST:8000/v1/device"}, id="htu in upper case"),
        pytest.param({"htu": "/v1/device"}, id="htu without issuer"),
        pytest.param({"jti": None}, id="no jti"),
        pytest.param({"jti": ""}, id="empty jti"),
        pytest.param({"jti": 1}, id="jti as a number"),
        pytest.param({"jti": "a\nb"}, id="jti with a control character"),
        pytest.param({"iat": None}, id="no iat"),
        pytest.param({"iat": "now"}, id="iat as text"),
        pytest.param({"iat": True}, id="iat as boolean"),
        pytest.param({"bh": OTHER_HASH}, id="bh without a body"),
        pytest.param({"bh": ""}, id="empty bh without a body"),
    ],
)
def test_a_claim_that_does_not_fit_the_request_is_refused(
    world: World, phone: Phone, claims: dict[str, Any]
) -> None:
    refused(world, phone, "GET", DEVICE, **claims)


@pytest.mark.parametrize(
    "bh",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param(OTHER_HASH, id="of another body"),
        pytest.param(b64(hashlib.sha256(BODY).digest()) + "=", id="padded"),
        pytest.param(hashlib.sha256(BODY).hexdigest(), id="in hexadecimal"),
        pytest.param(b64(hashlib.sha512(BODY).digest()), id="by another hash"),
        pytest.param("é", id="not ASCII"),
        pytest.param(7, id="a number"),
    ],
)
def test_a_body_needs_its_own_hash(world: World, phone: Phone, bh: Any) -> None:
    refused(world, phone, "PUT", PUSH, body=BODY, bh=bh)


def test_a_body_that_was_changed_on_the_way_is_refused(world: World, phone: Phone) -> None:
    refused(world, phone, "PUT", PUSH, body=BODY, send_body=BODY + b" ")


def test_a_proof_for_another_method_is_refused(world: World, phone: Phone) -> None:
    refused(world, phone, "GET", DEVICE, send_method="DELETE")
    assert request(world, phone, "GET", DEVICE).status_code == 200


def test_a_path_is_compared_as_it_was_sent(world: World, phone: Phone) -> None:
    refused(world, phone, "GET", DEVICE, send_path="/v1/%64evice")
    assert request(world, phone, "GET", "/v1/%64evice").status_code == 200


def test_the_query_is_not_part_of_the_proof(world: World, phone: Phone) -> None:
    response = request(world, phone, "GET", DEVICE, send_path="/v1/device?known=1")
    assert response.status_code == 200


def test_the_host_header_is_not_consulted(world: World, phone: Phone) -> None:
    headers = {"Authorization": phone.authorization("GET", DEVICE), "Host": "evil.example"}
    assert world.app.test_client().get(DEVICE, headers=headers).status_code == 200


@pytest.mark.parametrize("offset", [-60, -59, 59, 60])
def test_a_clock_up_to_a_minute_off_is_good(world: World, phone: Phone, offset: int) -> None:
    response = request(world, phone, "GET", DEVICE, iat=world.clock.now() + offset)
    assert response.status_code == 200


@pytest.mark.parametrize("offset", [-61, 61, -86_400, 2**40])
def test_a_clock_further_off_is_refused(world: World, phone: Phone, offset: int) -> None:
    refused(world, phone, "GET", DEVICE, iat=world.clock.now() + offset)


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(None, id="none"),
        pytest.param("Device", id="no token"),
        pytest.param("Bearer {token}", id="as a bearer"),
        pytest.param("DPoP {token}", id="as DPoP"),
        pytest.param("{token}", id="no scheme"),
        pytest.param("Device {token} {token}", id="twice"),
    ],
)
def test_no_proof_in_its_place_is_refused(
    world: World, phone: Phone, authorization: str | None
) -> None:
    token = phone.authorization("GET", DEVICE).removeprefix("Device ")
    headers = {"Authorization": authorization.format(token=token)} if authorization else {}
    response = world.app.test_client().get(DEVICE, headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Device")


def test_the_token_of_a_client_opens_nothing_of_the_phone(world: World) -> None:
    assert world.client().get(DEVICE).status_code == 401


def test_the_proof_of_a_phone_opens_nothing_of_the_client(world: World, phone: Phone) -> None:
    headers = {"Authorization": phone.authorization("GET", "/v1/users")}
    response = world.app.test_client().get("/v1/users?sub=alice", headers=headers)
    assert response.status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/device/challenges"),
        ("GET", "/v1/device/challenges/chl_x"),
        ("POST", "/v1/device/challenges/chl_x/answer"),
        ("POST", "/v1/device/keys"),
        ("PUT", "/v1/device/pin"),
        ("PUT", PUSH),
        ("DELETE", DEVICE),
    ],
)
def test_every_call_of_the_phone_needs_the_proof(
    world: World, phone: Phone, method: str, path: str
) -> None:
    refused(world, phone, method, path, forgery=Forgery(sign=FORGERIES["a flipped bit"].sign))
    assert request(world, phone, "GET", DEVICE, forgery=NOTHING).status_code == 200
