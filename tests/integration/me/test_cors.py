"""Which origins may call `/v1/me` from a browser, and that no other path is shared with them."""

import re

import pytest

from mfa_service.http.operations import Operation
from mfa_service.http.routes import OPERATIONS
from tests.support.me import ORIGIN, PeoplesWorld, Person
from tests.support.world import ISSUER

PATHS = ("/v1/me", "/v1/me/challenges", "/v1/me/challenges/chl_x/answers", "/v1/me/nowhere")
OTHERS = (
    "http://localhost:5174",
    "https://localhost:5173",
    "http://LOCALHOST:5173",
    "http://localhost:5173.evil.example",
    "http://evil.example",
    "null",
    "*",
    "",
)


def preflight(people: PeoplesWorld, path: str, origin: str, method: str) -> dict[str, str]:
    response = people.world.app.test_client().options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
        },
    )
    return dict(response.headers)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", [ORIGIN, ISSUER])
def test_a_configured_origin_may_ask(people: PeoplesWorld, path: str, origin: str) -> None:
    headers = preflight(people, path, origin, "PATCH")
    assert headers["Access-Control-Allow-Origin"] == origin
    assert headers["Access-Control-Allow-Methods"] == "GET, POST, PATCH, DELETE"
    allowed = headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "idempotency-key"} <= set(allowed)
    assert int(headers["Access-Control-Max-Age"]) == 600
    assert headers["Vary"] == "Origin"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", OTHERS)
def test_no_other_origin_may_ask(people: PeoplesWorld, path: str, origin: str) -> None:
    headers = preflight(people, path, origin, "GET")
    assert not [name for name in headers if name.startswith("Access-Control-")]
    assert headers["Vary"] == "Origin"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_a_preflight_is_ok_wherever_an_operation_is(
    people: PeoplesWorld, operation: Operation
) -> None:
    path = re.sub("<[^>]*>", "x", operation.path)
    response = people.world.app.test_client().options(path)
    assert response.status_code == 200
    assert {"OPTIONS", operation.method} <= set(response.headers["Allow"].split(", "))


def test_an_answer_can_be_read_with_what_it_says_about_itself(alice: Person) -> None:
    headers = alice.get("", headers={"Origin": ORIGIN}).headers
    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    exposed = set(headers["Access-Control-Expose-Headers"].split(", "))
    assert {"Location", "Retry-After", "WWW-Authenticate", "X-Request-Id"} <= exposed
    assert "Origin" in headers["Vary"]


def test_a_refusal_can_be_read_too(people: PeoplesWorld) -> None:
    """Else the page could not tell an expired token from a broken network."""
    response = people.world.app.test_client().get("/v1/me", headers={"Origin": ORIGIN})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_cookies_are_never_invited(people: PeoplesWorld, alice: Person) -> None:
    asked = alice.get("", headers={"Origin": ORIGIN}).headers
    assert "Access-Control-Allow-Credentials" not in asked
    headers = preflight(people, "/v1/me", ORIGIN, "GET")
    assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize(
    "path",
    ["/v1/challenges", "/v1/users", "/v1/menu", "/oauth2/token", "/account", "/", "/v1/mex"],
)
def test_nothing_else_is_shared(people: PeoplesWorld, path: str) -> None:
    headers = preflight(people, path, ORIGIN, "GET")
    assert not [name for name in headers if name.startswith("Access-Control-")]


def test_an_app_origin_is_not_shared_what_is_for_people(people: PeoplesWorld) -> None:
    """And an origin for people is not shared what is for phones."""
    headers = preflight(people, "/v1/device/challenges", ORIGIN, "GET")
    assert "Access-Control-Allow-Origin" not in headers
