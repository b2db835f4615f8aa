"""What may be sent once is believed once, also when it arrives many times at the same moment."""

import json
import secrets
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from werkzeug.test import TestResponse

from mfa_service.persistence.models import Challenge, Enrollment
from tests.integration.races.rows import column
from tests.support.phone import Phone, jws, public_jwk
from tests.support.racing import race, slugs, statuses
from tests.support.world import ISSUER, Api, World

AT_ONCE = 16
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def signed(world: World, phone: Phone, method: str, path: str, body: Any) -> partial[TestResponse]:
    """Return one finished request of a phone, to be sent as often as wanted."""
    media, raw = "application/json", json.dumps(body).encode()
    if isinstance(body, str):
        media, raw = "application/jose", body.encode()
    headers = {"Authorization": phone.authorization(method, path, raw)}
    client = world.app.test_client()
    return partial(client.open, path, method=method, data=raw, content_type=media, headers=headers)


def test_one_signed_request_many_times_is_believed_once(any_world: World) -> None:
    phone = any_world.phone()
    again = signed(any_world, phone, "PUT", "/v1/device/push", {"provider": "none"})
    assert statuses(race([again] * AT_ONCE)) == {204: 1, 401: AT_ONCE - 1}


def test_one_signed_wrong_answer_many_times_costs_one_attempt(any_world: World) -> None:
    phone, api = any_world.phone(), any_world.client()
    challenge = api.challenge()
    asked = any_world.fetch(phone, challenge["id"])
    wrong = "000000" if challenge["display_code"] != "000000" else "000001"
    path = f"/v1/device/challenges/{challenge['id']}/answer"
    again = signed(any_world, phone, "POST", path, phone.answer(asked, code=wrong))
    assert statuses(race([again] * AT_ONCE)) == {403: 1, 401: AT_ONCE - 1}
    assert api.read(challenge["id"])["attempts_left"] == 4


def test_one_signed_approval_many_times_is_accepted_once(any_world: World) -> None:
    phone, api = any_world.phone(), any_world.client()
    challenge = api.challenge()
    asked = any_world.fetch(phone, challenge["id"])
    path = f"/v1/device/challenges/{challenge['id']}/answer"
    token = phone.answer(asked, code=challenge["display_code"])
    answers = race([signed(any_world, phone, "POST", path, token)] * AT_ONCE)
    assert statuses(answers)[200] == 1
    assert set(statuses(answers)) <= {200, 401, 409}


def test_one_client_assertion_many_times_is_believed_once(any_world: World) -> None:
    key = generate_private_key(SECP256R1())
    client = any_world.client("signer", jwks={"keys": [{**public_jwk(key), "alg": "ES256"}]})
    at = any_world.clock.now()
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": ISSUER,
        "jti": secrets.token_urlsafe(16),
        "iat": at,
        "exp": at + 60,
    }
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": jws({"alg": "ES256", "typ": "JWT"}, claims, key),
    }
    send = partial(
        any_world.app.test_client().post,
        "/oauth2/token",
        data=urlencode(form).encode(),
        content_type="application/x-www-form-urlencoded",
    )
    answers = race([send] * AT_ONCE)
    assert statuses(answers) == {200: 1, 401: AT_ONCE - 1}
    assert {a.get_json()["error"] for a in answers if a.status_code == 401} == {"invalid_client"}


def keyed(api: Api, path: str, body: Any, key: str = "k-1") -> partial[TestResponse]:
    return partial(api.post, path, body, headers={"Idempotency-Key": key})


def test_openings_under_one_key_make_one_challenge(any_world: World) -> None:
    any_world.totp()
    opened = race([keyed(any_world.client(), "/v1/challenges", {"sub": "alice"})] * AT_ONCE)
    assert statuses(opened) == {201: AT_ONCE}
    assert len({(answer.text, answer.headers["Location"]) for answer in opened}) == 1
    assert len(column(any_world, Challenge.id)) == 1


def test_one_key_with_two_bodies_lets_one_body_win(any_world: World) -> None:
    any_world.totp()
    api = any_world.client()
    bodies = [{"sub": "alice", "nonce": nonce} for nonce in ("one", "two")]
    opened = race([keyed(api, "/v1/challenges", body) for body in bodies * 6])
    assert statuses(opened) == {201: 6, 422: 6}
    assert slugs(opened) == {"idempotency-key-reused"}
    assert len(column(any_world, Challenge.id)) == 1


def test_one_key_of_two_clients_makes_two_challenges(any_world: World) -> None:
    any_world.totp()
    apis = [any_world.client(), any_world.client("gateway")]
    opened = race([keyed(api, "/v1/challenges", {"sub": "alice"}) for api in apis * 4])
    assert statuses(opened) == {201: 8}
    assert len(column(any_world, Challenge.id)) == 2


def test_a_wrong_answer_under_one_key_costs_one_attempt(any_world: World) -> None:
    totp, api = any_world.totp(), any_world.client()
    challenge = api.challenge()
    body = {"method": "totp", "code": totp.wrong()}
    answers = race([keyed(api, f"/v1/challenges/{challenge['id']}/answers", body)] * 8)
    assert statuses(answers) == {403: 8}
    assert len({answer.text for answer in answers}) == 1
    assert api.read(challenge["id"])["attempts_left"] == 4


def test_a_right_answer_under_one_key_is_told_to_everybody(any_world: World) -> None:
    codes, api = any_world.recovery_codes(), any_world.client()
    challenge = api.challenge()
    body = {"method": "recovery_code", "code": codes[0]}
    answers = race([keyed(api, f"/v1/challenges/{challenge['id']}/answers", body)] * 8)
    assert statuses(answers) == {200: 8}
    assert len({answer.get_json()["result_token"] for answer in answers}) == 1


@pytest.mark.parametrize("kind", ["totp", "phone", "recovery_codes"])
def test_enrollments_under_one_key_show_one_secret(any_world: World, kind: str) -> None:
    body = {"sub": "alice", "type": kind}
    answers = race([keyed(any_world.client(), "/v1/enrollments", body)] * 8)
    assert statuses(answers) == {201: 8}
    assert len({answer.text for answer in answers}) == 1
    assert len(column(any_world, Enrollment.id)) == 1
