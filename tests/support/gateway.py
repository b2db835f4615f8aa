"""The gateway as a proxy asks it, in each of its modes, and a world that has one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from werkzeug.test import TestResponse

from tests.support.world import World, close, make_world

API = "https://api.example"
HOST = "api.example"
CHECK = "/gateway/check"
MODES = ("nginx", "forwarded", "envoy")
NAMES = {
    "nginx": ("X-Original-Method", "X-Original-Host", "X-Original-URI"),
    "forwarded": ("X-Forwarded-Method", "X-Forwarded-Host", "X-Forwarded-Uri"),
}
IDENTITY = ("X-Auth-Sub", "X-Auth-Client", "X-Auth-Scope", "X-Auth-Acr", "X-Auth-Amr")
SCOPES = ("orders:read", "orders:write", "payments")
ROUTES = f"""
[[route]]
path = "/payments/**"
audience = "{API}"
scopes = ["payments"]
acr_values = ["urn:stepup:acr:aal2"]
max_age = 300

[[route]]
host = "{HOST}"
path = "/orders/**"
methods = ["GET"]
audience = "{API}"
scopes = ["orders:read"]

[[route]]
host = "{HOST}"
path = "/orders/**"
methods = ["POST", "DELETE"]
audience = "{API}"
scopes = ["orders:read", "orders:write"]

[[route]]
path = "/public/**"
audience = "{API}"
"""


@dataclass
class Gate:
    """A proxy in front of the gateway, which tells it what a client sent."""

    world: World
    mode: str

    def ask(
        self,
        target: str = "/orders/1",
        token: str | None = None,
        *,
        method: str = "GET",
        host: str = HOST,
        headers: dict[str, str] | None = None,
        peer: str = "127.0.0.1",
    ) -> TestResponse:
        """Ask about a request; `headers` are what the client sent beside its token."""
        told = dict(headers or {})
        if token is not None:
            told.setdefault("Authorization", f"Bearer {token}")
        path, own_method = CHECK, "GET"
        if self.mode == "envoy":
            path, own_method, told["Host"] = CHECK + target, method, host
        else:
            told |= dict(zip(NAMES[self.mode], (method, host, target), strict=True))
        return self.world.app.test_client().open(
            path, method=own_method, headers=told, environ_base={"REMOTE_ADDR": peer}
        )

    def token(self, *scopes: str, name: str = "caller", resource: str = API) -> str:
        """Return a token of ours for the API, by client credentials."""
        api = self.world.client(name, scopes=SCOPES, resources=(resource,))
        client = self.world.services.client_authentication.find(api.client_id)
        assert client is not None
        issued = self.world.services.tokens.issue(client, scopes=scopes, resources=(resource,))
        return issued.token


@contextmanager
def gate(
    database_url: str, folder: Path, mode: str = "nginx", routes: str = ROUTES, **environ: str
) -> Iterator[Gate]:
    """Run a world whose gateway has these routes."""
    path = folder / "routes.toml"
    path.write_text(routes)
    named = {"MFA_GATEWAY_ROUTES": str(path), "MFA_GATEWAY_MODE": mode}
    world = make_world(database_url, **(named | environ))
    try:
        yield Gate(world, mode)
    finally:
        close(world)


def denied(response: TestResponse, status: int, challenge: str | None = None) -> None:
    """Fail unless it is this refusal, with nothing that a proxy could pass on as an identity."""
    assert response.status_code == status, response.text
    assert response.headers.get("WWW-Authenticate") == challenge
    assert response.mimetype == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert not [name for name in response.headers.keys() if name.startswith("X-Auth")]  # noqa: SIM118


INVALID = 'Bearer error="invalid_token"'
