"""`mfa`: the command line of the service."""

import sys

import click

from .loading import load

_COMMANDS = {
    "serve": "mfa_service.commands.serve",
    "worker": "mfa_service.commands.worker",
    "db": "mfa_service.commands.database",
    "client": "mfa_service.commands.clients",
    "entra": "mfa_service.commands.entra",
    "keys": "mfa_service.commands.keys",
    "housekeeping": "mfa_service.commands.housekeeping",
    "doctor": "mfa_service.commands.doctor",
    "webauthn": "mfa_service.commands.webauthn",
}


class _LazyGroup(click.Group):
    """Finds commands by name, so that `mfa serve` loads nothing that only others need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help text."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load and return one command."""
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = load(module).command
        return found if isinstance(found, click.Command) else None


@click.command(cls=_LazyGroup)
@click.version_option(package_name="stepup-mfa-service", prog_name="mfa")
def group() -> None:
    """Step-up authentication: serve it, keep its database, administer its clients."""


def main() -> None:
    """Run the command line; the exit status is 0, 1 for a refusal, 2 for wrong usage."""
    sys.exit(group())
