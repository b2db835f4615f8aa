"""Bytes that no client library sends: never a fault of ours, a problem for each refusal."""

from email.utils import parsedate_to_datetime

import pytest

from tests.e2e.conftest import Deployment
from tests.support.raw_http import Answer, exchange

HOST = b"Host: localhost\r\n"
CLOSE = b"Connection: close\r\n"
JSON = b"Content-Type: application/json\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HOST


def post(*headers: bytes, body: bytes = b"", path: bytes = b"/oauth2/token") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + CLOSE + FORM + lines + b"\r\n" + body


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


CHUNKED = b"Transfer-Encoding: chunked"
MALFORMED = {
    "a word": b"GARBAGE\r\n\r\n",
    "no target": b"GET\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "version 9.9": b"GET /healthz HTTP/9.9\r\n" + HOST + b"\r\n",
    "version 2.0": b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n",
    "no HTTP": b"GET /healthz FTP/1.1\r\n" + HOST + b"\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    "zeros": b"\x00" * 64 + b"\r\n\r\n",
    "a long line": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "method of separators": b"GE(T /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "big header": GET + b"X-Big: " + b"a" * 20_000 + b"\r\n\r\n",
    "many headers": GET + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n",
    "header without colon": GET + b"Broken\r\n\r\n",
    "header without name": GET + b": empty\r\n\r\n",
    "space before colon": GET + b"X-Space : 1\r\n\r\n",
    "folded header": GET + b"X-Folded: 1\r\n 2\r\n\r\n",
    "NUL in header": GET + b"X-Nul: a\x00b\r\n\r\n",
    "length negative": post(b"Content-Length: -1"),
    "length a word": post(b"Content-Length: abc"),
    "length signed": post(b"Content-Length: +5", body=b"a=b&c"),
    "length a list": post(b"Content-Length: 5, 5", body=b"a=b&c"),
    "length twice": post(b"Content-Length: 5", b"Content-Length: 6", body=b"a=b&c"),
    "length in hex": post(b"Content-Length: 0x5", body=b"a=b&c"),
    "chunk size a word": post(CHUNKED, body=b"xyz\r\nabc\r\n0\r\n\r\n"),
    "chunk size negative": post(CHUNKED, body=b"-5\r\nabcde\r\n0\r\n\r\n"),
    "chunk without end": post(CHUNKED, body=b"5\r\nabcdefgh\r\n0\r\n\r\n"),
    "body cut off": post(b"Content-Length: 50", body=b"a=b"),
    "chunk cut off": post(CHUNKED, body=b"50\r\na=b"),
    "last chunk cut off": post(CHUNKED, body=b"3\r\na=b\r\n"),
    "coding twice": post(b"Transfer-Encoding: chunked, chunked", body=chunked(b"a=b")),
    "coding unknown": post(b"Transfer-Encoding: xchunked", body=chunked(b"a=b")),
    "coding gzip": post(b"Transfer-Encoding: gzip", body=b"\x1f\x8b"),
    "coding and length": post(CHUNKED, b"Content-Length: 3", body=chunked(b"a=b")),
    "coding in two headers": post(CHUNKED, b"Transfer-Encoding: identity", body=chunked(b"a=b")),
}
REFUSED = {
    "chunked over 64 KiB": (413, post(CHUNKED, body=chunked(b"a" * 66_000))),
    "length over 64 KiB": (413, post(b"Content-Length: 66000", body=b"a" * 66_000)),
    "announced over 64 KiB": (413, post(b"Content-Length: 99999999999")),
    "unknown method": (405, b"BREW /healthz HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
    "trace": (405, b"TRACE /healthz HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
    "unknown path": (404, b"GET /nowhere HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
    "double slash": (404, b"GET //healthz HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
    "trailing slash": (404, b"GET /healthz/ HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
    "CRLF in path": (
        404,
        b"GET /v1/challenges/a%0d%0aX-Injected:%201 HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    ),
    "NUL in path": (404, b"GET /problems/%00 HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
    "no UTF-8 in path": (404, b"GET /problems/%ff%fe HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
}


def sent(deployment: Deployment, data: bytes) -> list[Answer]:
    return exchange(deployment.server.port, data)


def is_dated(answer: Answer) -> bool:
    return parsedate_to_datetime(answer.headers["Date"]).tzinfo is not None


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_http_gets_a_problem_or_nothing(deployment: Deployment, data: bytes) -> None:
    answers = sent(deployment, data)
    assert len(answers) <= 1
    for answer in answers:
        assert 400 <= answer.status < 500, answer
        assert answer.is_problem or b"error" in answer.body, answer
        assert is_dated(answer)


@pytest.mark.parametrize(("status", "data"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_is_a_dated_problem(deployment: Deployment, status: int, data: bytes) -> None:
    answer = sent(deployment, data)[0]
    assert (answer.status, answer.is_problem, is_dated(answer)) == (status, True, True)
    assert "X-Injected" not in answer.headers


WELL = {
    "origin form": GET + CLOSE + b"\r\n",
    "absolute form": b"GET http://localhost/healthz HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    "HTTP/1.0": b"GET /healthz HTTP/1.0\r\n\r\n",
    "HTTP/1.0 with a host": b"GET /healthz HTTP/1.0\r\n" + HOST + b"\r\n",
    "a query": b"GET /healthz?a=b HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    "another host": b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n" + CLOSE + b"\r\n",
    "head": b"HEAD /healthz HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
}


@pytest.mark.parametrize("data", WELL.values(), ids=WELL.keys())
def test_unusual_but_right_requests_are_answered(deployment: Deployment, data: bytes) -> None:
    (answer,) = sent(deployment, data)
    assert (answer.status, is_dated(answer)) == (200, True)
    assert answer.body == (b"" if data.startswith(b"HEAD") else b'{"status": "ok"}')


def test_pipelined_requests_are_answered_in_order(deployment: Deployment) -> None:
    paths = (b"/healthz", b"/nowhere", b"/readyz")
    requests = [b"GET " + path + b" HTTP/1.1\r\n" + HOST for path in paths]
    data = b"\r\n".join(requests) + CLOSE + b"\r\n"
    assert [answer.status for answer in sent(deployment, data)] == [200, 404, 200]


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
HIDDEN = {
    "in a body that is read": (b"/oauth2/token", b"Content-Length: %d" % len(SMUGGLED)),
    "in a body of no call": (b"/nowhere", b"Content-Length: %d" % len(SMUGGLED)),
    "in a body of a refused caller": (b"/v1/challenges", b"Content-Length: %d" % len(SMUGGLED)),
}


@pytest.mark.parametrize(("path", "length"), HIDDEN.values(), ids=HIDDEN.keys())
def test_a_body_is_never_taken_for_the_next_request(
    deployment: Deployment, path: bytes, length: bytes
) -> None:
    head = b"POST " + path + b" HTTP/1.1\r\n" + HOST + FORM + length + b"\r\n\r\n"
    answers = sent(deployment, head + SMUGGLED)
    assert [answer.status < 500 and answer.status >= 400 for answer in answers] == [True]


def test_a_chunked_body_is_never_taken_for_the_next_request(deployment: Deployment) -> None:
    head = b"POST /nowhere HTTP/1.1\r\n" + HOST + FORM + CHUNKED + b"\r\n\r\n"
    answers = sent(deployment, head + chunked(SMUGGLED) + GET + CLOSE + b"\r\n")
    assert [answer.status for answer in answers] in ([404], [404, 200])


def test_a_body_that_needs_permission_is_asked_for(deployment: Deployment) -> None:
    data = post(b"Expect: 100-continue", b"Content-Length: 3", body=b"a=b")
    *_, answer = sent(deployment, data)
    assert (answer.status, is_dated(answer)) == (401, True)


def test_a_post_without_length_has_no_body(deployment: Deployment) -> None:
    (answer,) = sent(deployment, post(path=b"/v1/device/enrollments/claim"))
    assert (answer.status, answer.is_problem) == (400, True)


@pytest.mark.parametrize(
    "given",
    [b"a\tb", b"a b", b"x" * 129, b"\xe4", b"a%0d%0ab", b"", b'"', b"a;b"],
    ids=["tab", "space", "long", "latin", "escaped", "empty", "quote", "semicolon"],
)
def test_a_strange_request_id_is_replaced(deployment: Deployment, given: bytes) -> None:
    data = GET + CLOSE + b"X-Request-Id: " + given + b"\r\n\r\n"
    (answer,) = sent(deployment, data)
    made = answer.headers["X-Request-Id"].encode("latin-1")
    assert (answer.status, made != given, made.isalnum()) == (200, True, True)


def test_a_well_formed_request_id_comes_back(deployment: Deployment) -> None:
    data = GET + CLOSE + b"X-Request-Id: trace:1.2-3_4\r\n\r\n"
    (answer,) = sent(deployment, data)
    assert answer.headers["X-Request-Id"] == "trace:1.2-3_4"
