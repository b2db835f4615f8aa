"""The stage of the demo, and on it an API, nginx in front of it, and programs that call it."""

import json
from dataclasses import dataclass, field

from examples.demo.processes import free_port, run, script
from examples.demo.stage import HOST, Stage, port_of
from examples.gateway_demo.proxy import adapted, nginx_command

AUDIENCE = "https://api.example.org"
SCOPES = ("orders:read", "payments")


@dataclass(slots=True)
class GatewayStage(Stage):
    """Addresses of one run; whoever calls the API calls `front`, where nginx is."""

    front: str = field(default_factory=lambda: f"{HOST}:{free_port()}")
    api: str = field(default_factory=lambda: f"http://127.0.0.1:{free_port()}")

    def start_service(self) -> tuple[str, ...]:
        """Write the table of routes, then make the database and serve."""
        table = f'[[issuer]]\nissuer = "{self.server}"\n\n{adapted("routes.toml", _PLACES)}'
        (self.folder / "routes.toml").write_text(table)
        lines = [line for line in table.splitlines() if line and not line.startswith("#")]
        return (*Stage.start_service(self), *(line.partition("  #")[0].rstrip() for line in lines))

    def start_api(self) -> tuple[str, ...]:
        """Serve the API."""
        environment = {"API_PORT": port_of(self.api)}
        self._start("API", "examples.gateway_demo.api", self.api, environment)
        return (self.api,)

    def start_proxy(self) -> tuple[str, ...]:
        """Start nginx with the published configuration; it answers once it can ask the gateway."""
        folder = self.folder / "nginx"
        folder.mkdir()
        listen, service = (f"127.0.0.1:{port_of(url)}" for url in (self.front, self.service))
        command = nginx_command(folder, listen=listen, service=service, api=self.api[7:])
        ready = f"{self.front}/orders"
        self.processes.start("nginx", command, environment={}, at=folder, ready=ready)
        return (f"{self.front} → {self.api}, as examples/gateway/nginx.conf says",)

    def add_program(self, name: str, scope: str) -> dict[str, str]:
        """Register a program that may call the API, and return its credentials."""
        command = [script("mfa"), "client", "add", name, "--scope", scope, "--resource", AUDIENCE]
        printed = run([*command, "--json"], environment=self._service_env(), at=self.folder)
        return dict(json.loads(printed))

    def disable(self, client_id: str) -> None:
        """Disable a client."""
        command = [script("mfa"), "client", "disable", client_id]
        run(command, environment=self._service_env(), at=self.folder)

    def _service_env(self) -> dict[str, str]:
        routes = {"MFA_GATEWAY_MODE": "nginx", "MFA_GATEWAY_ROUTES": "routes.toml"}
        return Stage._service_env(self) | routes  # noqa: SLF001

    def _server_env(self) -> dict[str, str]:
        api = {"AS_API_AUDIENCE": AUDIENCE, "AS_API_SCOPES": ",".join(SCOPES)}
        return Stage._server_env(self) | api | {"AS_CLIENT_NAME": "Accounts app"}  # noqa: SLF001


_PLACES = {'host = "api.example.org"': 'host = "localhost"'}
