"""`mfa client`: the clients of the service."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mfa_service.domain.errors import InvalidRequest, MfaError
from mfa_service.domain.subject import Client
from mfa_service.services.clients import ClientService, NewClient, Registered
from mfa_service.wiring import Ports, assemble

from .database import ready_engine
from .setup import settings_or_fail

T = TypeVar("T")


@click.group("client")
def command() -> None:
    """Administer clients: authorization servers, gateways, tools."""


@command.command()
@click.argument("name")
@click.option("--scope", required=True, help='Space-separated, e.g. "mfa:challenge mfa:enroll".')
@click.option("--redirect-uri", multiple=True, help="Where the hosted page may return to.")
@click.option("--origin", multiple=True, help="Where this client's pages call WebAuthn.")
@click.option("--resource", multiple=True, help="A value that `resource` may have (RFC 8707).")
@click.option("--realm", default="default", show_default=True, help="Whose subjects it shares.")
@click.option("--jwks", type=click.Path(exists=True, dir_okay=False), help="Its public keys.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def add(name: str, scope: str, jwks: str | None, as_json: bool, **lists: Any) -> None:  # noqa: ANN401, FBT001
    """Register a client; its secret is shown this once."""
    new = NewClient(
        name=name,
        scopes=tuple(scope.split()),
        realm=lists["realm"],
        redirect_uris=lists["redirect_uri"],
        origins=lists["origin"],
        resources=lists["resource"],
        jwks=_read_jwks(jwks) if jwks else None,
    )
    _show(_with_clients(lambda clients: clients.add(new)), as_json=as_json)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on standard output.")
def list_(as_json: bool) -> None:  # noqa: FBT001
    """List every client."""
    clients = _with_clients(lambda service: service.all())
    rows = [
        {
            "client_id": client.id,
            "name": client.name,
            "realm": client.realm,
            "scope": " ".join(client.scopes),
            "authentication": _authentication(client),
            "disabled": client.disabled,
        }
        for client in clients
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        state = "disabled" if row["disabled"] else "enabled"
        state += "" if row["authentication"] else ", built in"
        click.echo(f"{row['client_id']}  {state}  {row['realm']}  {row['name']}  [{row['scope']}]")


@command.command("rotate-secret")
@click.argument("client_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def rotate_secret(client_id: str, as_json: bool) -> None:  # noqa: FBT001
    """Replace a client's secret; the old one is dead at once."""
    _show(_with_clients(lambda clients: clients.rotate_secret(client_id)), as_json=as_json)


@command.command()
@click.argument("client_id")
def disable(client_id: str) -> None:
    """Refuse a client from now on, live tokens included."""
    _with_clients(lambda clients: clients.disable(client_id))
    click.echo(f"{client_id} is disabled.", err=True)


def _authentication(client: Client) -> str | None:
    """Return how a client proves itself; this service itself, as a client, never does."""
    if client.jwks:
        return "private_key_jwt"
    return "client_secret_basic" if client.secret_hash else None


def _with_clients(call: Callable[[ClientService], T]) -> T:
    """Call the use case over the configured database; a refusal exits 1 and says every fault."""
    settings = settings_or_fail()
    engine = ready_engine(settings, upgrade=False)
    try:
        return call(assemble(settings, engine, Ports.real()).clients)
    except InvalidRequest as exc:
        errors = exc.members["errors"]
        lines = [f"  - {field}: {' '.join(texts)}" for field, texts in dict(errors).items()]  # type: ignore[call-overload]
        raise click.ClickException("\n".join(["The client is not valid:", *lines])) from exc
    except MfaError as exc:
        raise click.ClickException(exc.detail) from exc
    finally:
        engine.dispose()


def _show(registered: Registered, *, as_json: bool) -> None:
    client = registered.client
    members = {"client_id": client.id, "name": client.name, "scope": " ".join(client.scopes)}
    if registered.secret is not None:
        members["client_secret"] = registered.secret
    if as_json:
        click.echo(json.dumps(members))
        return
    for name in ("client_id", "client_secret", "name", "scope"):
        if name in members:
            click.echo(f"{name}: {members[name]}")


def _read_jwks(path: str) -> dict[str, object]:
    try:
        value = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise click.ClickException(f"--jwks: {path} is no JSON file.") from exc
    if not isinstance(value, dict):
        raise click.ClickException("--jwks: the file has to hold a JWK set.")
    return value
