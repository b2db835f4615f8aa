"""Control characters, lone surrogates and text that reorders what a person reads."""

import json
from typing import Any

import pytest

from tests.support.problems import fresh_subject, problem
from tests.support.world import Api, World

CONTROLS = ["\x00", "\x01", "\t", "\r", "\x1f", "\x7f", "\x80", "\x9f", "\ud800", "\udfff"]
BIDI = [*"\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]
TEXTS: dict[str, Any] = {
    "sub": lambda text: {"sub": text},
    "acr_values": lambda text: {"acr_values": [text]},
    "prior.amr": lambda text: {"prior": {"amr": [text], "auth_time": 0}},
    "methods": lambda text: {"methods": [text]},
    "binding_message": lambda text: {"binding_message": text},
    "transaction value": lambda text: {"transaction": {"a": text}},
    "transaction inner value": lambda text: {"transaction": {"a": [{"b": text}]}},
    "transaction name": lambda text: {"transaction": {text: 1}},
    "transaction inner name": lambda text: {"transaction": {"a": {text: 1}}},
    "purpose": lambda text: {"purpose": text},
    "context.ip": lambda text: {"context": {"ip": text}},
    "context.user_agent": lambda text: {"context": {"user_agent": text}},
    "context.application": lambda text: {"context": {"application": text}},
    "context.location": lambda text: {"context": {"location": text}},
    "nonce": lambda text: {"nonce": text},
    "return_uri": lambda text: {"return_uri": text},
    "state": lambda text: {"state": text},
    "answer.code": lambda text: {"answer": {"method": "totp", "code": text}},
    "answer.method": lambda text: {"answer": {"method": text, "code": "1"}},
    "a name": lambda text: {text: 1},
}
SHOWN = [
    "binding_message",
    "transaction value",
    "transaction inner value",
    "transaction name",
    "transaction inner name",
    "context.ip",
    "context.user_agent",
    "context.application",
    "context.location",
]
NOT_SHOWN = ["acr_values", "prior.amr", "nonce", "state"]


@pytest.fixture(scope="module")
def api(shared_world: World) -> Api:
    shared_world.totp("alice")
    return shared_world.client()


@pytest.mark.parametrize("place", TEXTS)
def test_control_characters_and_lone_surrogates_are_refused_in_any_text(
    api: Api, place: str
) -> None:
    for character in CONTROLS:
        body = {"sub": "alice", **TEXTS[place](f"a{character}b")}
        problem(api.post("/v1/challenges", body), 422, "invalid-request")


@pytest.mark.parametrize("place", [place for place in TEXTS if "transaction" not in place])
def test_a_new_line_is_refused_outside_a_transaction(api: Api, place: str) -> None:
    body = {"sub": "alice", **TEXTS[place]("a\nb")}
    problem(api.post("/v1/challenges", body), 422, "invalid-request")


@pytest.mark.parametrize("place", SHOWN)
def test_text_that_reorders_what_is_shown_is_refused(api: Api, place: str) -> None:
    for character in BIDI:
        body = {"sub": "alice", **TEXTS[place](f"a{character}b")}
        problem(api.post("/v1/challenges", body), 422, "invalid-request")


@pytest.mark.parametrize("place", NOT_SHOWN)
def test_text_that_is_not_shown_may_have_any_direction(api: Api, place: str) -> None:
    body = {"sub": "alice", "essential": False, **TEXTS[place](f"a{BIDI[0]}b")}
    assert api.post("/v1/challenges", body).status_code == 201


def test_control_characters_written_raw_are_no_json(api: Api) -> None:
    body = b'{"sub":"alice","nonce":"a\x01b"}'
    problem(api.post("/v1/challenges", body), 400, "malformed-json")


FAULTY_ANSWERS = {
    "code a number": {"method": "totp", "code": 123456},
    "code null": {"method": "totp", "code": None},
    "code a list": {"method": "totp", "code": ["123456"]},
    "code missing": {"method": "totp"},
    "code of 65 characters": {"method": "totp", "code": "1" * 65},
    "code with NUL": {"method": "totp", "code": "12345\x00"},
    "code with a control character": {"method": "recovery_code", "code": "12345\x07"},
    "code with a new line": {"method": "totp", "code": "123456\n"},
    "code with a lone surrogate": {"method": "recovery_code", "code": "\ud800"},
    "method unknown": {"method": "sms", "code": "123456"},
    "method missing": {"code": "123456"},
    "method push": {"method": "push", "code": "123456"},
    "credential missing": {"method": "webauthn"},
    "credential a text": {"method": "webauthn", "credential": "x"},
    "credential a list": {"method": "webauthn", "credential": []},
    "credential null": {"method": "webauthn", "credential": None},
    "credential with totp": {"method": "totp", "code": "1", "credential": {}},
    "code with webauthn": {"method": "webauthn", "credential": {}, "code": "1"},
    "authenticator_id a number": {"method": "totp", "code": "1", "authenticator_id": 1},
    "authenticator_id with recovery_code": {
        "method": "recovery_code",
        "code": "1",
        "authenticator_id": "aut_x",
    },
    "unknown field": {"method": "totp", "code": "1", "x": 1},
}


@pytest.mark.parametrize("body", FAULTY_ANSWERS.values(), ids=FAULTY_ANSWERS.keys())
def test_an_answer_of_a_wrong_shape_is_422_and_costs_no_attempt(
    api: Api, body: dict[str, Any]
) -> None:
    opened = api.challenge("alice")
    problem(api.post(f"/v1/challenges/{opened['id']}/answers", body), 422, "invalid-request")
    assert api.read(opened["id"])["attempts_left"] == 5


def test_a_one_call_answer_of_a_wrong_shape_opens_no_challenge(shared_world: World) -> None:
    api, sub = shared_world.client(), fresh_subject()
    phone = shared_world.phone(sub)
    body = {"sub": sub, "answer": {"method": "totp", "code": "12345\x00"}}
    problem(api.post("/v1/challenges", body), 422, "invalid-request")
    waiting = shared_world.device(phone, "GET", "/v1/device/challenges").get_json()
    assert waiting == {"challenges": []}


def test_members_inside_a_credential_are_ignored_and_not_believed(api: Api) -> None:
    opened = api.challenge("alice")
    credential = {"id": "x", "amr": ["hwk"], "level": "phr", "clientExtensionResults": {"a": [1]}}
    body = {"method": "webauthn", "credential": credential}
    found = problem(api.post(f"/v1/challenges/{opened['id']}/answers", body), 403, "proof-rejected")
    assert found["attempts_left"] == 4


def test_escapes_are_decoded_before_they_are_judged(api: Api) -> None:
    body = json.dumps({"sub": "alice", "nonce": "a\u202eb"}).encode()
    assert rb"\u202e" in body
    opened = api.post("/v1/challenges", body)
    assert opened.status_code == 201
    refused = body.replace(rb'"nonce"', rb'"binding_message"')
    problem(api.post("/v1/challenges", refused), 422, "invalid-request")
