"""`mfa keys`: the keys that the service signs with, and those that seal."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

import click

from mfa_service.adapters.signing_keys import ALGORITHMS
from mfa_service.domain.errors import InvalidRequest, MfaError
from mfa_service.services.keys import PUBLISHED_BEFORE_USE, KeyInfo, KeyRing
from mfa_service.wiring import Ports, assemble

from . import master_keys
from .database import ready_engine
from .setup import settings_or_fail

_HOUR = 3600


@click.group("keys")
def command() -> None:
    """Roll over the signing keys: what is new is published before it signs."""


command.add_command(master_keys.command)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on standard output.")
def list_(*, as_json: bool) -> None:
    """List every signing key and what it does now."""
    with _ring() as ring:
        infos = ring.infos()
    if as_json:
        click.echo(json.dumps([asdict(info) for info in infos]))
        return
    for info in infos:
        click.echo(f"{info.kid}  {info.alg}  {_state(info)}")


@command.command()
@click.option("--alg", type=click.Choice(ALGORITHMS), required=True)
@click.option(
    "--wait-hours",
    type=click.IntRange(0, 24 * 30),
    default=PUBLISHED_BEFORE_USE // _HOUR,
    show_default=True,
    help="How long it is published before it signs; Entra keeps a JWKS for 24 hours.",
)
def rotate(alg: str, wait_hours: int) -> None:
    """Publish a new key now, and sign with it once everybody knows it."""
    with _ring() as ring:
        made = ring.rotate(alg, wait=wait_hours * _HOUR)
    click.echo(f"{made.kid}  {made.alg}  {_state(made)}")
    click.echo("Every server process publishes it within a minute.", err=True)


@command.command()
@click.argument("kid")
def retire(kid: str) -> None:
    """Publish a key no longer: what it signed holds no more."""
    with _ring() as ring:
        ring.retire(kid)
    click.echo(f"{kid} is retired.", err=True)


def _state(info: KeyInfo) -> str:
    if info.retired_at is not None:
        return f"retired {_told(info.retired_at)}"
    if info.signs:
        return "signs"
    return f"signs from {_told(info.active_at)}" if info.waits else "published, signs no more"


def _told(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="minutes")


@contextmanager
def _ring() -> Iterator[KeyRing]:
    """Give the key ring of the configured database; a refusal exits 1 and says why."""
    settings = settings_or_fail()
    engine = ready_engine(settings, upgrade=False)
    try:
        yield assemble(settings, engine, Ports.real()).foundation.keys
    except InvalidRequest as exc:
        texts = [text for field in dict(exc.members["errors"]).values() for text in field]  # type: ignore[call-overload]
        raise click.ClickException(" ".join(texts)) from exc
    except MfaError as exc:
        raise click.ClickException(exc.detail) from exc
    finally:
        engine.dispose()
