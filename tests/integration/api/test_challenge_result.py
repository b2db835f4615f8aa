"""What a satisfied challenge yields, how long it can be read, and by whom."""

from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from tests.support.phone import claims_of
from tests.support.problems import fresh_subject, problem
from tests.support.world import AAL1, AAL2, ISSUER, Api, Totp, World

RESULT_MEMBERS = {"acr", "acr_satisfied", "amr", "auth_time", "result_token"}
DAY = 86_400


@pytest.fixture
def sub() -> str:
    return fresh_subject()


@pytest.fixture
def totp(shared_world: World, sub: str) -> Totp:
    totp = shared_world.totp(sub)
    shared_world.clock.advance(60)
    return totp


@pytest.fixture
def api(totp: Totp) -> Api:
    return totp.world.client()


def satisfied(api: Api, sub: str, totp: Totp, **members: Any) -> dict[str, Any]:
    opened = api.challenge(sub, **members)
    response = api.answer(opened["id"], "totp", totp.code())
    assert response.status_code == 200, response.text
    return dict(response.get_json())


def test_the_result_members_are_there_only_when_satisfied(api: Api, sub: str, totp: Totp) -> None:
    opened = api.challenge(sub)
    assert not RESULT_MEMBERS & set(opened)
    done = satisfied(api, sub, totp)
    assert set(done) >= RESULT_MEMBERS
    api.call("DELETE", f"/v1/challenges/{opened['id']}")
    assert not RESULT_MEMBERS & set(api.read(opened["id"]))


def test_the_result_token_has_exactly_the_claims_of_the_contract(
    api: Api, sub: str, totp: Totp
) -> None:
    prior = totp.world.prior()
    done = satisfied(
        api, sub, totp, prior=prior, nonce="n-1", transaction={"a": 1}, acr_values=[AAL1]
    )
    claims = claims_of(done["result_token"])
    assert claims.pop("jti")
    now = totp.world.clock.now()
    assert claims.pop("iat") == now
    assert claims == {
        "iss": ISSUER,
        "aud": api.client_id,
        "sub": sub,
        "txn": done["id"],
        "acr": AAL1,
        "acr_satisfied": ["0", AAL1, AAL2],
        "amr": ["mfa", "otp", "pwd"],
        "auth_time": now,
        "nonce": "n-1",
        "tx_hash": done["tx_hash"],
        "exp": now + 300,
    }
    assert (done["acr"], done["auth_time"]) == (AAL1, now)


def test_nonce_and_tx_hash_are_left_out_when_they_were_not_sent(
    api: Api, sub: str, totp: Totp
) -> None:
    claims = claims_of(satisfied(api, sub, totp)["result_token"])
    assert not {"nonce", "tx_hash"} & set(claims)


