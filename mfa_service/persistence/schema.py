"""The database's schema: brought up to date, and checked, by Alembic."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, make_url

from .base import Base

_PACKAGED = Path(__file__).parent.parent / "migrations"
_CHECKOUT = Path(__file__).parent.parent.parent / "migrations"


class SchemaOutdated(Exception):
    """The database has another schema than this version needs."""


def upgrade(engine: Engine) -> None:
    """Bring the schema up to date, in one transaction; a second call does nothing."""
    _make_folder(engine)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # two upgrades at once: the second waits
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7205759403)")
        try:
            command.upgrade(_config(connection), "head")
        except CommandError as exc:
            raise SchemaOutdated(
                "The database was made by another version of the service."
            ) from exc


def require_current(engine: Engine) -> None:
    """Raise `SchemaOutdated` unless the schema is that of this version."""
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_heads()
        wanted = ScriptDirectory.from_config(_config(connection)).get_heads()
    if set(found) != set(wanted):
        raise SchemaOutdated("The database is not up to date: run `mfa db upgrade`.")


def differences(engine: Engine) -> list[str]:
    """Return what the tables lack compared with the models; empty when they agree."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [str(difference) for difference in compare_metadata(context, Base.metadata)]


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
