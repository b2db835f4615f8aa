"""What a body, a path and a query may be, the same for every operation (contract section 1)."""

import json
from typing import Any

import pytest

from tests.support.problems import problem
from tests.support.world import Api, World

URL = "/v1/challenges"
SMALL = b'{"sub":"alice"}'


@pytest.fixture(scope="module", autouse=True)
def alice(shared_world: World) -> str:
    """Return the id of alice's TOTP."""
    return shared_world.totp("alice").id


@pytest.fixture
def api(shared_world: World) -> Api:
    return shared_world.client()


def nested(levels: int) -> bytes:
    """Return a body whose values are nested `levels` deep, the object itself included."""
    return b'{"sub":"alice","transaction":{"a":' + b"[" * (levels - 2) + b"]" * (levels - 2) + b"}}"


MALFORMED = {
    "absent": b"",
    "white space": b"  \n ",
    "cut off": b'{"sub":"alice"',
    "two values": b'{"sub":"alice"}{}',
    "single quotes": b"{'sub':'alice'}",
    "a comma too many": b'{"sub":"alice",}',
    "a comment": b'{"sub":"alice"/**/}',
    "NaN": b'{"sub":"alice","max_age":NaN}',
    "NaN inside": b'{"sub":"alice","transaction":{"a":[NaN]}}',
    "Infinity": b'{"sub":"alice","max_age":Infinity}',
    "-Infinity": b'{"sub":"alice","max_age":-Infinity}',
    "a key twice": b'{"sub":"alice","sub":"bob"}',
    "a key twice, escaped": b'{"sub":"alice","\\u0073ub":"bob"}',
    "a key twice inside": b'{"sub":"alice","context":{"ip":"1","ip":"2"}}',
    "a key twice in a transaction": b'{"sub":"alice","transaction":{"a":[{"b":1,"b":1}]}}',
    "invalid UTF-8": b'{"sub":"al\xffice"}',
    "overlong UTF-8": b'{"sub":"al\xc0\xafice"}',
    "surrogates in UTF-8": b'{"sub":"al\xed\xa0\x80ice"}',
    "UTF-16": '{"sub":"alice"}'.encode("utf-16"),
    "Latin-1": '{"sub":"Zoë"}'.encode("latin-1"),
    "33 levels": nested(33),
    "100 levels": nested(100),
    "30000 open brackets": b"[" * 30_000,
    "30000 open objects": b'{"a":' * 10_000,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_json_that_we_accept_is_400(api: Api, body: bytes) -> None:
    problem(api.post(URL, body), 400, "malformed-json")


@pytest.mark.parametrize("path", [URL, f"{URL}/chl_x/answers", "/v1/enrollments"])
def test_a_body_is_needed_where_one_is_read(api: Api, path: str) -> None:
    problem(api.post(path), 400, "malformed-json")


def test_32_levels_are_accepted(api: Api) -> None:
    assert api.post(URL, nested(32)).status_code == 201


def test_brackets_inside_texts_are_no_levels(api: Api) -> None:
    body = json.dumps({"sub": "alice", "nonce": '[{"' * 40}).encode()
    assert api.post(URL, body).status_code == 201


NUMBERS = ["9007199254740992", "-9007199254740992", "1e400", "-1e400", "1" + "0" * 400]


@pytest.mark.parametrize("number", NUMBERS, ids=["2^53", "-2^53", "1e400", "-1e400", "10^400"])
@pytest.mark.parametrize(
    "body",
    [
        '{"sub":"alice","max_age":%s}',
        '{"sub":"alice","transaction":{"a":[{"b":%s}]}}',
        '{"sub":"alice","prior":{"amr":["pwd"],"auth_time":%s}}',
        '{"sub":"alice","unknown":%s}',
    ],
    ids=["max_age", "transaction", "auth_time", "unknown"],
)
def test_numbers_beyond_53_bits_and_those_that_overflow_are_422(
    api: Api, body: str, number: str
) -> None:
    problem(api.post(URL, (body % number).encode()), 422, "invalid-request")


def test_a_number_of_thousands_of_digits_is_refused_and_no_fault_of_ours(api: Api) -> None:
    body = b'{"sub":"alice","max_age":' + b"1" * 10_000 + b"}"
    assert api.post(URL, body).status_code in {400, 422}


def test_a_body_of_64_kib_is_read_and_one_byte_more_is_413(api: Api) -> None:
    padding = b" " * (65_536 - len(SMALL))
    assert api.post(URL, SMALL + padding).status_code == 201
    problem(api.post(URL, SMALL + padding + b" "), 413, "payload-too-large")


@pytest.mark.parametrize("path", [f"{URL}/chl_x/answers", f"{URL}/chl_x/push", "/v1/enrollments"])
def test_bodies_over_64_kib_are_413_wherever_they_go(api: Api, path: str) -> None:
    problem(api.post(path, b" " * 65_537), 413, "payload-too-large")


MEDIA = ["text/plain", "application/x-www-form-urlencoded", "application/jose", "text/json", "json"]


@pytest.mark.parametrize("media", MEDIA)
def test_another_content_type_is_415(api: Api, media: str) -> None:
    response = api.post(URL, SMALL, headers={"Content-Type": media})
    problem(response, 415, "unsupported-media-type")


def test_a_body_without_content_type_is_415(api: Api) -> None:
    response = api.app.test_client().post(
        URL, data=SMALL, headers={"Authorization": f"Bearer {api.token}"}
    )
    problem(response, 415, "unsupported-media-type")


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "Application/JSON"])
def test_parameters_and_case_of_the_content_type_do_not_matter(api: Api, media: str) -> None:
    assert api.post(URL, SMALL, headers={"Content-Type": media}).status_code == 201


