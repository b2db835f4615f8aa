"""`mfa webauthn`: what is believed of models of authenticators."""

import json
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

from mfa_service.adapters.clock import SystemClock
from mfa_service.factors.webauthn_metadata import (
    PUBLISHER,
    Metadata,
    MetadataInvalid,
    signed_metadata,
    unsigned_metadata,
)
from mfa_service.persistence.metadata import StoredModel
from mfa_service.services.models import MetadataRolledBack, ModelService, Reassessed
from mfa_service.wiring import Ports, assemble

from .database import ready_engine
from .setup import settings_or_fail

_MOST_BYTES = 64 * 1024 * 1024
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("webauthn")
def command() -> None:
    """Keep what is believed of models of authenticators: FIDO metadata, without the network."""


@command.command("import-metadata")
@click.argument("file", type=_FILE)
@click.option("--root", type=_FILE, help="PEM of the root; else those that this system trusts.")
@click.option(
    "--publisher", default=PUBLISHER, show_default=True, help="Whom its certificate names."
)
@click.option("--unsigned", is_flag=True, help="JSON that you vouch for: a statement, or entries.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def import_metadata(
    file: Path, root: Path | None, publisher: str, *, unsigned: bool, as_json: bool
) -> None:
    """Import a FIDO metadata BLOB (MDS3) that holds, and judge what is enrolled anew."""
    try:
        found = _read(file, root, publisher, unsigned=unsigned)
        with _models() as models:
            done, judged = models.import_models(found), models.reassess()
    except MetadataInvalid as exc:
        raise click.ClickException(str(exc)) from exc
    except MetadataRolledBack as exc:
        raise click.ClickException(
            "A newer BLOB was imported before: this one would bring back what was revoked since."
        ) from exc
    if as_json:
        click.echo(json.dumps(asdict(done) | {"reassessed": asdict(judged)}))
        return
    serial = "" if done.no is None else f" of BLOB {done.no}"
    click.echo(f"{done.models} models{serial} imported, {done.forgotten} older ones forgotten.")
    if done.overdue:
        click.echo("The publisher promised a newer BLOB for before now: fetch it.", err=True)
    _say(judged)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on standard output.")
def list_(*, as_json: bool) -> None:
    """List every model of which metadata was imported."""
    with _models() as models:
        rows = [_row(stored) for stored in models.all()]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        source = "unsigned" if row["no"] is None else f"BLOB {row['no']}"
        broken = "  broken" if row["broken"] else ""
        click.echo(f"{row['aaguid']}  {source}  {row['description']}{broken}")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def reassess(*, as_json: bool) -> None:
    """Judge every enrolled passkey by the metadata and lists of now; suspend banned models."""
    with _models() as models:
        done = models.reassess()
    if as_json:
        click.echo(json.dumps(asdict(done)))
        return
    _say(done)


def _say(done: Reassessed) -> None:
    click.echo(f"{done.seen} passkeys judged, {done.changed} changed, {done.suspended} suspended.")


@contextmanager
def _models() -> Iterator[ModelService]:
    """Give the use cases over the configured database."""
    settings = settings_or_fail()
    engine = ready_engine(settings, upgrade=False)
    try:
        yield assemble(settings, engine, Ports.real()).models
    finally:
        engine.dispose()


def _read(file: Path, root: Path | None, publisher: str, *, unsigned: bool) -> Metadata:
    if file.stat().st_size > _MOST_BYTES:
        raise MetadataInvalid("The file is larger than any metadata: 64 MiB.")
    text = file.read_bytes()
    if unsigned:
        return unsigned_metadata(text)
    roots, at = _roots(root), SystemClock().now()
    return signed_metadata(text, roots=roots, publisher=publisher, at=at)


def _roots(root: Path | None) -> list[x509.Certificate]:
    """Return the certificates that may stand above the publisher's."""
    if root is None:
        return list(_trusted_by_the_system())
    try:
        return x509.load_pem_x509_certificates(root.read_bytes())
    except ValueError as exc:
        raise MetadataInvalid("--root is no PEM file of certificates.") from exc


def _trusted_by_the_system() -> Iterator[x509.Certificate]:
    """Yield the authorities of this system, but for those that RFC 5280 would not let in."""
    for der in ssl.create_default_context().get_ca_certs(binary_form=True):
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            try:
                root = x509.load_der_x509_certificate(der)
                root.extensions.get_extension_for_class(x509.BasicConstraints)
            except (ValueError, x509.ExtensionNotFound, CryptographyDeprecationWarning):
                continue
        yield root


def _row(stored: StoredModel) -> dict[str, object]:
    model = stored.model
    return {
        "aaguid": model.aaguid,
        "description": model.description,
        "no": stored.no,
        "imported_at": datetime.fromtimestamp(stored.imported_at, UTC).isoformat(),
        "key_protection": sorted(model.key_protection),
        "statuses": sorted(model.statuses),
        "broken": model.is_broken,
    }
