"""`mfa serve`: the service in the foreground."""

import tempfile
from urllib.parse import urlsplit

import click

from mfa_service import serving
from mfa_service.adapters.clock import SystemClock
from mfa_service.settings import Background, Settings

from .database import make_ready
from .setup import senders_or_fail, settings_or_fail


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
def command(host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM; running requests end within 10 s."""
    settings = settings_or_fail()
    if settings.background is Background.HERE:
        senders_or_fail(settings, SystemClock())  # here, where the reason can be said
    make_ready(settings, upgrade=False)
    _announce(settings, host, port, workers)
    with tempfile.TemporaryDirectory(prefix="mfa-metrics-") as folder:
        serving.serve(host, port, workers, metrics_folder=folder if workers > 1 else None)


def _announce(settings: Settings, host: str, port: int, workers: int) -> None:
    click.echo(f"Serving {settings.issuer} on {host}:{port} with {workers} worker(s).", err=True)
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)
    own = urlsplit(settings.issuer)
    if own.scheme == "http" and own.port != port:
        click.echo(f"warning: MFA_ISSUER is {settings.issuer} but the port is {port}", err=True)
