"""What the commands around clients share: the use cases, and what is shown of a client."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click

from mfa_service.domain.errors import InvalidRequest, MfaError
from mfa_service.domain.subject import Client, Source
from mfa_service.services.clients import Registered
from mfa_service.wiring import Ports, Services, assemble

from .database import ready_engine
from .setup import settings_or_fail

T = TypeVar("T")


def with_services(call: Callable[[Services], T]) -> T:
    """Call the use cases over the configured database; a refusal exits 1 and says every fault."""
    settings = settings_or_fail()
    engine = ready_engine(settings, upgrade=False)
    try:
        return call(assemble(settings, engine, Ports.real()))
    except InvalidRequest as exc:
        errors = exc.members["errors"]
        lines = [f"  - {field}: {' '.join(texts)}" for field, texts in dict(errors).items()]  # type: ignore[call-overload]
        raise click.ClickException("\n".join(["The client is not valid:", *lines])) from exc
    except MfaError as exc:
        raise click.ClickException(exc.detail) from exc
    finally:
        engine.dispose()


def registered_members(registered: Registered) -> dict[str, str]:
    """Return what is shown once: the id, and the secret if there is a new one."""
    client = registered.client
    members = {"client_id": client.id, "name": client.name, "scope": " ".join(client.scopes)}
    if registered.secret is not None:
        members["client_secret"] = registered.secret
    return members


def registered_lines(members: Mapping[str, str]) -> str:
    """Return the same for people."""
    names = ("client_id", "client_secret", "name", "scope")
    return "".join(f"{name}: {members[name]}\n" for name in names if name in members)


def short_members(client: Client) -> dict[str, object]:
    """Return what a list shows of a client."""
    return {
        "client_id": client.id,
        "name": client.name,
        "realm": client.realm,
        "scope": " ".join(client.scopes),
        "authentication": authentication(client),
        "disabled": client.disabled,
        "source": client.source,
        "metadata": asdict(client.metadata),
    }


def authentication(client: Client) -> str | None:
    """Return how a client proves itself; this service itself, as a client, never does."""
    if client.jwks:
        return "private_key_jwt"
    known = client.secret_hash is not None or client.source is Source.DIRECTORY
    return "client_secret_basic" if known else None


def jwks_in(path: Path) -> dict[str, object]:
    """Return a JWK set of a file; raise `ValueError` with what is wrong, and none of its text."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise ValueError("is no JSON file") from exc
    if not isinstance(value, dict):
        raise ValueError("has to hold a JWK set")  # noqa: TRY004  # one kind of fault
    return value
