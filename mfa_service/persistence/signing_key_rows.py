"""Statements about our signing keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from .consume import insert_once
from .models import SigningKey

_TABLE = SigningKey.__table__


def every(tx: Connection) -> Sequence[Row[Any]]:
    """Return every key there ever was, by algorithm and generation."""
    return tx.execute(select(_TABLE).order_by(_TABLE.c.alg, _TABLE.c.generation)).all()


def write(tx: Connection, row: Mapping[str, object]) -> bool:
    """Keep a key; tell whether nobody else made the same generation first."""
    return insert_once(tx, SigningKey, dict(row))


def retire(tx: Connection, kid: str, *, at: int) -> None:
    """Publish a key no longer."""
    tx.execute(update(SigningKey).where(SigningKey.kid == kid).values(retired_at=at))
