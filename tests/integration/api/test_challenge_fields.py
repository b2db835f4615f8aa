"""Every field of a challenge request at its bounds, of a wrong type, and with faulty text."""

from typing import Any

import pytest

from tests.support.openapi import ApiDocument
from tests.support.problems import problem
from tests.support.world import AAL1, Api, World

SMALL = {"sub": "alice"}
URI = "https://as.example/back"
FULL: dict[str, Any] = {
    "sub": "alice",
    "acr_values": [AAL1],
    "essential": True,
    "prior": {"amr": ["pwd"], "auth_time": 0},
    "max_age": 3600,
    "methods": ["totp"],
    "binding_message": "Pay",
    "transaction": {"amount": 1},
    "purpose": "login",
    "context": {"ip": "1", "user_agent": "a", "application": "b", "location": "c"},
    "expires_in": 120,
    "nonce": "n",
    "return_uri": URI,
    "state": "s",
}


@pytest.fixture(scope="module")
def api(shared_world: World) -> Api:
    """Return a client whose subject alice has a TOTP."""
    shared_world.totp("alice")
    return shared_world.client("fields", redirect_uris=(URI,))


def put(body: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a copy of `body` with the member at a dotted path replaced."""
    head, _, rest = path.partition(".")
    if not rest:
        return {**body, head: value}
    return {**body, head: put(dict(body.get(head, {})), rest, value)}


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def sized(size: int) -> dict[str, str]:
    """Return a transaction whose canonical form has `size` bytes."""
    return {"a": "x" * (size - len('{"a":""}'))}


def test_a_request_with_every_field_is_accepted(api: Api) -> None:
    assert api.post("/v1/challenges", FULL).status_code == 201


ACCEPTED = {
    "binding_message empty": ("binding_message", ""),
    "binding_message 128": ("binding_message", "é" * 128),
    "binding_message with emoji joiners": ("binding_message", "👩\u200d💻 ok"),
    "context empty": ("context", {}),
    "context.ip 256": ("context.ip", "i" * 256),
    "context.user_agent 256": ("context.user_agent", "i" * 256),
    "context.application 256": ("context.application", "i" * 256),
    "context.location 256": ("context.location", "i" * 256),
    "expires_in 30": ("expires_in", 30),
    "expires_in 600": ("expires_in", 600),
    "nonce 255": ("nonce", "n" * 255),
    "nonce empty": ("nonce", ""),
    "state 1024": ("state", "s" * 1024),
    "max_age 0": ("max_age", 0),
    "max_age 2^53-1": ("max_age", 2**53 - 1),
    "acr_values 1": ("acr_values", [AAL1]),
    "acr_values many": ("acr_values", [f"urn:{n}" for n in range(40)] + [AAL1]),
    "acr_values with a long one": ("acr_values", ["u" * 256, AAL1]),
    "methods 4": ("methods", ["webauthn", "push", "recovery_code", "totp"]),
    "prior.amr none": ("prior.amr", []),
    "prior.amr 16": ("prior.amr", ["x"] * 16),
    "prior.amr of any text": ("prior.amr", ["", "y" * 65]),
    "transaction empty": ("transaction", {}),
    "transaction 4096": ("transaction", sized(4096)),
    "transaction 4096 in UTF-8": ("transaction", {"a": "é" * 2044}),
    "transaction with a new line": ("transaction", {"a": "c\nd", "e": ["f\ng"]}),
    "transaction 32 levels": ("transaction", {"a": nested(30)}),
    "transaction integers": ("transaction", {"a": 2**53 - 1, "b": -(2**53) + 1, "c": True}),
    "purpose manage": ("purpose", "manage"),
    "essential false": ("essential", False),
}


@pytest.mark.parametrize(("path", "value"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_field_at_its_bound_is_accepted(api: Api, path: str, value: object) -> None:
    body = put(put(SMALL, "prior", FULL["prior"]), path, value)
    response = api.post("/v1/challenges", body)
    assert response.status_code == 201, response.text


@pytest.mark.parametrize("sub", ["s", "é" * 255, "😀" * 255, " x ", "a\u200eb", "A/..//%2e"])
def test_a_subject_of_1_to_255_code_points_is_looked_for(api: Api, sub: str) -> None:
    problem(api.post("/v1/challenges", {"sub": sub}), 409, "acr-unattainable")


REFUSED = {
    "sub empty": ("sub", ""),
    "sub 256": ("sub", "s" * 256),
    "binding_message 129": ("binding_message", "b" * 129),
    "context.ip 257": ("context.ip", "i" * 257),
    "context.user_agent 257": ("context.user_agent", "i" * 257),
    "context.application 257": ("context.application", "i" * 257),
    "context.location 257": ("context.location", "i" * 257),
    "expires_in 29": ("expires_in", 29),
    "expires_in 601": ("expires_in", 601),
    "expires_in -120": ("expires_in", -120),
    "nonce 256": ("nonce", "n" * 256),
    "state 1025": ("state", "s" * 1025),
    "max_age -1": ("max_age", -1),
    "max_age 2^53": ("max_age", 2**53),
    "acr_values empty": ("acr_values", []),
    "methods empty": ("methods", []),
    "methods unknown": ("methods", ["sms"]),
    "methods of another case": ("methods", ["TOTP"]),
    "prior.amr 17": ("prior.amr", ["x"] * 17),
    "prior without auth_time": ("prior", {"amr": ["pwd"]}),
    "prior without amr": ("prior", {"auth_time": 1}),
    "transaction 4097": ("transaction", sized(4097)),
    "transaction 4097 in UTF-8": ("transaction", {"a": "é" * 2044 + "x"}),
    "transaction fraction": ("transaction", {"a": 1.5}),
    "transaction fraction inside": ("transaction", {"a": [{"b": 0.1}]}),
    "transaction 2^53": ("transaction", {"a": 2**53}),
    "transaction -2^53": ("transaction", {"a": [-(2**53)]}),
    "purpose unknown": ("purpose", "transfer"),
    "return_uri not registered": ("return_uri", f"{URI}/x"),
    "return_uri with another query": ("return_uri", f"{URI}?a=b"),
    "answer.code 65": ("answer", {"method": "totp", "code": "1" * 65}),
    "answer by push": ("answer", {"method": "push", "code": "1"}),
    "answer by webauthn": ("answer", {"method": "webauthn", "credential": {}}),
    "answer without code": ("answer", {"method": "totp"}),
    "answer without method": ("answer", {"code": "1"}),
    "unknown field": ("subject", "alice"),
    "unknown field in prior": ("prior.acr", AAL1),
    "unknown field in context": ("context.country", "DE"),
    "unknown field in answer": ("answer", {"method": "totp", "code": "1", "x": 1}),
}


@pytest.mark.parametrize(("path", "value"), REFUSED.values(), ids=REFUSED.keys())
def test_a_field_beyond_its_bound_is_refused_by_its_name(
    api: Api, path: str, value: object
) -> None:
    response = api.post("/v1/challenges", put(put(SMALL, "prior", FULL["prior"]), path, value))
    errors = problem(response, 422, "invalid-request")["errors"]
    assert all(name.split(".")[0] == path.split(".", maxsplit=1)[0] for name in errors)


TEXT: list[object] = [1, True, None, [], {}]
LIST: list[object] = ["x", 1, True, None, {}]
INTEGER: list[object] = ["1", True, None, 0.5, []]
OBJECT: list[object] = ["x", 1, True, None, [], [["a", 1]]]
WRONG_TYPES: dict[str, list[object]] = {
    "sub": TEXT,
    "acr_values": [*LIST, [1], [None], [[AAL1]]],
    "essential": [1, 0, "true", None, [], {}],
    "prior": OBJECT,
    "prior.amr": [*LIST, [1], [None]],
    "prior.auth_time": INTEGER,
    "max_age": INTEGER,
    "methods": [*LIST, [1], [None], [{}]],
    "binding_message": TEXT,
    "transaction": OBJECT,
    "purpose": TEXT,
    "context": OBJECT,
    "context.ip": TEXT,
    "context.user_agent": TEXT,
    "context.application": TEXT,
    "context.location": TEXT,
    "expires_in": INTEGER,
    "nonce": TEXT,
    "return_uri": TEXT,
    "state": TEXT,
    "answer": OBJECT,
    "answer.method": TEXT,
    "answer.code": TEXT,
    "answer.authenticator_id": TEXT,
}


@pytest.mark.parametrize("path", WRONG_TYPES)
def test_a_field_of_a_wrong_type_is_refused_by_its_name(api: Api, path: str) -> None:
    base = put(FULL, "answer", {"method": "totp", "code": "000000"})
    for value in WRONG_TYPES[path]:
        errors = problem(api.post("/v1/challenges", put(base, path, value)), 422, "invalid-request")
        assert all(name.startswith(path) for name in errors["errors"]), (value, errors)


@pytest.mark.parametrize("path", ["answer.method", "answer.code", "prior.amr", "prior.auth_time"])
def test_a_required_member_is_named_when_it_is_missing(api: Api, path: str) -> None:
    base = put(FULL, "answer", {"method": "totp", "code": "000000"})
    outer, inner = path.split(".")
    base[outer] = {name: value for name, value in base[outer].items() if name != inner}
    errors = problem(api.post("/v1/challenges", base), 422, "invalid-request")["errors"]
    assert list(errors) == [path]


def test_a_missing_subject_is_named(api: Api) -> None:
    assert list(problem(api.post("/v1/challenges", {}), 422, "invalid-request")["errors"]) == [
        "sub"
    ]


DOCUMENT = ApiDocument.committed()
BEYOND_THE_DOCUMENT = {
    *("transaction 4097", "transaction 4097 in UTF-8", "transaction fraction", "max_age 2^53"),
    *("transaction fraction inside", "transaction 2^53", "transaction -2^53"),
    *("return_uri not registered", "return_uri with another query", "answer without code"),
}


@pytest.mark.parametrize(("path", "value"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_the_document_permits_what_is_accepted(path: str, value: object) -> None:
    schema = DOCUMENT.request_schema("openChallenge")
    body = put(put(SMALL, "prior", FULL["prior"]), path, value)
    assert DOCUMENT.shape_faults(schema, body) == []


@pytest.mark.parametrize("case", [name for name in REFUSED if name not in BEYOND_THE_DOCUMENT])
def test_the_document_permits_nothing_that_is_refused(case: str) -> None:
    path, value = REFUSED[case]
    schema = DOCUMENT.request_schema("openChallenge")
    body = put(put(SMALL, "prior", FULL["prior"]), path, value)
    assert DOCUMENT.shape_faults(schema, body) != []


@pytest.mark.parametrize("path", WRONG_TYPES)
def test_the_document_permits_no_wrong_type(path: str) -> None:
    schema = DOCUMENT.request_schema("openChallenge")
    base = put(FULL, "answer", {"method": "totp", "code": "000000"})
    permitted = [
        value
        for value in WRONG_TYPES[path]
        if not DOCUMENT.shape_faults(schema, put(base, path, value))
    ]
    assert permitted == []
