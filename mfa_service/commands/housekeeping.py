"""`mfa housekeeping`: one pass of what every process does once a minute."""

import json

import click

from mfa_service.domain.errors import MfaError
from mfa_service.wiring import Ports, assemble

from .database import ready_engine
from .setup import settings_or_fail


@click.command("housekeeping")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(*, as_json: bool) -> None:
    """Close and delete what is over, once, and say what it was; the service may run meanwhile."""
    settings = settings_or_fail()
    engine = ready_engine(settings, upgrade=False)
    try:
        done = assemble(settings, engine, Ports.real()).housekeeping.run()
    except MfaError as exc:
        raise click.ClickException(exc.detail) from exc
    finally:
        engine.dispose()
    if as_json:
        click.echo(json.dumps(done))
        return
    for name, count in done.items():
        if count:
            click.echo(f"{name.replace('_', ' ')}: {count}")
    if not any(done.values()):
        click.echo("Nothing was over.")
