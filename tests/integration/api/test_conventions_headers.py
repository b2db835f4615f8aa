"""Headers that every answer has, request ids, refused methods, and caching (contract section 1)."""

import re

import pytest
from flask import Flask

from tests.support.problems import problem
from tests.support.world import Api, World

CHALLENGE, ENROLLMENT = "/v1/challenges/chl_x", "/v1/enrollments/enr_x"


@pytest.fixture
def app(shared_world: World) -> Flask:
    return shared_world.app


@pytest.fixture
def api(shared_world: World) -> Api:
    return shared_world.client()


GOOD_IDS = ["a", "A-b_c.d:9", "x" * 128, "00000000-0000-4000-8000-000000000000"]
BAD_IDS = ["", "x" * 129, "a b", "a/b", "é", "a\x00", "a,b", "<script>", "a;b", "a\n", "{}"]


@pytest.mark.parametrize("given", GOOD_IDS)
def test_a_request_id_of_the_permitted_form_is_echoed(app: Flask, given: str) -> None:
    for path in ("/healthz", "/v1/challenges/chl_x", "/nowhere"):
        response = app.test_client().get(path, headers={"X-Request-Id": given})
        assert response.headers["X-Request-Id"] == given
    body = app.test_client().get("/nowhere", headers={"X-Request-Id": given}).get_json()
    assert body["instance"] == given


@pytest.mark.parametrize("given", BAD_IDS)
def test_any_other_request_id_is_replaced_by_one_of_ours(app: Flask, given: str) -> None:
    environ = {"HTTP_X_REQUEST_ID": given}
    response = app.test_client().get("/healthz", environ_overrides=environ)
    found = response.headers["X-Request-Id"]
    assert found != given
    assert re.fullmatch(r"[A-Za-z0-9._:-]{16,128}", found)


def test_request_ids_that_we_make_differ(app: Flask) -> None:
    found = {app.test_client().get("/healthz").headers["X-Request-Id"] for _ in range(5)}
    assert len(found) == 5


@pytest.mark.parametrize("name", ["HTTP_X_REQUEST_ID", "HTTP_IDEMPOTENCY_KEY", "HTTP_ORIGIN"])
def test_a_header_with_a_line_break_adds_no_header_to_the_answer(app: Flask, name: str) -> None:
    environ = {name: "a\r\nX-Injected: yes"}
    for path in ("/healthz", "/v1/device", "/v1/challenges"):
        response = app.test_client().get(path, environ_overrides=environ)
        assert "X-Injected" not in response.headers
        assert not [value for _, value in response.headers if "X-Injected" in value]


REFUSED = {
    "DELETE /v1/challenges": {"POST"},
    "GET /v1/challenges": {"POST"},
    f"PUT {CHALLENGE}": {"GET", "DELETE"},
    f"POST {CHALLENGE}": {"GET", "DELETE"},
    f"GET {CHALLENGE}/answers": {"POST"},
    f"GET {CHALLENGE}/push": {"POST"},
    f"DELETE {CHALLENGE}/webauthn": {"POST"},
    "GET /v1/enrollments": {"POST"},
    f"PATCH {ENROLLMENT}": {"GET", "DELETE"},
    f"GET {ENROLLMENT}/confirm": {"POST"},
    "POST /v1/users": {"GET"},
    "PATCH /v1/users/usr_x": {"GET", "DELETE"},
    "POST /v1/authenticators/aut_x": {"GET", "PATCH", "DELETE"},
    "PATCH /v1/device": {"GET", "DELETE"},
    "GET /v1/device/push": {"PUT"},
    "GET /oauth2/token": {"POST"},
    "POST /healthz": {"GET"},
    "POST /openapi.yaml": {"GET"},
    "POST /.well-known/jwks.json": {"GET"},
}


@pytest.mark.parametrize("call", REFUSED)
def test_a_method_that_a_resource_does_not_know_is_405_with_allow(api: Api, call: str) -> None:
    method, path = call.split()
    response = api.call(method, path)
    problem(response, 405, "method-not-allowed")
    allowed = {name.strip() for name in response.headers["Allow"].split(",")}
    assert allowed - {"HEAD", "OPTIONS"} == REFUSED[call]


