"""Opening a challenge: what comes back, for whom, and what of it is signed."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest

from tests.support.problems import fresh_subject, problem
from tests.support.world import ISSUER, Api, World

MEMBERS = {
    *("id", "status", "reason", "sub", "created_at", "expires_at", "interval", "attempts_left"),
    *("tx_hash", "methods", "push", "page"),
}


@pytest.fixture
def api(shared_world: World) -> Api:
    return shared_world.client()


@pytest.fixture
def sub() -> str:
    return fresh_subject()


def test_a_new_challenge_has_every_member_of_the_contract(
    shared_world: World, api: Api, sub: str
) -> None:
    totp, now = shared_world.totp(sub, label="Blue app"), shared_world.clock.now()
    found = api.challenge(sub, expires_in=77)
    assert set(found) == MEMBERS
    assert re.fullmatch(r"chl_[A-Za-z0-9_-]{22,}", found.pop("id"))
    assert found.pop("page").startswith(f"{ISSUER}/challenge/")
    assert found == {
        "status": "pending",
        "reason": None,
        "sub": sub,
        "created_at": now,
        "expires_at": now + 77,
        "interval": 2,
        "attempts_left": 5,
        "tx_hash": None,
        "methods": [{"method": "totp", "authenticator_id": totp.id, "label": "Blue app"}],
        "push": {"state": "none"},
    }


def test_the_answer_names_its_location_and_may_not_be_stored(
    shared_world: World, api: Api, sub: str
) -> None:
    shared_world.totp(sub)
    response = api.post("/v1/challenges", {"sub": sub})
    assert response.headers["Location"] == f"{ISSUER}/v1/challenges/{response.get_json()['id']}"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.mimetype == "application/json"


def test_a_challenge_lives_120_seconds_unless_asked_otherwise(
    shared_world: World, api: Api, sub: str
) -> None:
    shared_world.totp(sub)
    found = api.challenge(sub)
    assert found["expires_at"] - found["created_at"] == 120


def test_a_subject_is_compared_exactly_and_never_folded_or_normalised(
    shared_world: World, api: Api, sub: str
) -> None:
    shared_world.totp(f"{sub}é")
    assert api.challenge(f"{sub}é")["sub"] == f"{sub}é"
    for other in (f"{sub}e\u0301", f"{sub}É", f" {sub}é", f"{sub}é ", sub.upper() + "é"):
        problem(api.post("/v1/challenges", {"sub": other}), 409, "acr-unattainable")


def canonical(value: object) -> str:
    """Return the RFC 8785 form by its own rules; integers only."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(n)}:{canonical(value[n])}" for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize(
    "transaction",
    [
        {"amount": 1999, "currency": "EUR", "to": {"iban": "DE00", "name": "Zoë"}},
        {
            "b": [1, {"z": None, "a": True}],
            "a": "line\nnext",
            "€": 0,
            "\U0001f600": -5,
            "\ufb33": 1,
        },
        {'quote"d': "back\\slash /", "n": 2**53 - 1},
        {},
    ],
    ids=["payment", "order of names", "escapes", "empty"],
)
def test_tx_hash_is_the_sha_256_of_the_canonical_form(
    shared_world: World, api: Api, sub: str, transaction: dict[str, Any]
) -> None:
    shared_world.totp(sub)
    digest = hashlib.sha256(canonical(transaction).encode()).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    found = api.challenge(sub, transaction=transaction)
    assert found["tx_hash"] == expected
    assert api.read(found["id"])["tx_hash"] == expected
