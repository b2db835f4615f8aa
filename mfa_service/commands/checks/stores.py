"""Findings about the database and Redis."""

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from mfa_service.persistence import schema
from mfa_service.persistence.base import standalone_engine
from mfa_service.settings import Settings

from . import postgres
from .finding import Finding, error, ok, warning
from .push import private

_LITTLE, _TOO_LITTLE = 1 << 30, 100 << 20
_REACHED = stat.S_IXGRP | stat.S_IXOTH
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "glusterfs", "ceph"})


def findings(settings: Settings, processes: int) -> Iterator[Finding]:
    """Look at the stores; after an error of the database no more is asked of it."""
    url = make_url(settings.database_url)
    path = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
    if path is not None and not path.exists():
        yield warning(
            "database",
            f"{path} does not exist yet",
            "the service makes it at its first start",
            "run `mfa db upgrade`, or see MFA_DATABASE_URL if it should be there",
        )
        return
    if path is not None:
        yield from sqlite_file(path)
    engine = standalone_engine(settings.database_url)
    try:
        yield from _engine(engine, processes)
    finally:
        engine.dispose()


def _engine(engine: Engine, processes: int) -> Iterator[Finding]:
    try:
        with engine.connect():
            pass
    except (SQLAlchemyError, OSError) as exc:
        yield error(
            "database",
            f"it does not answer ({type(exc).__name__})",
            "without it every request is answered 503",
            "see MFA_DATABASE_URL: host, name, user, password, the server's own log",
        )
        return
    yield ok("database", f"{engine.dialect.name} answers")
    yield _schema(engine)
    if engine.dialect.name == "postgresql":
        yield from postgres.findings(engine, processes)


def _schema(engine: Engine) -> Finding:
    try:
        schema.require_current(engine)
    except schema.SchemaOutdated:
        return error(
            "schema",
            "it is not the one of this version",
            "the service does not start",
            "run `mfa db upgrade` (SQLite: any start does), or the version that made it",
        )
    return ok("schema", "it is the one of this version")


def sqlite_file(path: Path) -> Iterator[Finding]:
    """Look at the file, its disk and its file system."""
    if path.parent.stat().st_mode & _REACHED:
        yield private("database file", path, f"{path} is for its owner alone")
    else:
        yield ok("database file", f"{path.parent} is for its owner alone")
    free = shutil.disk_usage(path.parent).free
    if free < _LITTLE:
        make = error if free < _TOO_LITTLE else warning
        yield make(
            "disk",
            f"{free >> 20} MiB are free beside {path}",
            "a full disk ends every write: nobody can authenticate",
            "make room, or move the database",
        )
    else:
        yield ok("disk", f"{free >> 30} GiB are free")
    kind = file_system(path, Path("/proc/self/mountinfo"))
    if kind in _REMOTE:
        yield error(
            "file system",
            f"{path} is on {kind}",
            "SQLite's locks do not hold there: what was spent may be spent twice",
            "move it to a local disk, or use PostgreSQL",
        )


def file_system(path: Path, mounts: Path) -> str:
    """Return the type of the file system that holds `path`; empty where that is not known."""
    best, kind = "", ""
    for line in mounts.read_text().splitlines() if mounts.is_file() else ():
        fields, _, rest = line.partition(" - ")
        point = fields.split()[4]
        if path.resolve().is_relative_to(point) and len(point) >= len(best):
            best, kind = point, rest.split()[0]
    return kind
