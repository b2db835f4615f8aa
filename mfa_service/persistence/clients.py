"""Writes of clients, for whoever changes several of them by what the table says."""

from collections.abc import Mapping

from sqlalchemy import Connection, insert, text, update

from .models import Client


def lock(tx: Connection) -> None:
    """Keep every other writer of clients out until commit, so that what is read now stays true.

    Readers and rows that refer to clients go on. On SQLite each transaction that writes is alone
    anyway. It has to come first in its transaction: nobody can then wait for us in a circle.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text("LOCK TABLE client IN SHARE ROW EXCLUSIVE MODE"))


def add(tx: Connection, row: Mapping[str, object]) -> None:
    """Insert a client."""
    tx.execute(insert(Client), dict(row))


def change(tx: Connection, client_id: str, values: Mapping[str, object]) -> None:
    """Write some columns of a client."""
    tx.execute(update(Client).where(Client.id == client_id).values(dict(values)))


def rehash(tx: Connection, client_id: str, old: str, new: str) -> None:
    """Replace the hash of a client's secret, if it still is what was read."""
    same = (Client.id == client_id) & (Client.secret_hash == old)
    tx.execute(update(Client).where(same).values(secret_hash=new))
