"""The configurations that we publish, in the real proxies: who gets through, and as whom."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients import basic, token_request
from tests.support.gateway import SCOPES
from tests.support.leash import free_port
from tests.support.processes import start_service
from tests.support.proxies import MODES, ApiDouble, Seen, api_double, start_proxy
from tests.support.raw_http import Answer, exchange
from tests.support.remote import environment, remote_world
from tests.support.world import World

HOST, API = "api.example.org", "https://api.example.org"
ROUTES = Path(__file__).parents[2] / "examples" / "gateway" / "routes.toml"
STEP_UP = 'acr_values="urn:stepup:acr:aal2", max_age="300"'


@dataclass(frozen=True)
class Chain:
    """A client's view: the proxy, with the service and the API behind it."""

    name: str
    port: int
    world: World
    api: ApiDouble

    def token(self, scope: str) -> str:
        """Return a token by client credentials, for the API."""
        client = self.world.client("caller", scopes=SCOPES, resources=(API,))
        form = {"scope": scope, "resource": API}
        answer = token_request(self.world, form, basic(client.client_id, client.secret))
        return str(answer.get_json()["access_token"])

    def send(
        self, path: str, token: str | None, *lines: str, method: str = "GET", host: str = HOST
    ) -> tuple[Answer, list[Seen]]:
        """Send exactly these lines; return the answer, and what reached the API."""
        self.api.seen.clear()
        given = [] if token is None else [f"Authorization: Bearer {token}"]
        head = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
        text = "\r\n".join([*head, *given, *lines, "", ""])
        (answer,) = exchange(self.port, text.encode("latin-1"), half_close=False)
        return answer, list(self.api.seen)

    def refused(self, path: str, token: str | None, *lines: str, method: str = "GET") -> Answer:
        """Return a refusal; nothing may have reached the API."""
        answer, seen = self.send(path, token, *lines, method=method)
        assert seen == []
        assert answer.status >= 400
        return answer


@pytest.fixture(scope="module", params=sorted(MODES))
def chain(
    request: pytest.FixtureRequest,
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Chain]:
    name, port = str(request.param), free_port()
    folder = tmp_path_factory.mktemp(name)
    shutil.copy(sqlite_template, folder / "mfa.db")
    url, issuer = f"sqlite:///{folder / 'mfa.db'}", f"http://localhost:{port}"
    env = environment(url, issuer=issuer)
    env |= {"MFA_GATEWAY_ROUTES": str(ROUTES), "MFA_GATEWAY_MODE": MODES[name]}
    with (
        start_service(env, folder=folder, port=port) as server,
        remote_world(server.url, url, issuer=issuer) as world,
        api_double() as api,
        start_proxy(name, folder, service_port=port, api=api.address) as proxy,
    ):
        yield Chain(name, proxy.port, world, api)


def test_a_client_with_the_scope_gets_through_as_itself(chain: Chain) -> None:
    answer, (seen,) = chain.send("/orders/1?x=1", chain.token("orders:read orders:write"))
    assert (answer.status, answer.body) == (200, b"ok")
    assert (seen.method, seen.path) == ("GET", "/orders/1?x=1")
    client_id = chain.world.client("caller").client_id
    assert seen.identity() == {
        "x-auth-sub": client_id,
        "x-auth-client": client_id,
        "x-auth-scope": "orders:read orders:write",
    }


def test_without_a_token_the_client_is_asked_for_one(chain: Chain) -> None:
    answer = chain.refused("/orders/1", None)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    answer = chain.refused("/orders/1", "nonsense")
    challenge = answer.headers["WWW-Authenticate"]
    assert (answer.status, challenge) == (401, 'Bearer error="invalid_token"')


def test_a_missing_scope_reaches_the_client_by_name(chain: Chain) -> None:
    answer = chain.refused("/orders/1", chain.token("orders:read"), method="DELETE")
    wanted = 'Bearer error="insufficient_scope", scope="orders:write"'
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (403, wanted)


def test_the_step_up_challenge_reaches_the_client_whole(chain: Chain) -> None:
    answer = chain.refused("/payments/1", chain.token("payments"), method="POST")
    challenge = answer.headers["WWW-Authenticate"]
    assert answer.status == 401
    assert challenge.startswith('Bearer error="insufficient_user_authentication", ')
    assert challenge.endswith(STEP_UP)
    assert answer.headers.get_all("WWW-Authenticate") == [challenge]


def test_what_no_route_is_about_does_not_get_through(chain: Chain) -> None:
    assert chain.refused("/admin", chain.token("orders:read")).status == 403
    answer, seen = chain.send("/orders", chain.token("orders:read"), host="other.example.org")
    assert (answer.status, seen) == (403, [])


