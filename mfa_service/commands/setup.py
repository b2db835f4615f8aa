"""What every command needs first: settings, and a database that fits."""

from click import ClickException
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from mfa_service.domain.ports import Clock, PushSender
from mfa_service.observability import logs
from mfa_service.persistence import schema
from mfa_service.persistence.base import standalone_engine
from mfa_service.settings import Settings, SettingsInvalid
from mfa_service.wiring_push import SendersUnusable, push_senders


def settings_or_fail() -> Settings:
    """Return the settings; print every fault and exit 1 otherwise."""
    try:
        settings = Settings.load()
    except SettingsInvalid as exc:
        raise ClickException(str(exc)) from exc
    logs.configure(settings.log_level)
    return settings


def engine_or_fail(settings: Settings, *, upgrade: bool) -> Engine:
    """Return an engine whose schema is current.

    SQLite, the embedded default, is brought up to date by any command; elsewhere that is the
    operator's decision, unless `upgrade` says so.
    """
    engine = standalone_engine(settings.database_url)
    try:
        if upgrade or engine.dialect.name == "sqlite":
            schema.upgrade(engine)
        schema.require_current(engine)
    except (schema.SchemaOutdated, schema.SchemaBusy) as exc:
        engine.dispose()
        raise ClickException(str(exc)) from exc
    except (SQLAlchemyError, OSError) as exc:
        engine.dispose()
        name = type(exc).__name__
        raise ClickException(
            f"The database cannot be used ({name}): see MFA_DATABASE_URL."
        ) from exc
    return engine


def senders_or_fail(settings: Settings, clock: Clock) -> dict[str, PushSender]:
    """Return the push senders; print why one cannot be made and exit 1 otherwise."""
    try:
        return push_senders(settings, clock)
    except SendersUnusable as exc:
        raise ClickException(str(exc)) from exc
