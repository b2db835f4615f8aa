"""`mfa worker`: what is done beside the requests, in a process of its own."""

import signal
import threading

import click

from mfa_service import wiring_adapters
from mfa_service.adapters.clock import SystemClock
from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.background import BackgroundWork
from mfa_service.observability.spans import TRACING
from mfa_service.settings import Background, Settings
from mfa_service.wiring import Ports, assemble

from .database import ready_engine
from .setup import senders_or_fail, settings_or_fail
from .worker_health import health_at

_GRACEFUL_SECONDS = 5


@click.command("worker")
@click.option("--at-once", default=16, show_default=True, type=click.IntRange(1, 64))
@click.option("--host", default="127.0.0.1", show_default=True, help="Of /healthz and /metrics.")
@click.option("--port", type=click.IntRange(1, 65535), help="Answer /healthz and /metrics there.")
def command(at_once: int, host: str, port: int | None) -> None:
    """Send push messages and pings, and tidy, until SIGTERM; what was begun ends within 10 s."""
    settings = settings_or_fail()
    clock = SystemClock()
    ports = Ports(clock, SystemRandomness(), senders_or_fail(settings, clock))
    TRACING.tracer = wiring_adapters.tracer(settings)
    engine = ready_engine(settings, upgrade=False)
    services = assemble(settings, engine, ports)
    stopped = _stop_signals()
    work = BackgroundWork(services, at_once=at_once)
    _announce(settings, ports, at_once)
    with health_at(host, port, work.stuck, settings.metrics_token):
        services.wake_up.start()
        work.start()
        stopped.wait()
        ended = work.stop(seconds=_GRACEFUL_SECONDS)
    services.wake_up.stop()
    engine.dispose()
    said = "Stopped." if ended else "Stopped; what a provider did not answer is sent once more."
    click.echo(said, err=True)


def _announce(settings: Settings, ports: Ports, at_once: int) -> None:
    by = ", ".join(sorted(ports.senders)) or "no push provider"
    click.echo(f"Working for {settings.issuer}: {at_once} messages at once, by {by}.", err=True)
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)
    if settings.background is Background.HERE:
        click.echo("warning: MFA_BACKGROUND is not worker: `mfa serve` does this too", err=True)


def _stop_signals() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped
