"""The database's schema: brought up to date, and checked, by Alembic."""

import re
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import OperationalError

from . import partitions
from .base import Base

_PACKAGED = Path(__file__).parent.parent / "migrations"
_PARTITIONED = "|".join(kind.table for kind in partitions.ALL)
_PARTITION = re.compile(rf"({_PARTITIONED})_(before|(until_)?\d{{8}})")
_CHECKOUT = Path(__file__).parent.parent.parent / "migrations"


_BUSY = frozenset({"55P03", "40P01"})  # no lock within the time; a deadlock that we lost
_MAY_RUN = "code of these revisions may run too: "


class SchemaBusy(Exception):
    """Others used the tables all the time."""


class SchemaOutdated(Exception):
    """The database has another schema than this version needs."""


def upgrade(engine: Engine, *, tries: int = 5) -> None:
    """Bring the schema up to date, in one transaction; a second call does nothing.

    Beside a running service (PostgreSQL) it waits 2 s for a table, then lets everybody pass and
    tries again; raises `SchemaBusy` after `tries`.
    """
    _make_folder(engine)
    for _ in range(tries):
        try:
            with engine.begin() as connection:
                _upgrade(connection)
        except OperationalError as exc:
            if getattr(exc.orig, "sqlstate", None) not in _BUSY:
                raise
        else:
            return
    raise SchemaBusy("The tables are in use all the time: nothing was changed, try again.")


def _upgrade(connection: Connection) -> None:
    config = _config(connection)
    if connection.dialect.name == "postgresql":  # two upgrades at once: the second waits
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7205759403)")
        connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
    try:
        command.upgrade(config, "head")
    except CommandError as exc:
        raise SchemaOutdated("The database was made by another version of the service.") from exc
    if connection.dialect.name == "postgresql":
        listed = " ".join(revisions_that_may_run(ScriptDirectory.from_config(config)))
        connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{_MAY_RUN}{listed}'")


def revisions_that_may_run(scripts: ScriptDirectory) -> list[str]:
    """Return the revisions before the head from which on every migration only expands.

    The code of these reads and writes the head's schema, so their processes may run and start
    while hosts are upgraded one after the other.
    """
    found: list[str] = []
    for script in scripts.walk_revisions():
        if not getattr(script.module, "expands_only", False) or script.down_revision is None:
            break
        found.append(str(script.down_revision))
    return found


def require_current(engine: Engine) -> None:
    """Raise `SchemaOutdated` unless this version can run with the schema.

    It can with its own, and with a newer one that says so (PostgreSQL).
    """
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_heads()
        wanted = ScriptDirectory.from_config(_config(connection)).get_heads()
        if set(found) == set(wanted) or set(wanted) & _told_by(connection):
            return
    raise SchemaOutdated("The database is not up to date: run `mfa db upgrade`.")


def _told_by(connection: Connection) -> set[str]:
    """Return the older revisions whose code may run, as a newer version wrote it down."""
    if connection.dialect.name != "postgresql":
        return set()
    query = "SELECT obj_description(to_regclass('alembic_version')::oid, 'pg_class')"
    told = str(connection.exec_driver_sql(query).scalar())
    return set(told.removeprefix(_MAY_RUN).split()) if told.startswith(_MAY_RUN) else set()


def differences(engine: Engine) -> list[str]:
    """Return what the tables lack compared with the models; empty when they agree."""
    with engine.connect() as connection:
        opts = {"compare_type": True, "include_name": _is_ours}
        context = MigrationContext.configure(connection, opts=opts)
        return [str(difference) for difference in compare_metadata(context, Base.metadata)]


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Tell whether it is to be compared: a partition is a part of its table."""
    return kind != "table" or not _PARTITION.fullmatch(name or "")


def _config(connection: Connection) -> Config:
    config = Config()
    folder = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _make_folder(engine: Engine) -> None:
    url = make_url(engine.url)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
