"""`mfa entra`: the external authentication method for Microsoft Entra."""

import json
from dataclasses import asdict

import click

from mfa_service.adapters.probe import Probe
from mfa_service.services.client_authentication import ClientAuthentication
from mfa_service.services.entra_check import EntraCheck, Finding
from mfa_service.services.entra_replay import Replay
from mfa_service.wiring import Ports, assemble

from .database import ready_engine
from .setup import settings_or_fail


@click.group("entra")
def command() -> None:
    """Look after the connection with Microsoft Entra (MFA_ENTRA)."""


@command.command()
@click.option("--tenant", "tenant_id", help="Only this one of the configured tenants.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on standard output.")
def check(tenant_id: str | None, *, as_json: bool) -> None:
    """Look at everything an exchange depends on, and replay one. Exit status 1 after a fault."""
    findings = _found(tenant_id)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            click.echo(f"{'ok   ' if finding.held else 'FAULT'}  {finding.about}: {finding.text}")
    if not all(finding.held for finding in findings):
        raise SystemExit(1)


def _found(tenant_id: str | None) -> list[Finding]:
    settings = settings_or_fail()
    tenants = tuple(t for t in settings.entra if tenant_id in {None, t.tenant_id})
    if not tenants:
        raise click.ClickException("MFA_ENTRA names no such tenant.")
    engine = ready_engine(settings, upgrade=False)
    try:
        services = assemble(settings, engine, Ports.real())
        clients: ClientAuthentication = services.client_authentication
        replay = Replay(services.foundation, services.protocols.tokens)
        return EntraCheck(services.foundation, clients, replay, Probe()).run(tenants)
    finally:
        engine.dispose()
