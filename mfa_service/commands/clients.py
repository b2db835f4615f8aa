"""`mfa client`: the clients of the service."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from mfa_service.domain.client_metadata import ID_TOKEN_ALGORITHMS, REQUEST_ALGORITHMS
from mfa_service.domain.dialects import DIALECTS
from mfa_service.domain.errors import Unavailable
from mfa_service.domain.subject import Client
from mfa_service.services.clients import ClientService, NewClient, Registered

from .client_access import (
    jwks_in,
    registered_lines,
    registered_members,
    short_members,
    with_services,
)
from .client_files import apply

T = TypeVar("T")


@click.group("client")
def command() -> None:
    """Administer clients: authorization servers, gateways, tools."""


command.add_command(apply)


@command.command()
@click.argument("name")
@click.option("--scope", required=True, help='Space-separated, e.g. "mfa:challenge mfa:enroll".')
@click.option("--redirect-uri", multiple=True, help="Where the hosted page may return to.")
@click.option("--origin", multiple=True, help="Where this client's pages call WebAuthn.")
@click.option("--resource", multiple=True, help="A value that `resource` may have (RFC 8707).")
@click.option("--realm", default="default", show_default=True, help="Whose subjects it shares.")
@click.option("--jwks", type=click.Path(exists=True, dir_okay=False), help="Its public keys.")
@click.option("--dialect", type=click.Choice(list(DIALECTS)), help="How it names acr and amr.")
@click.option("--id-token-alg", type=click.Choice(ID_TOKEN_ALGORITHMS), help="RS256 if not given.")
@click.option("--request-object-alg", type=click.Choice(REQUEST_ALGORITHMS), help="It has to sign.")
@click.option("--require-par", is_flag=True, help="It has to push its requests (RFC 9126).")
@click.option("--ciba-ping", metavar="ENDPOINT", help="Where it is told that a request has ended.")
@click.option("--ciba-user-code", is_flag=True, help="It sends the person's user_code.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def add(name: str, scope: str, jwks: str | None, as_json: bool, **more: Any) -> None:  # noqa: ANN401, FBT001
    """Register a client; its secret is shown this once."""
    new = NewClient(
        name=name,
        scopes=tuple(scope.split()),
        realm=more["realm"],
        redirect_uris=more["redirect_uri"],
        origins=more["origin"],
        resources=more["resource"],
        jwks=_read_jwks(jwks) if jwks else None,
        metadata=_metadata(more),
    )
    _show(_with_clients(lambda clients: clients.add(new)), as_json=as_json)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on standard output.")
def list_(as_json: bool) -> None:  # noqa: FBT001
    """List every client, of ours and of the directory.

    When the directory does not answer, those of ours are listed and the exit status is 1.
    """
    clients, fault = _with_clients(_of_both_sources)
    rows = [short_members(client) for client in clients]
    if as_json:
        click.echo(json.dumps(rows))
    else:
        click.echo("".join(_line(row) for row in rows), nl=False)
    if fault is not None:
        raise click.ClickException(fault)


@command.command()
@click.argument("client_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def show(client_id: str, as_json: bool) -> None:  # noqa: FBT001
    """Show all that is known of a client but its secret, which nobody knows."""
    client = _with_clients(lambda clients: clients.show(client_id))
    members = short_members(client) | {
        "redirect_uris": list(client.redirect_uris),
        "origins": list(client.origins),
        "resources": list(client.resources),
        "jwks": client.jwks,
    }
    if as_json:
        click.echo(json.dumps(members))
        return
    metadata = members.pop("metadata")
    for name, value in [*members.items(), *dict(metadata).items()]:  # type: ignore[call-overload]
        click.echo(f"{name}: {_told(value)}")


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


def _with_clients(call: Callable[[ClientService], T]) -> T:
    return with_services(lambda services: call(services.clients))


def _of_both_sources(service: ClientService) -> tuple[list[Client], str | None]:
    """Return every client, and what kept those of the directory away if something did."""
    ours = service.all()
    try:
        return [*ours, *service.in_directory()], None
    except Unavailable as exc:
        return ours, exc.detail


def _line(row: Mapping[str, object]) -> str:
    state = "disabled" if row["disabled"] else "enabled"
    state += "" if row["authentication"] else ", built in"
    named = f"{row['client_id']}  {row['source']}  {state}  {row['realm']}  {row['name']}"
    return f"{named}  [{row['scope']}]\n"


def _told(value: object) -> str:
    """Return a value for people: a list's items, and nothing where there is none."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, bool | dict):
        return json.dumps(value)
    return "" if value is None else str(value)


def _metadata(options: Mapping[str, Any]) -> dict[str, object]:
    """Return what the options say, in the names of the registries; an absent one says nothing."""
    endpoint = options["ciba_ping"]
    said = {
        "dialect": options["dialect"],
        "id_token_signed_response_alg": options["id_token_alg"],
        "request_object_signing_alg": options["request_object_alg"],
        "require_pushed_authorization_requests": options["require_par"] or None,
        "backchannel_token_delivery_mode": None if endpoint is None else "ping",
        "backchannel_client_notification_endpoint": endpoint,
        "backchannel_user_code_parameter": options["ciba_user_code"] or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _show(registered: Registered, *, as_json: bool) -> None:
    members = registered_members(registered)
    click.echo(json.dumps(members) if as_json else registered_lines(members), nl=as_json)


def _read_jwks(path: str) -> dict[str, object]:
    try:
        return jwks_in(Path(path))
    except ValueError as exc:
        raise click.ClickException(f"--jwks: {path} {exc}.") from exc
