"""Versions of the service: what a migration takes away, and the code of the one before."""

import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

ROOT = Path(__file__).parents[2]
CONFIG = Config()
CONFIG.set_main_option("script_location", str(ROOT / "migrations"))
SCRIPTS = ScriptDirectory.from_config(CONFIG)
_MAIN = "import sys; from mfa_service.cli import main; sys.argv[0] = 'mfa'; main()"


@dataclass(frozen=True)
class Shape:
    """The tables of a database, as code that writes to them sees them."""

    columns: Mapping[str, Mapping[str, Any]]
    unique: Mapping[str, set[tuple[str, ...]]]
    referring: Mapping[str, set[tuple[str, ...]]]

    @classmethod
    def of(cls, engine: Engine) -> "Shape":
        """Return the shape of what is there now."""
        found = inspect(engine)
        tables = [name for name in found.get_table_names() if name != "alembic_version"]
        return cls(
            {name: {c["name"]: c for c in found.get_columns(name)} for name in tables},
            {name: _unique(found, name) for name in tables},
            {
                name: {tuple(key["constrained_columns"]) for key in found.get_foreign_keys(name)}
                for name in tables
            },
        )


def _unique(found: Any, table: str) -> set[tuple[str, ...]]:
    constraints = [c["column_names"] for c in found.get_unique_constraints(table)]
    indexes = [i["column_names"] for i in found.get_indexes(table) if i["unique"]]
    primary = found.get_pk_constraint(table)["constrained_columns"]
    return {tuple(names) for names in [*constraints, *indexes, primary] if names}


def narrowed(before: Shape, after: Shape) -> list[str]:
    """Return what code that knows `before` could no longer do with `after`."""
    found = []
    for table, columns in before.columns.items():
        if table not in after.columns:
            found.append(f"{table} is gone")
            continue
        found += [f"{table}.{text}" for text in _columns(columns, after.columns[table])]
        for kind in ("unique", "referring"):
            new = getattr(after, kind)[table] - getattr(before, kind)[table]
            found += [f"{table}: {kind} {', '.join(names)}" for names in sorted(new)]
    return found


def _columns(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name, column in before.items():
        now = after.get(name)
        if now is None:
            yield f"{name} is gone"
        elif str(now["type"]) != str(column["type"]):
            yield f"{name} is {now['type']}, was {column['type']}"
        elif column["nullable"] and not now["nullable"]:
            yield f"{name} is needed now"
    for name in after.keys() - before.keys():
        if not after[name]["nullable"] and after[name]["default"] is None:
            yield f"{name} is needed, and the code of before does not know it"


def code_before(migration: Path, folder: Path) -> list[str]:
    """Write the code of the last commit without this migration into `folder`; return its `mfa`.

    Raises RuntimeError where the history is not at hand.
    """
    path = str(migration.relative_to(ROOT))
    added = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", path).decode().strip()
    commit = f"{added}^" if added else "HEAD"  # of one that is not committed yet: what is
    archive = _git("archive", "--format=tar", commit, "mfa_service", "migrations")
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {_MAIN}"]


def _git(*arguments: str) -> bytes:
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), *arguments]
    ended = subprocess.run(command, capture_output=True, check=False, timeout=60)
    if ended.returncode != 0:
        text = "the history of the repository is needed (git fetch --unshallow): "
        raise RuntimeError(text + ended.stderr.decode("utf-8", "replace"))
    return ended.stdout
