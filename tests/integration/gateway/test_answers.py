"""Every answer of `/gateway/check`, the same in each mode (contract section 9)."""

from pathlib import Path

import pytest

from tests.support.gateway import (
    API,
    CHECK,
    IDENTITY,
    INVALID,
    NAMES,
    Gate,
    denied,
    gate,
)
from tests.support.world import World

PROBLEM_TYPE = "http://localhost:8000/problems/"
STEP_UP = (
    'Bearer error="insufficient_user_authentication", '
    'error_description="A stronger or more recent authentication is needed.", '
    'acr_values="urn:stepup:acr:aal2", max_age="300"'
)


def test_a_good_token_passes_and_every_header_is_there(any_gate: Gate) -> None:
    response = any_gate.ask("/orders/1", any_gate.token("orders:read"))
    assert response.status_code == 200
    client_id = any_gate.world.client("caller").client_id
    found = {name: response.headers.get_all(name) for name in IDENTITY}
    assert found == {
        "X-Auth-Sub": [client_id],
        "X-Auth-Client": [client_id],
        "X-Auth-Scope": ["orders:read"],
        "X-Auth-Acr": [""],
        "X-Auth-Amr": [""],
    }
    assert response.headers["Cache-Control"] == "no-store"
    assert response.get_data() == b""


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_any_method_may_be_asked_about(any_gate: Gate, method: str) -> None:
    response = any_gate.ask("/public/x", any_gate.token(), method=method)
    assert response.status_code == 200
    assert response.headers["X-Auth-Scope"] == "orders:read orders:write payments"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("mode", ["nginx", "forwarded"])
def test_the_proxy_may_ask_by_any_method(
    sqlite_url: str, tmp_path: Path, mode: str, method: str
) -> None:
    """What counts is the method that it tells, not the one that it uses."""
    with gate(sqlite_url, tmp_path, mode) as made:
        told = dict(zip(NAMES[mode], ("GET", "api.example", "/orders/1"), strict=True))
        headers = told | {"Authorization": f"Bearer {made.token()}"}
        client = made.world.app.test_client()
        assert client.open(CHECK, method=method, headers=headers).status_code == 200


def test_without_a_token_nothing_is_told_but_the_scheme(any_gate: Gate) -> None:
    """No error code (RFC 6750 §3.1), and no word on what the route needs (RFC 9470 §9)."""
    denied(any_gate.ask("/payments/1"), 401, "Bearer")
    denied(any_gate.ask("/payments/1", headers={"Authorization": "Basic YTpi"}), 401, "Bearer")


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer ä",
        "Bearer a,b",
        "Bearer nonsense",
        "bearer e30.e",
    ],
)
def test_what_is_no_token_is_invalid(any_gate: Gate, authorization: str) -> None:
    denied(any_gate.ask(headers={"Authorization": authorization}), 401, INVALID)


def test_the_scheme_is_not_case_sensitive(any_gate: Gate) -> None:
    headers = {"Authorization": f"bEARER {any_gate.token()}"}
    assert any_gate.ask(headers=headers).status_code == 200


def test_a_missing_scope_is_named(any_gate: Gate) -> None:
    token = any_gate.token("orders:read")
    wanted = 'Bearer error="insufficient_scope", scope="orders:read orders:write"'
    denied(any_gate.ask(token=token, method="POST"), 403, wanted)
    assert any_gate.ask(token=any_gate.token(), method="POST").status_code == 200


def test_a_program_without_a_person_gets_the_step_up_challenge(any_gate: Gate) -> None:
    denied(any_gate.ask("/payments/1", any_gate.token("payments")), 401, STEP_UP)


def test_the_scope_is_judged_before_the_level(any_gate: Gate) -> None:
    """A person is not sent through a step-up for what stays forbidden afterwards."""
    wanted = 'Bearer error="insufficient_scope", scope="payments"'
    denied(any_gate.ask("/payments/1", any_gate.token("orders:read")), 403, wanted)


