"""`mfa db`: the schema of the database."""

import tempfile
from pathlib import Path

import click
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from mfa_service.adapters.clock import SystemClock
from mfa_service.adapters.master_keys import AesGcmBox, MasterKeys
from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.persistence import backups, schema
from mfa_service.persistence.base import standalone_engine
from mfa_service.persistence.retention import Retention
from mfa_service.persistence.unit_of_work import UnitOfWork
from mfa_service.services.keys import KeyRing, KeysUnreadable
from mfa_service.settings import Settings

from .setup import engine_or_fail, settings_or_fail


def make_ready(settings: Settings, *, upgrade: bool) -> None:
    """Leave a database that fits and has a signing key that opens, or exit 1 with the reason."""
    ready_engine(settings, upgrade=upgrade).dispose()


def ready_engine(settings: Settings, *, upgrade: bool) -> Engine:
    """Return an engine on such a database."""
    engine = engine_or_fail(settings, upgrade=upgrade)
    Retention(UnitOfWork(engine)).prepare(at=SystemClock().now())
    box = AesGcmBox(MasterKeys(settings.master_keys), SystemRandomness())
    ring = KeyRing(UnitOfWork(engine), box, SystemClock(), settings.issuer)
    try:
        ring.ensure()
        ring.check()
    except KeysUnreadable as exc:
        engine.dispose()
        raise click.ClickException(str(exc)) from exc
    return engine


@click.group("db")
def command() -> None:
    """Keep the database's schema."""


@command.command()
def upgrade() -> None:
    """Bring the schema up to date and make the signing key; a second call does nothing."""
    make_ready(settings_or_fail(), upgrade=True)
    click.echo("The database is up to date.", err=True)


@command.command()
def check() -> None:
    """Tell whether the migrations make exactly the tables that the code expects."""
    with tempfile.TemporaryDirectory() as folder:
        engine = standalone_engine(f"sqlite:///{folder}/check.db")
        schema.upgrade(engine)
        found = schema.differences(engine)
        engine.dispose()
    for difference in found:
        click.echo(difference, err=True)
    if found:
        raise click.ClickException("The migrations and the models differ.")
    click.echo("The migrations and the models agree.", err=True)


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Copy a SQLite database into FILE, which must not exist; the service may run meanwhile."""
    engine = engine_or_fail(settings_or_fail(), upgrade=False)
    try:
        size = backups.copy(engine, file)
    except backups.BackupRefused as exc:
        raise click.ClickException(str(exc)) from exc
    except (SQLAlchemyError, OSError) as exc:
        raise click.ClickException(f"No copy was made ({type(exc).__name__}).") from exc
    finally:
        engine.dispose()
    click.echo(f"{file}: {size} bytes. Keep it apart from the master keys.", err=True)