def test_the_result_token_verifies_with_a_published_key(api: Api, sub: str, totp: Totp) -> None:
    token = satisfied(api, sub, totp)["result_token"]
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"]) == ("ES256", "stepup-result+jwt")
    jwks = jwt.PyJWKSet.from_dict(api.app.test_client().get("/.well-known/jwks.json").get_json())
    claims = jwt.decode(
        token,
        jwks[header["kid"]],
        ["ES256"],
        audience=api.client_id,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["sub"] == sub


def test_reading_again_gives_the_same_claims_and_jti(api: Api, sub: str, totp: Totp) -> None:
    done = satisfied(api, sub, totp)
    first = claims_of(done["result_token"])
    totp.world.clock.advance(1000)
    again = totp.world.client().read(done["id"])
    assert claims_of(again["result_token"]) == first
    assert {**again, "result_token": 0} == {**done, "result_token": 0}


def test_each_challenge_has_its_own_jti(api: Api, sub: str, totp: Totp) -> None:
    first = claims_of(satisfied(api, sub, totp)["result_token"])
    totp.world.clock.advance(30)
    second = claims_of(satisfied(totp.world.client(), sub, totp)["result_token"])
    assert first["jti"] != second["jti"]


@dataclass
class Opened:
    """A pending challenge and what can end it."""

    api: Api
    totp: Totp
    id: str
    expires_at: int


def ended_by_cancel(opened: Opened) -> None:
    opened.api.call("DELETE", f"/v1/challenges/{opened.id}")


def ended_by_expiry(opened: Opened) -> None:
    opened.totp.world.clock.at = opened.expires_at


def ended_by_proof(opened: Opened) -> None:
    assert opened.api.answer(opened.id, "totp", opened.totp.code()).status_code == 200


ENDINGS = [ended_by_cancel, ended_by_expiry, ended_by_proof]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
@pytest.mark.parametrize("tidied", [False, True], ids=["as it is", "tidied"])
def test_an_ended_challenge_can_be_read_for_24_hours_and_no_longer(
    api: Api, sub: str, totp: Totp, end: Any, *, tidied: bool
) -> None:
    world, opened = totp.world, api.challenge(sub)
    end(Opened(api, totp, opened["id"], opened["expires_at"]))
    status = world.client().read(opened["id"])["status"]
    for seconds, found in ((DAY, 200), (1, 404)):
        world.clock.advance(seconds)
        if tidied:
            world.services.housekeeping.run()
        response = world.client().get(f"/v1/challenges/{opened['id']}")
        assert response.status_code == found
        assert response.get_json()["status"] in {status, 404}


def test_a_challenge_that_is_too_old_to_be_read_is_404_for_every_call(
    api: Api, sub: str, totp: Totp
) -> None:
    opened = api.challenge(sub)
    totp.world.clock.advance(120 + DAY + 1)
    api = totp.world.client()
    path = f"/v1/challenges/{opened['id']}"
    proof = {"method": "totp", "code": totp.code()}
    for call in every_call(api, path, proof):
        problem(call, 404, "not-found")


def every_call(api: Api, path: str, proof: dict[str, str]) -> list[Any]:
    return [
        api.get(path),
        api.post(f"{path}/answers", proof),
        api.post(f"{path}/webauthn"),
        api.post(f"{path}/push"),
        api.call("DELETE", path),
    ]


def test_a_challenge_expires_on_the_second(api: Api, sub: str, totp: Totp) -> None:
    opened, world = api.challenge(sub, expires_in=30), totp.world
    world.clock.advance(29)
    assert world.client().read(opened["id"])["status"] == "pending"
    world.clock.advance(1)
    found = world.client().read(opened["id"])
    assert (found["status"], found["reason"]) == ("expired", None)
    response = world.client().answer(opened["id"], "totp", totp.code())
    problem(response, 409, "challenge-not-open")


def test_cancelling_is_204_and_again_204(api: Api, sub: str) -> None:
    opened = api.challenge(sub)
    for _ in range(2):
        response = api.call("DELETE", f"/v1/challenges/{opened['id']}")
        assert (response.status_code, response.data) == (204, b"")
    found = api.read(opened["id"])
    assert (found["status"], found["reason"]) == ("cancelled", None)


@pytest.mark.parametrize("end", ENDINGS[1:], ids=lambda end: end.__name__)
def test_what_ended_otherwise_cannot_be_cancelled(api: Api, sub: str, totp: Totp, end: Any) -> None:
    opened = api.challenge(sub)
    end(Opened(api, totp, opened["id"], opened["expires_at"]))
    response = totp.world.client().call("DELETE", f"/v1/challenges/{opened['id']}")
    problem(response, 409, "challenge-not-open")


@pytest.mark.parametrize("members", [{}, {"realm": "elsewhere"}], ids=["same realm", "another"])
def test_another_clients_challenge_is_404_as_if_it_did_not_exist(
    api: Api, sub: str, totp: Totp, members: dict[str, Any]
) -> None:
    opened = api.challenge(sub)
    other = totp.world.client(f"other {members}", **members)
    proof = {"method": "totp", "code": totp.code()}
    bodies = []
    for challenge_id in (opened["id"], "chl_0000000000000000000000000000"):
        calls = every_call(other, f"/v1/challenges/{challenge_id}", proof)
        found = [problem(call, 404, "not-found") for call in calls]
        bodies.append([{**body, "instance": None} for body in found])
    assert bodies[0] == bodies[1]
    assert api.read(opened["id"])["attempts_left"] == 5
    assert api.answer(opened["id"], "totp", totp.code()).status_code == 200


def test_clients_of_a_realm_share_subjects(sub: str, totp: Totp) -> None:
    other = totp.world.client("second")
    assert satisfied(other, sub, totp)["status"] == "satisfied"


def test_a_subject_of_another_realm_is_unknown(sub: str, totp: Totp) -> None:
    other = totp.world.client("elsewhere", realm="elsewhere")
    found = problem(other.post("/v1/challenges", {"sub": sub}), 409, "acr-unattainable")
    nobody = problem(other.post("/v1/challenges", {"sub": "nobody"}), 409, "acr-unattainable")
    assert {**found, "instance": 0} == {**nobody, "instance": 0}


def test_a_subject_of_the_same_name_in_another_realm_is_another_person(
    sub: str, totp: Totp
) -> None:
    world = totp.world
    other = world.client("elsewhere", realm="elsewhere")
    theirs = world.totp(sub, api=other)
    opened = other.challenge(sub)
    assert [offer["authenticator_id"] for offer in opened["methods"]] == [theirs.id]
    problem(other.answer(opened["id"], "totp", totp.code()), 403, "proof-rejected")
