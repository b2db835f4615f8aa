"""`mfa keys master`: following one master key by the next."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from mfa_service.adapters.clock import SystemClock
from mfa_service.adapters.master_keys import AesGcmBox, MasterKeys
from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.domain.errors import MfaError
from mfa_service.persistence.key_marks import UNREADABLE
from mfa_service.persistence.unit_of_work import UnitOfWork
from mfa_service.services.master_keys import BATCH, KeyUse, MasterKeyService, Rewrapped

from .setup import engine_or_fail, settings_or_fail

_ADVICE = {
    "client.secret_hash": "hashed anew when the client next gets a token, or"
    " `mfa client rotate-secret`",
    "user.user_code_hash": "hashed anew when the person's code is next given, or set it anew",
}


@click.group("master")
def command() -> None:
    """Follow one master key by the next: put it first in MFA_MASTER_KEYS, restart, rewrap."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on standard output.")
def list_(*, as_json: bool) -> None:
    """List every master key that is given or used, and what it still holds."""
    with _service(BATCH) as service:
        uses = service.uses()
    if as_json:
        click.echo(json.dumps([_object(use) for use in uses]))
        return
    for use in uses:
        click.echo(f"{use.kid}  {_state(use)}")
        for title, count, advice in _held(use):
            click.echo(f"  {title}  {count}{advice}")


@command.command()
@click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=BATCH,
    show_default=True,
    help="How many values a transaction replaces.",
)
@click.option(
    "--force", is_flag=True, help="Also when the service has sealed nothing under it yet."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def rewrap(batch: int, *, force: bool, as_json: bool) -> None:
    """Seal anew, under the first key, what other keys sealed; the service may run meanwhile.

    It may be interrupted and called again. The exit status is 0 when every other key may be
    removed from MFA_MASTER_KEYS, 2 when one has to stay, 1 when values open under none.
    """
    with _service(batch) as service:
        if not force:
            _require_known(service.uses())
        done = service.rewrap(lambda title, count: click.echo(f"{title}  {count}", err=True))
        uses = service.uses()
    if as_json:
        told = {"sealed_anew": done.sealed_anew, "broken": done.broken}
        click.echo(json.dumps(told | {"keys": [_object(use) for use in uses]}))
    else:
        _tell(uses, done)
    if done.broken or any(not use.listed for use in uses):
        click.get_current_context().exit(1)
    click.get_current_context().exit(0 if all(u.removable or u.current for u in uses) else 2)


def _require_known(uses: list[KeyUse]) -> None:
    """Refuse a key that no process has used: one that does not know it could open nothing more."""
    current = next(use for use in uses if use.current)
    if not current.used and any(use.sealed for use in uses):
        raise click.ClickException(
            f"Nothing is sealed under {current.kid} yet. Put it first in MFA_MASTER_KEYS of every"
            " process, restart them, and let one request be answered: a process that does not know"
            " it could open nothing any more. If none runs, say --force."
        )


def _tell(uses: list[KeyUse], done: Rewrapped) -> None:
    click.echo(f"Sealed anew: {sum(done.sealed_anew.values())}.")
    for title, count in done.broken.items():
        click.echo(f"{title}: {count} open under no key of MFA_MASTER_KEYS.")
    for use in uses:
        if use.current:
            continue
        if use.removable:
            click.echo(f"{use.kid} may be removed from MFA_MASTER_KEYS.")
            continue
        verb = "has to stay" if use.listed else "is missing"
        click.echo(f"{use.kid} {verb} in MFA_MASTER_KEYS, because of:")
        for title, count, advice in _held(use):
            click.echo(f"  {title}  {count}{advice}")


def _held(use: KeyUse) -> Iterator[tuple[str, int, str]]:
    """Yield column, count and advice."""
    named = f"; a process that seals under {use.kid} still runs, or they were held: again"
    for title, count in use.sealed.items():
        yield title, count, "" if use.current or not use.listed else f"  (`rewrap`{named})"
    for title, count in use.lasting.items():
        yield title, count, "" if use.current else f"  ({_ADVICE[title]}){_names(title, use)}"
    for title, count in use.passing.items():
        yield title, count, "" if use.current else "  (over by itself)"


def _names(title: str, use: KeyUse) -> str:
    return "".join(f"\n    {name}" for name in use.clients) if title.startswith("client.") else ""


def _state(use: KeyUse) -> str:
    if use.kid == UNREADABLE:
        return "names no key: was written by something else"
    if use.current:
        return "seals and hashes"
    if not use.listed:
        return "is NOT in MFA_MASTER_KEYS: nothing of this opens"
    return "may be removed" if use.removable else "opens only"


def _object(use: KeyUse) -> dict[str, object]:
    return asdict(use) | {"removable": use.removable}


@contextmanager
def _service(batch: int) -> Iterator[MasterKeyService]:
    """Give the use cases over the configured database; a refusal exits 1 and says why."""
    settings = settings_or_fail()
    engine = engine_or_fail(settings, upgrade=False)
    keys = MasterKeys(settings.master_keys)
    box = AesGcmBox(keys, SystemRandomness())
    try:
        yield MasterKeyService(UnitOfWork(engine), keys, box, SystemClock(), batch=batch)
    except MfaError as exc:
        raise click.ClickException(exc.detail) from exc
    finally:
        engine.dispose()
