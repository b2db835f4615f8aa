"""A client is asked and told in its own dialect, by the API as well as in tokens."""

import pytest

from tests.support.code_flow import party_of
from tests.support.phone import claims_of
from tests.support.world import Api, World

KEYCLOAK = {"dialect": "keycloak"}


@pytest.fixture
def api(world: World) -> Api:
    return world.client("keycloak", metadata=KEYCLOAK)


def test_levels_are_asked_and_told_in_the_clients_words(world: World, api: Api) -> None:
    totp = world.totp()
    opened = api.challenge(acr_values=["2"], prior={"amr": ["pwd"], "auth_time": world.clock.now()})
    done = api.answer(opened["id"], "totp", totp.next()).get_json()
    assert [done["acr"], done["acr_satisfied"]] == ["2", ["0", "1", "2"]]
    claims = claims_of(done["result_token"])
    assert [claims["acr"], claims["acr_satisfied"]] == ["2", ["0", "1", "2"]]


def test_methods_that_its_dialect_does_not_know_are_left_out(world: World, api: Api) -> None:
    recovery = world.client("keycloak").enroll(type="recovery_codes")["codes"][0]
    opened = api.challenge()
    done = api.answer(opened["id"], "recovery_code", recovery).get_json()
    assert done["amr"] == ["otp"]


def test_a_level_out_of_reach_stays_out_of_reach(world: World, api: Api) -> None:
    world.totp()
    refused = api.post("/v1/challenges", {"sub": "alice", "acr_values": ["3"]})
    assert (refused.status_code, refused.get_json()["type"].rpartition("/")[2]) == (
        409,
        "acr-unattainable",
    )


def test_a_user_is_described_in_the_clients_words(world: World, api: Api) -> None:
    world.totp()
    (found,) = api.get("/v1/users", query_string={"sub": "alice"}).get_json()["users"]
    assert found["acr_attainable"] == "1"


def test_another_client_of_the_realm_keeps_its_own_words(world: World, api: Api) -> None:
    totp = world.totp()
    plain = world.client()
    opened = plain.challenge()
    assert plain.answer(opened["id"], "totp", totp.next()).get_json()["acr"].startswith("urn:")
    assert api.client_id != plain.client_id


@pytest.mark.parametrize(
    ("dialect", "asked", "told"),
    [
        ("refeds", "https://refeds.org/profile/sfa", "https://refeds.org/profile/sfa"),
        ("okta", "urn:okta:loa:1fa:any", "urn:okta:loa:1fa:any"),
        ("nist", "", "http://idmanagement.gov/ns/assurance/aal/1"),
        ("keycloak", "urn:stepup:acr:aal1", "1"),
    ],
)
def test_an_id_token_speaks_the_clients_dialect(
    world: World, dialect: str, asked: str, told: str
) -> None:
    totp = world.totp()
    party = party_of(world, metadata={"dialect": dialect})
    assert claims_of(party.tokens(totp, acr_values=asked)["id_token"])["acr"] == told