@pytest.mark.parametrize(
    ("method", "host", "target"),
    [
        ("GET", "api.example", "/"),
        ("GET", "api.example", "/order"),
        ("GET", "api.example", "/ordersX"),
        ("GET", "api.example", "/ORDERS/1"),
        ("PUT", "api.example", "/orders/1"),
        ("get", "api.example", "/orders/1"),
        ("GET", "other.example", "/orders/1"),
        ("GET", "api.example.evil.example", "/orders/1"),
    ],
)
def test_what_no_route_is_about_is_forbidden(
    any_gate: Gate, method: str, host: str, target: str
) -> None:
    if any_gate.mode == "envoy" and method == "get":
        return  # the test client writes its own method in capitals
    response = any_gate.ask(target, any_gate.token(), method=method, host=host)
    denied(response, 403)
    assert response.get_json()["type"] == f"{PROBLEM_TYPE}forbidden"


@pytest.mark.parametrize("host", ["api.example", "API.example", "api.example:443"])
def test_a_host_is_compared_without_case_and_port(any_gate: Gate, host: str) -> None:
    assert any_gate.ask(token=any_gate.token(), host=host).status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "/public/..%2Fpayments/1",
        "/public%2f..%2fpayments/1",
        "/public/..%5Cpayments",
        "/public/..\\payments",
        "/public//payments",
        "//public/x",
        "/public;/../payments",
        "/public/..;/payments",
        "/public/%00",
        "/public/%252e%252e/payments",
        "/public/%2525",
        "/public/%c0%ae%c0%ae/payments",
        "/public/%",
    ],
)
def test_an_ambiguous_path_is_forbidden(any_gate: Gate, target: str) -> None:
    assert any_gate.ask("/public/x", any_gate.token()).status_code == 200
    denied(any_gate.ask(target, any_gate.token()), 403)


@pytest.mark.parametrize(
    "target",
    [
        "/public/../payments/1",
        "/public/%2e%2E/payments/1",
        "/public/a/../../payments/./1",
        "/%70ayments/1",
        "/payments/1?as=/public/x",
    ],
)
def test_a_path_is_matched_as_the_application_will_read_it(any_gate: Gate, target: str) -> None:
    denied(any_gate.ask(target, any_gate.token()), 401, STEP_UP)


def test_a_query_changes_nothing(any_gate: Gate) -> None:
    response = any_gate.ask("/orders/1?x=a,b;c&next=//evil%2F..", any_gate.token())
    if any_gate.mode == "envoy":
        assert response.status_code == 200
    else:  # the test client's server joins repeated headers by commas: see test_gateway_on_the_wire
        denied(response, 403)


def test_without_routes_there_is_no_such_address(world: World) -> None:
    for path in (CHECK, f"{CHECK}/orders/1"):
        response = world.app.test_client().get(path)
        assert (response.status_code, response.mimetype) == (404, "application/problem+json")


def test_only_envoy_asks_below_the_address(nginx: Gate) -> None:
    headers = dict(zip(NAMES["nginx"], ("GET", "api.example", "/orders/1"), strict=True))
    headers["Authorization"] = f"Bearer {nginx.token()}"
    client = nginx.world.app.test_client()
    assert client.get(CHECK, headers=headers).status_code == 200
    for path in (f"{CHECK}/", f"{CHECK}/orders/1"):
        assert client.get(path, headers=headers).status_code == 404


def test_a_token_for_another_api_is_invalid_here(any_gate: Gate) -> None:
    token = any_gate.token(name="other", resource="https://other.example")
    denied(any_gate.ask(token=token), 401, INVALID)


def test_a_token_for_this_service_is_invalid_there_and_the_other_way_round(any_gate: Gate) -> None:
    """Contract section 2: `/v1/*` accepts only `aud` = issuer."""
    api = any_gate.world.client("caller", scopes=("mfa:challenge",), resources=(API,))
    denied(any_gate.ask(token=api.token), 401, INVALID)
    denied(any_gate.ask("/public/x", api.token), 401, INVALID)
    api.token = any_gate.token()
    assert api.get("/v1/challenges/chl_x").status_code == 401
