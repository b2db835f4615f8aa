"""The gateway behind the real server: bytes that decide who told it what."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients import basic, token_request
from tests.support.gateway import API, HOST, ROUTES, SCOPES
from tests.support.leash import free_port
from tests.support.processes import start_service
from tests.support.raw_http import Answer, exchange
from tests.support.remote import environment, remote_world


@dataclass(frozen=True)
class Running:
    """A service of one mode, and a token that opens `/public` and not `/payments`."""

    port: int
    token: str

    def ask(self, *lines: str, path: str = "/gateway/check", method: str = "GET") -> Answer:
        """Send exactly these header lines, beside the token."""
        head = [f"{method} {path} HTTP/1.1", "Connection: close", *lines]
        text = "\r\n".join([*head, f"Authorization: Bearer {self.token}", "", ""])
        (answer,) = exchange(self.port, text.encode("latin-1"))
        return answer


@contextmanager
def running(mode: str, template: Path, folder: Path) -> Iterator[Running]:
    """Run a service of one mode."""
    port = free_port()
    shutil.copy(template, folder / "mfa.db")
    (folder / "routes.toml").write_text(ROUTES)
    url, issuer = f"sqlite:///{folder / 'mfa.db'}", f"http://localhost:{port}"
    env = environment(url, issuer=issuer)
    env |= {"MFA_GATEWAY_ROUTES": "routes.toml", "MFA_GATEWAY_MODE": mode}
    with (
        start_service(env, folder=folder, port=port) as server,
        remote_world(server.url, url, issuer=issuer) as world,
    ):
        api = world.client("caller", scopes=SCOPES, resources=(API,))
        form = {"scope": "orders:read", "resource": API}
        answer = token_request(world, form, basic(api.client_id, api.secret))
        yield Running(port, answer.get_json()["access_token"])


@pytest.fixture(scope="module")
def nginx(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("nginx", sqlite_template, tmp_path_factory.mktemp("nginx")) as made:
        yield made


@pytest.fixture(scope="module")
def envoy(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("envoy", sqlite_template, tmp_path_factory.mktemp("envoy")) as made:
        yield made


def told(path: str = "/public/x", method: str = "GET", host: str = HOST) -> list[str]:
    """Return what nginx tells."""
    return [
        "Host: localhost",
        f"X-Original-Method: {method}",
        f"X-Original-Host: {host}",
        f"X-Original-URI: {path}",
    ]


def test_what_the_proxy_tells_decides(nginx: Running) -> None:
    answer = nginx.ask(*told())
    assert (answer.status, answer.headers["X-Auth-Scope"]) == (200, "orders:read")
    assert answer.headers["X-Auth-Acr"] == ""
    refused = nginx.ask(*told("/payments/1"))
    assert (refused.status, refused.is_problem) == (403, True)
    assert refused.headers["WWW-Authenticate"].startswith('Bearer error="insufficient_scope"')


def test_commas_and_slashes_in_a_query_are_no_second_header(nginx: Running) -> None:
    assert nginx.ask(*told("/public/a,b?x=1,/y&z=;%2F,//")).status == 200


@pytest.mark.parametrize("name", ["Method: GET", "Host: api.example", "URI: /public/x"])
@pytest.mark.parametrize("first", [True, False])
def test_a_header_that_comes_twice_is_refused(nginx: Running, name: str, first: bool) -> None:
    """Also when both say the same, and in whichever order the client's own comes."""
    more = [f"X-Original-{name}"]
    lines = [*more, *told()] if first else [*told(), *more]
    assert nginx.ask(*lines).status == 403
    assert nginx.ask(*[line.replace("X-Original", "x-oRiGiNaL") for line in lines]).status == 403


@pytest.mark.parametrize("kept", ["/public/x?", "/public/x,", "/public/"])
def test_a_second_path_cannot_hide_behind_a_comma(nginx: Running, kept: str) -> None:
    """Joined by commas the two would be one path below `/public`, with or without a query."""
    assert nginx.ask(f"X-Original-URI: {kept}", *told("/payments/1")).status == 403


def test_two_tokens_are_none(nginx: Running) -> None:
    lines = [*told(), f"Authorization: Bearer {nginx.token}"]
    answer = nginx.ask(*lines)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (
        401,
        'Bearer error="invalid_token"',
    )


@pytest.mark.parametrize(
    "line",
    [
        "X_Original_URI: /public/x",
        "X-Original_URI: /public/x",
        "X_ORIGINAL_URI: /public/x",
        "SCRIPT_NAME: /gateway",
        "PATH_INFO: /healthz",
        "HTTP_X_ORIGINAL_URI: /public/x",
        "REMOTE_ADDR: 127.0.0.1",
    ],
)
def test_an_underscore_is_no_dash_and_no_variable(nginx: Running, line: str) -> None:
    assert nginx.ask(*told(), line).status == 200
    assert nginx.ask(*told("/payments/1"), line).status == 403
    assert nginx.ask(*told()[:-1], line).status == 403


def test_a_folded_header_is_no_request(nginx: Running) -> None:
    assert nginx.ask(*told(), " /payments").status == 400


def test_letters_beyond_ascii_are_no_path(nginx: Running) -> None:
    assert nginx.ask(*told("/public/\xc3\xa4")).status == 403
    assert nginx.ask(*told("/public/%C3%A4")).status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/public/x", 200),
        ("/public/x?y=,/", 200),
        ("/public/a,b", 200),
        ("/payments/1", 403),
        ("/public/../payments/1", 403),
        ("/public/%2e%2e/payments/1", 403),
        ("/public%2f..%2fpayments", 403),
        ("/../../healthz", 403),
        ("/public//x", 403),
        ("//public/x", 403),
        ("/public/x;y", 403),
        ("/public/x#y", 403),
        ("/", 403),
        ("", 403),
        ("?/public/x", 403),
        ("X/public/x", 404),
    ],
)
def test_envoys_path_is_read_as_it_was_sent(envoy: Running, path: str, status: int) -> None:
    assert envoy.ask(f"Host: {HOST}", path=f"/gateway/check{path}").status == status


@pytest.mark.parametrize("path", ["/public/x", "/healthz", "/payments/1"])
@pytest.mark.parametrize("name", ["/gateway/check", "/gateway", "/"])
def test_no_header_moves_envoys_path(envoy: Running, path: str, name: str) -> None:
    """`SCRIPT_NAME` would let `/gateway/check/healthz` be answered by `/healthz`."""
    lines = [f"Host: {HOST}", f"SCRIPT_NAME: {name}", "X-Original-URI: /public/x"]
    wanted = 200 if path == "/public/x" else 403
    assert envoy.ask(*lines, path=f"/gateway/check{path}").status == wanted


def test_envoys_host_and_method_are_the_requests_own(envoy: Running) -> None:
    path = "/gateway/check/orders/1"
    lies = ["X-Forwarded-Host: api.example", "X-Original-Host: api.example"]
    assert envoy.ask(f"Host: {HOST}", path=path).status == 200
    assert envoy.ask("Host: other.example", *lies, path=path).status == 403
    more = [f"Host: {HOST}", "X-HTTP-Method-Override: GET", "X-Original-Method: GET"]
    assert envoy.ask(*more, path=path, method="DELETE").status == 403
    assert envoy.ask(*more, path=path, method="BREW").status == 403
    assert envoy.ask(f"Host: {HOST}", f"Host: {HOST}", path=path).status == 400
    absolute = f"http://{HOST}{path}"
    assert envoy.ask("Host: other.example", path=absolute).status == 403
