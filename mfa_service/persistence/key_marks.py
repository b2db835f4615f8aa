"""Values that name their master key: counted by key, read by pages, replaced one by one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    bindparam,
    case,
    func,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from .base import Base
from .prepared import Prepared

_MOST_KEYS = 50
UNREADABLE = "?"
"""Stands for the key of a value that names none."""

Mark = bytes | str


@dataclass(frozen=True, slots=True)
class Marked:
    """A column whose values begin with a mark of their key.

    `mark` returns how values under a key begin, `key_of` the key that a value names. Values for
    which `matters(at)` does not hold are not counted.
    """

    model: type[Base]
    name: str
    mark: Callable[[str], Mark]
    key_of: Callable[[Any], str | None]
    matters: Callable[[int], ColumnElement[bool]] | None = None

    @property
    def table(self) -> Table:
        """The column's table."""
        table = self.model.__table__
        assert isinstance(table, Table)  # noqa: S101  # no model of ours is anything else
        return table

    @property
    def title(self) -> str:
        """Table and column as an operator reads them."""
        return f"{self.table.name}.{self.name}"

    def under(self, kid: str) -> ColumnElement[bool]:
        """Return whether a value is marked by a key."""
        column, mark = self.table.c[self.name], self.mark(kid)
        return func.substr(column, 1, len(mark), type_=column.type) == mark

    def filled(self, at: int) -> ColumnElement[bool]:
        """Return whether there is a value that matters: what was revoked is empty."""
        filled: ColumnElement[bool] = func.length(self.table.c[self.name]) > 0
        return and_(filled, self.matters(at)) if self.matters is not None else filled


def counts(tx: Connection, marked: Marked, kids: Sequence[str], *, at: int) -> dict[str, int]:
    """Return how many values each key has: of `kids`, and of every other that some value names."""
    known, found = list(kids), _counted(tx, marked, list(kids), at=at)
    while found[UNREADABLE] and len(known) < _MOST_KEYS:
        stranger = tx.scalar(_of_others(marked, known, at=at).limit(1))
        kid = None if stranger is None else marked.key_of(stranger)
        if kid is None or kid in known:
            break
        known.append(kid)
        found = _counted(tx, marked, known, at=at)
    return {kid: count for kid, count in found.items() if count}


def keys_under(tx: Connection, marked: Marked, kid: str, *, at: int, most: int) -> list[str]:
    """Return the primary keys, of one column, of rows whose value is marked by a key."""
    (key,) = marked.table.primary_key.columns
    query = select(key).where(marked.filled(at), marked.under(kid)).order_by(key)
    return [str(found) for found in tx.scalars(query.limit(most))]


def _counted(tx: Connection, marked: Marked, kids: Sequence[str], *, at: int) -> dict[str, int]:
    sums = [func.sum(case((marked.under(kid), 1), else_=0)) for kid in kids]
    row = tx.execute(select(func.count(), *sums).where(marked.filled(at))).one()
    total, *each = (int(value or 0) for value in row)
    return dict(zip(kids, each, strict=True)) | {UNREADABLE: total - sum(each)}


def _of_others(marked: Marked, kids: Sequence[str], *, at: int) -> Any:  # noqa: ANN401
    other = not_(or_(*(marked.under(kid) for kid in kids)))
    return select(marked.table.c[marked.name]).where(marked.filled(at), other)


def page(
    tx: Connection, marked: Marked, kid: str, *, after: Sequence[object] | None, size: int
) -> Sequence[Row[Any]]:
    """Return whole rows whose value is marked by any other key, by primary key, behind `after`."""
    keys, column = list(marked.table.primary_key.columns), marked.table.c[marked.name]
    query = select(marked.table).where(func.length(column) > 0, not_(marked.under(kid)))
    if after is not None:
        query = query.where(tuple_(*keys) > tuple_(*after))
    return tx.execute(query.order_by(*keys).limit(size)).all()


def key_of_row(marked: Marked, row: Row[Any]) -> tuple[object, ...]:
    """Return the primary key of a row of `page`."""
    return tuple(getattr(row, column.name) for column in marked.table.primary_key.columns)


class Replacement:
    """Replaces values of a column, each only if it still is what was read."""

    def __init__(self, marked: Marked) -> None:
        keys, column = marked.table.primary_key.columns, marked.table.c[marked.name]
        self._column, self._keys = column, tuple(keys)
        self._names = tuple(f"key_{key.name}" for key in keys)
        mine = [key == bindparam(name) for key, name in zip(keys, self._names, strict=True)]
        self._statement = Prepared(
            update(marked.table)
            .where(*mine, column == bindparam("old"))
            .values({column.name: bindparam("new")})
            .returning(*keys)
        )

    def run(self, tx: Connection, values: Mapping[tuple[object, ...], tuple[Mark, Mark]]) -> int:
        """Replace old by new values by primary key; return how many were replaced.

        Rows that somebody else is writing are left out, so that nobody who holds several rows
        ever waits for us while we wait for one of them (PostgreSQL).
        """
        free = select(*self._keys).where(tuple_(*self._keys).in_(list(values)))
        replaced = 0
        for row in tx.execute(free.with_for_update(key_share=True, skip_locked=True)).all():
            old, new = values[tuple(row)]
            named = dict(zip(self._names, tuple(row), strict=True))
            replaced += self._statement.row(tx, {**named, "old": old, "new": new}) is not None
        return replaced
