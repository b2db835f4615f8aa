"""A consistent copy of a SQLite database, made while others write to it."""

import os
from pathlib import Path

from sqlalchemy import Engine

from .prepared import Lent


class BackupRefused(Exception):
    """No copy was made; the text says why."""


def copy(engine: Engine, target: Path) -> int:
    """Write what is committed now into a new file for its owner alone; return its size in bytes.

    The copy is one moment's state, and on the disk when this returns. Raises `BackupRefused`
    for another kind of database, and where a file is already.
    """
    if engine.dialect.name != "sqlite":
        raise BackupRefused("This is PostgreSQL: use pg_dump, or your continuous archive.")
    try:
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise BackupRefused(f"{target} cannot be made ({type(exc).__name__}).") from exc
    try:
        with Lent(engine) as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(target),))
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    except BaseException:
        target.unlink()
        raise
    finally:
        os.close(descriptor)
