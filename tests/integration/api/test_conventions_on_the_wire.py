"""The conventions that only a real HTTP server shows: bytes in, bytes out."""

import json
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from tests.support.processes import ServerProcess, start_service
from tests.support.world import MASTER_KEYS

_SECONDS = 20


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as it came over the socket."""

    status: int
    headers: Message
    body: bytes


@pytest.fixture(scope="module")
def server(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("wire")
    shutil.copy(sqlite_template, folder / "mfa.db")
    env = {"MFA_DATABASE_URL": f"sqlite:///{folder / 'mfa.db'}", "MFA_MASTER_KEYS": MASTER_KEYS}
    with start_service(env, folder=folder) as running:
        yield running


def ask(server: ServerProcess, request: bytes) -> Answer:
    """Send exactly these bytes and return the first answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=_SECONDS) as connection:
        connection.sendall(request)
        with connection.makefile("rb") as stream:
            status = int(stream.readline().split()[1])
            lines = iter(stream.readline, b"\r\n")
            headers = Parser().parsestr(b"".join(lines).decode("latin-1"))
            return Answer(status, headers, stream.read(int(headers["Content-Length"] or 0)))


def get(server: ServerProcess, target: str, *headers: str, method: str = "GET") -> Answer:
    head = "".join(f"{line}\r\n" for line in ("Host: localhost", "Connection: close", *headers))
    return ask(server, f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))


CALLS = {
    "GET /healthz": 200,
    "GET /.well-known/openid-configuration": 200,
    "GET /nowhere": 404,
    "PUT /healthz": 405,
    "GET /v1/device": 401,
    "POST /v1/challenges": 401,
    "POST /oauth2/token": 400,
}


@pytest.mark.parametrize("call", CALLS)
def test_every_answer_has_a_date_and_a_request_id(server: ServerProcess, call: str) -> None:
    method, target = call.split()
    answer = get(server, target, "Content-Length: 0", method=method)
    assert answer.status == CALLS[call]
    assert answer.headers["Date"].endswith("GMT")
    assert answer.headers["X-Request-Id"]


TARGETS = [
    "//healthz",
    "/healthz/",
    "//v1/challenges",
    "/v1//challenges",
    "/v1/challenges/",
    "/v1/./challenges",
    "/v1/x/../challenges",
    "/v1/%2e/challenges",
    "/v1/challenges%00",
    "/v1/challenges%0d%0aX-Injected:%20yes",
    "/%2fhealthz",
    "/healthz%2f",
    "/healthz;a=b",
    "/%68ealthz/",
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_is_not_exactly_ours_is_404_and_never_a_redirect(
    server: ServerProcess, target: str
) -> None:
    answer = get(server, target)
    assert answer.status == 404
    assert answer.headers["Location"] is None
    assert answer.headers["X-Injected"] is None
    assert json.loads(answer.body)["status"] == 404


def test_a_request_id_is_echoed_and_one_with_a_space_is_not(server: ServerProcess) -> None:
    assert get(server, "/healthz", "X-Request-Id: mine-1").headers["X-Request-Id"] == "mine-1"
    assert get(server, "/healthz", "X-Request-Id: mine 1").headers["X-Request-Id"] != "mine 1"


POST = "POST /v1/device/enrollments/claim HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


def test_a_body_that_says_it_is_over_64_kib_is_413(server: ServerProcess) -> None:
    head = f"{POST}Content-Type: application/jose\r\nContent-Length: 65537\r\n\r\n"
    assert ask(server, head.encode() + b"x" * 65_537).status == 413


def test_a_chunked_body_over_64_kib_is_413(server: ServerProcess) -> None:
    head = f"{POST}Content-Type: application/jose\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"10001\r\n" + b"x" * 65_537 + b"\r\n0\r\n\r\n"
    assert ask(server, head.encode() + chunks).status == 413


def test_a_chunked_body_within_64_kib_is_read(server: ServerProcess) -> None:
    head = f"{POST}Content-Type: application/jose\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert ask(server, head.encode() + b"5\r\na.b.c\r\n0\r\n\r\n").status == 403


NO_HTTP = {
    "no request line": b"hello\r\n\r\n",
    "a NUL in the target": b"GET /a\x00b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a header without colon": b"GET /healthz HTTP/1.1\r\nHost localhost\r\n\r\n",
    "two lengths": (
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
    ),
    "length and chunks": (
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a folded header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\r\n b\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", NO_HTTP.values(), ids=NO_HTTP.keys())
def test_what_is_no_http_is_400_or_404_and_repeats_nothing(
    server: ServerProcess, request_bytes: bytes
) -> None:
    answer = ask(server, request_bytes)
    assert answer.status in {400, 404, 405}
    assert b"hello" not in answer.body
    assert b"Traceback" not in answer.body
    assert answer.headers.get_content_type() == "application/problem+json"


def test_the_log_of_the_server_has_no_fault(server: ServerProcess) -> None:
    get(server, "/healthz")
    assert "Traceback" not in server.output()
