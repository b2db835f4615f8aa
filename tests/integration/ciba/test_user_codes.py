"""User codes: who does not know it asks nobody, and it cannot be guessed (CIBA Core §7.1)."""

import pytest

from tests.support.ciba import Asker, asker
from tests.support.clients import oauth_error
from tests.support.database import everything_in
from tests.support.world import Api, World

ASKS_FOR_CODES = {"backchannel_user_code_parameter": True}
CODE = "blue horse 7"


@pytest.fixture
def till(world: World) -> Asker:
    world.phone()
    return asker(world, metadata=ASKS_FOR_CODES)


def path_of(api: Api, sub: str = "alice") -> str:
    user = api.get(f"/v1/users?sub={sub}").get_json()["users"][0]
    return f"/v1/users/{user['id']}/user-code"


@pytest.fixture
def coded(till: Asker) -> str:
    api = till.world.client()
    path = path_of(api)
    assert api.call("PUT", path, {"user_code": CODE}).status_code == 204
    return path


def test_without_a_code_nobody_is_asked_for_one(till: Asker) -> None:
    till.asked()


@pytest.mark.usefixtures("coded")
def test_the_right_code_lets_a_request_pass(till: Asker) -> None:
    till.asked(user_code=CODE)


@pytest.mark.usefixtures("coded")
def test_a_missing_code_is_said(till: Asker) -> None:
    oauth_error(till.ask(), 400, "missing_user_code")


@pytest.mark.usefixtures("coded")
def test_a_wrong_code_is_said(till: Asker) -> None:
    oauth_error(till.ask(user_code="blue horse 8"), 400, "invalid_user_code")


@pytest.mark.usefixtures("coded")
def test_a_client_that_did_not_register_for_codes_needs_none(till: Asker) -> None:
    asker(till.world, "plain").asked()


def test_after_too_many_wrong_codes_the_right_one_is_refused_too(till: Asker, coded: str) -> None:
    for number in range(20):
        oauth_error(till.ask(user_code=f"guess {number}"), 400, "invalid_user_code")
    oauth_error(till.ask(user_code=CODE), 400, "invalid_user_code")
    till.world.client().call("PUT", coded, {"user_code": CODE})
    till.asked(user_code=CODE)


@pytest.mark.usefixtures("coded")
def test_a_right_code_forgives_the_wrong_ones(till: Asker) -> None:
    for _ in range(2):
        for number in range(19):
            oauth_error(till.ask(user_code=f"guess {number}"), 400, "invalid_user_code")
        till.world.clock.advance(3600)
        till.asked(user_code=CODE)


def test_a_code_that_was_taken_away_is_not_asked_for(till: Asker, coded: str) -> None:
    assert till.world.client().call("DELETE", coded).status_code == 204
    till.asked()


@pytest.mark.parametrize("code", ["", "abc", "x" * 65, "line\nline", 1234])
def test_a_code_has_a_form(till: Asker, coded: str, code: object) -> None:
    assert till.world.client().call("PUT", coded, {"user_code": code}).status_code == 422


def test_only_who_enrolls_people_sets_codes(till: Asker, coded: str) -> None:
    caller = till.world.client("caller", ("mfa:challenge",))
    assert caller.call("PUT", coded, {"user_code": CODE}).status_code == 403
    other = till.world.client("other", ("mfa:enroll",), realm="staff")
    assert other.call("PUT", coded, {"user_code": CODE}).status_code == 404
    assert other.call("DELETE", coded).status_code == 404


@pytest.mark.usefixtures("coded")
def test_the_code_itself_is_nowhere_in_the_database(till: Asker) -> None:
    till.asked(user_code=CODE)
    assert CODE.encode() not in everything_in(till.world.app.config["SQLALCHEMY_DATABASE_URI"])
