"""Whatever a client sends, the service answers as openapi.yaml says, and never with a 5xx."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.openapi import ApiDocument
from tests.support.properties import FEW, json_objects, json_values
from tests.support.world import World

NAMES = {
    "/v1/challenges": [
        *("sub", "acr_values", "essential", "prior", "max_age", "methods", "binding_message"),
        *("transaction", "purpose", "context", "expires_in", "nonce", "return_uri", "state"),
        "answer",
    ],
    "/v1/challenges/{id}/answers": ["method", "code", "authenticator_id", "credential"],
    "/v1/challenges/{id}/push": ["authenticator_id"],
    "/v1/enrollments": ["sub", "type", "label", "challenge_id", "reason"],
    "/v1/enrollments/{id}/confirm": ["check_code", "code", "credential"],
}
LIKELY = st.sampled_from(
    ["alice", "totp", "push", "login", "0", "000000", "pwd", "aut_x", "phone", "\u202e", "\n", ""]
)
VALUES = LIKELY | st.integers(-1, 700) | st.lists(LIKELY, max_size=3) | json_values


def bodies(path: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with some of the names that the operation knows, and any value."""
    inner = st.dictionaries(st.sampled_from(["ip", "amr", "auth_time", "method", "code"]), VALUES)
    known = st.dictionaries(st.sampled_from(NAMES[path]), VALUES | inner, max_size=5)
    valid = {"sub": "alice"} if "sub" in NAMES[path] else {}
    return known.map(lambda members: {**valid, **members}) | json_objects


@pytest.fixture
def document(world: World) -> ApiDocument:
    found = ApiDocument.committed()
    found.watch(world.app)
    return found


@pytest.mark.parametrize("path", NAMES)
def test_any_body_gets_a_documented_answer_and_no_fault_of_ours(
    path: str, world: World, document: ApiDocument
) -> None:
    world.totp()
    api = world.client()
    ids = {
        "challenges": api.challenge(expires_in=600)["id"],
        "enrollments": api.enroll("bob", type="totp")["id"],
    }
    target = path.format(id=ids[path.split("/")[2]])

    @settings(FEW, max_examples=60)
    @given(body=bodies(path))
    def send(body: dict[str, Any]) -> None:
        response = api.post(target, body)
        assert response.status_code < 500, (body, response.text)

    send()
    assert document.faults == []