WITHOUT_TOKEN = [
    "POST /v1/challenges",
    f"GET {CHALLENGE}",
    f"POST {CHALLENGE}/answers",
    f"POST {CHALLENGE}/webauthn",
    f"POST {CHALLENGE}/push",
    f"DELETE {CHALLENGE}",
    "POST /v1/enrollments",
    f"GET {ENROLLMENT}",
    f"POST {ENROLLMENT}/confirm",
    f"DELETE {ENROLLMENT}",
    "GET /v1/users?sub=a",
    "GET /v1/users/usr_x",
    "DELETE /v1/users/usr_x",
    "GET /v1/authenticators?sub=a",
    "GET /v1/authenticators/aut_x",
    "PATCH /v1/authenticators/aut_x",
    "DELETE /v1/authenticators/aut_x",
]


@pytest.mark.parametrize("call", WITHOUT_TOKEN)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer a b", "Bearer x.y.z", "Basic YTpi", "Device x.y.z"],
)
def test_without_an_access_token_everything_is_401(
    app: Flask, call: str, authorization: str | None
) -> None:
    method, path = call.split()
    headers = {} if authorization is None else {"Authorization": authorization}
    response = app.test_client().open(path, method=method, json={}, headers=headers)
    problem(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_proof_of_the_caller_is_checked_before_anything_that_it_sent(app: Flask) -> None:
    for body in (b"", b"{", b"x" * 1000):
        problem(app.test_client().post("/v1/challenges", data=body), 401, "unauthenticated")


SCOPES = {
    "mfa:challenge": [call for call in WITHOUT_TOKEN if "/challenges" in call],
    "mfa:enroll": [call for call in WITHOUT_TOKEN if "/challenges" not in call],
}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_missing_scope_is_403_and_named(shared_world: World, scope: str) -> None:
    others = tuple({"mfa:challenge", "mfa:enroll", "orders:read"} - {scope})
    api = shared_world.client(f"without {scope}", others)
    for call in SCOPES[scope]:
        method, path = call.split()
        response = api.call(method, path, {})
        problem(response, 403, "forbidden")
        told = response.headers["WWW-Authenticate"]
        assert told.startswith("Bearer ")
        assert 'error="insufficient_scope"' in told


def test_erasing_a_person_needs_the_administrators_scope(shared_world: World) -> None:
    api = shared_world.client("enroller", ("mfa:enroll",))
    response = api.call("DELETE", "/v1/users/usr_x?reason=test")
    problem(response, 403, "forbidden")
    assert 'scope="mfa:admin"' in response.headers["WWW-Authenticate"]


def test_the_administrators_scope_opens_no_challenges(shared_world: World) -> None:
    api = shared_world.client("admin", ("mfa:admin",))
    problem(api.post("/v1/challenges", {"sub": "alice"}), 403, "forbidden")
    assert api.get("/v1/users?sub=nobody").status_code == 200


def test_answers_with_secrets_codes_tokens_or_a_qr_may_not_be_stored(
    shared_world: World, api: Api
) -> None:
    sub = "no-store"
    totp, codes = api.enroll(sub, type="totp"), api.enroll(f"{sub}2", type="recovery_codes")
    shared_world.totp(f"{sub}3")
    opened = api.challenge(f"{sub}3")
    calls = [
        api.post("/v1/enrollments", {"sub": f"{sub}4", "type": "phone"}),
        api.get(f"/v1/enrollments/{totp['id']}"),
        api.get(f"/v1/enrollments/{codes['id']}"),
        api.get(f"/v1/challenges/{opened['id']}"),
        api.answer(opened["id"], "totp", ""),
        api.get(f"/v1/users?sub={sub}3"),
        api.app.test_client().post("/oauth2/token", data={}),
    ]
    assert [call.headers["Cache-Control"] for call in calls] == ["no-store"] * len(calls)


def test_no_answer_may_be_taken_for_another_media_type(app: Flask) -> None:
    for path in ("/healthz", "/v1/challenges", "/problems/not-found", "/openapi.yaml"):
        response = app.test_client().get(path)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
