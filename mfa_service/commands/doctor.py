"""`mfa doctor`: looks at a deployment, and explains what it finds."""

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy import make_url

from mfa_service.domain import origins
from mfa_service.observability import logs
from mfa_service.persistence import signing_key_rows
from mfa_service.persistence.base import standalone_engine
from mfa_service.persistence.unit_of_work import UnitOfWork
from mfa_service.settings import Settings, SettingsInvalid

from .checks import beside, keys, names, neighbours, push, service, stores
from .checks.finding import Finding, Level, error

_STATUS = {Level.OK: 0, Level.WARNING: 1, Level.ERROR: 2}


def _public(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    parts = None if url is None else origins.split(url)
    if url is not None and (parts is None or parts.scheme not in {"http", "https"}):
        raise click.BadParameter("is not an http or https address")
    if parts is not None and (parts.username or parts.query or parts.fragment):
        raise click.BadParameter("must have no user, query or fragment")
    return url


@click.command("doctor")
@click.option(
    "--url", callback=_public, help="The public address: asked through whatever is in front."
)
@click.option(
    "--processes",
    type=click.IntRange(1, 10_000),
    default=1,
    show_default=True,
    help="How many worker processes there are, on all hosts.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array on standard output.")
def command(url: str | None, processes: int, *, as_json: bool) -> None:
    """Look at clocks, keys, stores, names, push, workers and the proxy; change nothing.

    Exit status 0: all is well; 1: something should not stay so; 2: something does not work.
    """
    found = []
    for finding in _findings(url, processes):
        found.append(finding)
        if not as_json:
            _tell(finding)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found]))
    worst = max((_STATUS[finding.level] for finding in found), default=0)
    click.get_current_context().exit(worst)


def _tell(finding: Finding) -> None:
    click.echo(f"{finding.level:<8} {finding.check}: {finding.what}")
    if finding.level is not Level.OK:
        click.echo(f"         why: {finding.why}")
        click.echo(f"         do:  {finding.todo}")


def _findings(url: str | None, processes: int) -> Iterator[Finding]:
    try:
        settings = Settings.load()
    except SettingsInvalid as exc:
        for fault in exc.faults:
            yield error("settings", fault, "nothing starts with it", "see README, Settings")
        return
    logs.configure(logging.getLevelName(logging.WARNING))
    yield from names.findings(settings)
    yield from push.findings(settings)
    stored = list(stores.findings(settings, processes))
    yield from stored
    kids: frozenset[str] | None = None
    if _usable(settings, stored):
        engine = standalone_engine(settings.database_url)
        work = UnitOfWork(engine)
        try:
            yield from keys.findings(settings, work)
            yield from beside.findings(settings, work)
            kids = _published(work)
        finally:
            engine.dispose()
    yield from neighbours.findings(settings)
    if url is not None:
        yield from service.findings(settings, url, kids)


def _usable(settings: Settings, stored: Iterable[Finding]) -> bool:
    """Tell whether the tables can be asked."""
    faults = {f.check for f in stored if f.level is Level.ERROR}
    url = make_url(settings.database_url)
    there = url.get_backend_name() != "sqlite" or Path(url.database or "").exists()
    return there and not faults & {"database", "schema"}


def _published(work: UnitOfWork) -> frozenset[str]:
    with work.reading() as tx:
        rows = signing_key_rows.every(tx)
    return frozenset(row.kid for row in rows if row.retired_at is None)
