"""`mfa client apply`: what the clients of a file would change is shown, confirmed, and done."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from mfa_service import jose
from mfa_service.domain.client_file import DeclaredClient, clients_from_toml
from mfa_service.domain.subject import Client
from mfa_service.domain.toml_table import TomlInvalid
from mfa_service.services.client_files import (
    Action,
    Change,
    ClientFiles,
    Plan,
    PlanOutdated,
    faults,
)
from mfa_service.services.clients import Registered
from mfa_service.wiring import Services

from .client_access import jwks_in, registered_lines, registered_members, with_services

_WOULD_CHANGE = 2
_MARKS = {Action.CREATE: "+", Action.CHANGE: "~", Action.DISABLE: "-"}


@dataclass(frozen=True, slots=True)
class _Options:
    prune: bool
    yes: bool
    dry_run: bool
    as_json: bool


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--prune", is_flag=True, help="Disable every client that is not in the file.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show; exit 2 if something would change.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def apply(file: Path, **options: bool) -> None:
    """Make clients what a TOML file says, after showing what would change.

    Each [[client]] is found by its realm and name. Secrets of new clients are shown this once.
    """
    declared, chosen = _declared(file), _Options(**options)
    with_services(lambda services: _apply(file, services, declared, chosen))


def _apply(
    file: Path, services: Services, declared: Sequence[DeclaredClient], options: _Options
) -> None:
    files = ClientFiles(services.foundation, services.clients)
    try:
        plan = files.plan(declared, prune=options.prune)
        if not options.as_json or (plan and not options.yes and not options.dry_run):
            click.echo(_text(plan), nl=False, err=options.as_json)
        made = _done(files, declared, plan, options)
    except TomlInvalid as exc:
        raise _invalid(file, exc.faults) from exc
    except PlanOutdated as exc:
        raise click.ClickException(
            "Clients were changed meanwhile; nothing was done. Run it again."
        ) from exc
    if options.as_json:
        click.echo(json.dumps(_members(plan, made, applied=bool(plan) and not options.dry_run)))
    else:
        lines = [registered_lines(registered_members(registered)) for registered in made]
        click.echo("\n".join(lines), nl=False)
    if plan and options.dry_run:
        raise click.exceptions.Exit(_WOULD_CHANGE)


def _done(
    files: ClientFiles, declared: Sequence[DeclaredClient], plan: Plan, options: _Options
) -> tuple[Registered, ...]:
    """Do the plan, if there is something to do and whoever has to agree does."""
    if not plan or options.dry_run:
        return ()
    if not options.yes:
        if not sys.stdin.isatty():
            raise click.ClickException("Nobody can be asked here: give --yes, or --dry-run.")
        if not click.confirm("Do this?", err=True):
            raise click.ClickException("Nothing was changed.")
    return files.apply(declared, plan)


def _declared(file: Path) -> tuple[DeclaredClient, ...]:
    """Return the clients of a file, or exit 1 with everything that is wrong with it."""
    try:
        text = file.read_text("utf-8")
        declared, of_form = clients_from_toml(text, lambda name: jwks_in(file.parent / name))
    except (OSError, UnicodeDecodeError) as exc:
        raise _invalid(file, [f"cannot be read ({type(exc).__name__})"]) from exc
    except TomlInvalid as exc:
        raise _invalid(file, exc.faults) from exc
    found = faults(declared, of_form)
    if found:
        raise _invalid(file, found)
    return declared


def _invalid(file: Path, found: Sequence[str]) -> click.ClickException:
    return click.ClickException("\n  - ".join([f"{file} is not valid:", *found]))


def _members(plan: Plan, made: Sequence[Registered], *, applied: bool) -> dict[str, object]:
    return {
        "applied": applied,
        "changes": [
            {
                "action": step.action,
                "client_id": step.client_id,
                "realm": step.realm,
                "name": step.name,
                "members": [asdict(change) for change in step.changes],
            }
            for step in plan.steps
        ],
        "unchanged": len(plan.same),
        "left_alone": [
            {"client_id": client.id, "realm": client.realm, "name": client.name}
            for client in plan.others
        ],
        "clients": [
            registered_members(registered) | {"realm": registered.client.realm}
            for registered in made
        ],
    }


def _text(plan: Plan) -> str:
    lines = []
    for step in plan.steps:
        known = f"  {step.client_id}" if step.client_id else ""
        lines.append(f"{_MARKS[step.action]} {step.realm}/{step.name}{known}")
        lines += [f"    {_told(change, new=step.client_id is None)}" for change in step.changes]
    lines.append(f"= {len(plan.same)} unchanged")
    lines += _left("disabled, and stay so, since the file does not say", plan.same, disabled=True)
    lines += _left("not in the file, left alone", plan.others, disabled=False)
    return "\n".join([*lines, ""])


def _left(why: str, clients: Sequence[Client], *, disabled: bool) -> list[str]:
    named = [f"{c.realm}/{c.name} ({c.id})" for c in clients if not disabled or c.disabled]
    return [f"  {why}: {', '.join(named)}"] if named else []


def _told(change: Change, *, new: bool) -> str:
    after = _value(change.member, change.new)
    if new:
        return f"{change.member}: {after}"
    return f"{change.member}: {_value(change.member, change.old)} -> {after}"


def _value(member: str, value: object) -> str:
    if member == "jwks":
        return f"keys {_thumbprints(value)}" if isinstance(value, Mapping) else "a secret"
    if isinstance(value, list):
        return " ".join(value) or "none"
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)


def _thumbprints(jwks: Mapping[str, object]) -> str:
    """Return what its keys are known by (RFC 7638): a `kid` could be any text."""
    keys = jwks.get("keys")
    return " ".join(jose.thumbprint(key) for key in keys) if isinstance(keys, list) else ""