LIES = [
    "X-Original-Method: GET",
    "X-Original-Host: api.example.org",
    "X-Original-URI: /orders/1",
    "X-Forwarded-Method: GET",
    "X-Forwarded-Host: api.example.org",
    "X-Forwarded-Uri: /orders/1",
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Prefix: /orders",
    "Forwarded: for=127.0.0.1;host=api.example.org",
    "X-Envoy-Original-Path: /orders/1",
    "X-HTTP-Method-Override: GET",
    "X-Original-URL: /orders/1",
    "X-Rewrite-URL: /orders/1",
]


def test_a_client_cannot_say_where_it_goes(chain: Chain) -> None:
    token = chain.token("orders:read")
    twice = [line for line in LIES for _ in range(2)]
    for lies in (LIES, twice):
        answer = chain.refused("/payments/1", token, *lies)
        assert 'scope="payments"' in answer.headers["WWW-Authenticate"]
        assert chain.refused("/orders/1", token, *lies, method="DELETE").status == 403
        answer, seen = chain.send("/payments/1", token, *lies, host="other.example.org")
        assert (answer.status, seen) == (403, [])


def test_a_client_cannot_make_the_application_do_something_else(chain: Chain) -> None:
    """What was judged is what the application sees: by no header another method or path."""
    names = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
    lies = [f"{name}: DELETE" for name in names]
    lies += ["X-Original-URL: /payments/1", "X-Rewrite-URL: /payments/1"]
    _, (seen,) = chain.send("/orders/1", chain.token("orders:read"), *lies)
    told = {name.lower() for name, _ in seen.headers}
    assert not told & {line.partition(":")[0].lower() for line in lies}


@pytest.mark.parametrize("mark", ["-", "_"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_client_cannot_say_who_it_is(chain: Chain, mark: str, times: int) -> None:
    """Also not where the gateway says nothing, by a header twice, or by what looks like one."""
    names = ("Sub", "Client", "Scope", "Acr", "Amr")
    lies = [f"X-Auth{mark}{name}: forged" for name in names] * times
    more = [f"x{mark}aUTH-{name}: forged" for name in names] * times
    more += [f"X{mark}Auth{mark}{name}: forged" for name in names] * times
    answer, reached = chain.send("/orders/1", chain.token("orders:read"), *lies, *more)
    assert answer.status == (200 if reached else 400), "refused as a whole, or without the lies"
    for seen in reached:
        assert "forged" not in str(seen.headers)
        assert set(seen.identity()) == {"x-auth-sub", "x-auth-client", "x-auth-scope"}
    assert reached or mark == "_"


@pytest.mark.parametrize(
    "path",
    [
        "/orders/../payments/1",
        "/orders/%2e%2e/payments/1",
        "/orders/..%2fpayments/1",
        "/orders%2f..%2fpayments/1",
        "/orders/..%5cpayments",
        "/orders/..\\payments",
        "/orders//../../payments/1",
        "/orders/..;/payments/1",
        "/orders/%252e%252e/payments/1",
        "/orders/%00/../../payments",
        "//payments/1",
        "/./payments/1",
        "/%70ayments/1",
    ],
)
def test_no_spelling_of_a_path_gets_around_its_route(chain: Chain, path: str) -> None:
    answer, seen = chain.send(path, chain.token("orders:read"))
    assert seen == []
    assert answer.status in {301, 307, 308, 400, 403, 404}


def test_an_application_gets_the_path_that_was_judged(chain: Chain) -> None:
    for path in ("/orders/a,b?x=1,/y&z=%2F//", "/orders/gr%C3%BC%C3%9Fe"):
        _, (seen,) = chain.send(path, chain.token("orders:read"))
        assert seen.path == path


def test_a_disabled_client_stops_at_once(chain: Chain) -> None:
    world = chain.world
    client = world.client("leaver", scopes=SCOPES, resources=(API,))
    form = {"scope": "orders:read", "resource": API}
    answer = token_request(world, form, basic(client.client_id, client.secret))
    token = str(answer.get_json()["access_token"])
    assert chain.send("/orders", token)[0].status == 200
    world.services.clients.disable(client.client_id)
    assert chain.refused("/orders", token).status == 401


def test_a_gateway_that_does_not_answer_lets_nobody_through(chain: Chain, tmp_path: Path) -> None:
    """The proxy is pointed at a port where nobody listens."""
    with api_double() as api:
        proxy = start_proxy(chain.name, tmp_path, service_port=free_port(), api=api.address)
        with proxy:
            lost = Chain(chain.name, proxy.port, chain.world, api)
            assert lost.refused("/orders", chain.token("orders:read")).status in {500, 502, 503}