def test_a_post_that_takes_no_body_needs_no_content_type(api: Api) -> None:
    opened = api.challenge("alice")
    for name in ("push", "webauthn"):
        response = api.post(f"{URL}/{opened['id']}/{name}")
        problem(response, 409, "authenticator-not-active")


PATHS = [
    "/v1/challenges/",
    "/v1/challenges/{id}/",
    "/v1/challenges/{id}/answers/",
    "//v1/challenges/{id}",
    "/v1//challenges/{id}",
    "/v1/challenges//{id}",
    "/v1/challenges/{id}//answers",
    "/v1/challenges/{id}%00",
    "/v1/challenges/%00",
    "/v1/challenges/{id}%0a",
    "/v1/challenges/{id}%0d%0aX:1",
    "/v1/challenges/{id}%7f",
    "/v1/challenges/{id}%ff",
    "/v1/challenges/{id}%20",
    "/v1/challenges/{id}%2f",
    "/v1/challenges/%2e",
    "/v1/challenges/%2e%2e/challenges/{id}",
    "/v1/%2e/challenges/{id}",
    "/v1/challenges/{id}/%2e%2e/{id}",
    "/v1/challenges/{id};x=1",
    "/V1/challenges/{id}",
    "/v1/Challenges/{id}",
    "/v1",
    "/v1/",
    "/",
    "/v2/challenges",
    "/healthz/",
    "/.well-known/jwks.json/",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_path_that_is_not_exactly_ours_is_404_and_never_a_redirect(
    api: Api, path: str, method: str
) -> None:
    opened = api.challenge("alice")
    response = api.call(method, path.format(id=opened["id"]))
    problem(response, 404, "not-found")
    assert "Location" not in response.headers
    assert api.read(opened["id"])["status"] == "pending"


QUERIES = ["wait=1&wait=1", "wait=0&wait=1", "wait=1&w%61it=1"]
WAITS = [
    "-1",
    "31",
    "100",
    "x",
    "",
    "1.0",
    "1e1",
    "+5",
    "%2B5",
    " 5",
    "0x1",
    "%D9%A3",
    "5%00",
    "1_0",
]


@pytest.mark.parametrize("query", [*QUERIES, *(f"wait={wait}" for wait in WAITS)])
def test_a_query_parameter_that_is_faulty_or_comes_twice_is_422(api: Api, query: str) -> None:
    opened = api.challenge("alice")
    response = api.get(f"{URL}/{opened['id']}?{query}")
    problem(response, 422, "invalid-request")


@pytest.mark.parametrize("path", ["/v1/users", "/v1/authenticators"])
@pytest.mark.parametrize("query", ["", "?", "?sub=", "?sub=a&sub=a", "?sub=a%00", "?Sub=a", "?sub"])
def test_a_required_query_parameter_that_is_missing_or_faulty_is_422(
    api: Api, path: str, query: str
) -> None:
    problem(api.get(path + query), 422, "invalid-request")


def test_a_subject_in_a_query_may_hold_anything_else(api: Api) -> None:
    for sub in ("a%20b", "a+b", "a%26b", "%C3%A9", "a%2Fb", "a%23b"):
        assert api.get(f"/v1/users?sub={sub}").get_json() == {"users": []}


def test_a_challenge_answers_in_json_with_utf_8(shared_world: World, api: Api) -> None:
    sub = "Zoë 😀"
    shared_world.totp(sub)
    response = api.post(URL, {"sub": sub})
    found: dict[str, Any] = json.loads(response.data.decode("utf-8"))
    assert found["sub"] == sub
