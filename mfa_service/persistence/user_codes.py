"""The code of a person that CIBA clients have to know: kept as a keyed hash, tried few times."""

from typing import Any, cast

from sqlalchemy import Connection, Row, bindparam, select, update

from .models import User

_FIND = select(User.id, User.user_code_hash).where(
    User.realm == bindparam("realm"), User.sub == bindparam("sub")
)
_PAY = (
    update(User)
    .where(User.id == bindparam("key"), User.user_code_failures < bindparam("limit"))
    .values(user_code_failures=User.user_code_failures + 1)
    .returning(User.id)
)
_FORGIVE = update(User).where(User.id == bindparam("key")).values(user_code_failures=0)
_REHASH = (
    update(User)
    .where(User.id == bindparam("key"), User.user_code_hash == bindparam("old"))
    .values(user_code_hash=bindparam("new"))
)
_WRITE = (
    update(User)
    .where(User.id == bindparam("key"))
    .values(user_code_hash=bindparam("hash"), user_code_failures=0)
)


def find(tx: Connection, realm: str, sub: str) -> Row[Any] | None:
    """Return id and hash of a user."""
    return cast("Row[Any] | None", tx.execute(_FIND, {"realm": realm, "sub": sub}).one_or_none())


def pay(tx: Connection, user_id: str, *, limit: int) -> bool:
    """Count a wrong code in advance; tell whether there was a try left."""
    return tx.execute(_PAY, {"key": user_id, "limit": limit}).one_or_none() is not None


def forgive(tx: Connection, user_id: str) -> None:
    """Start the count anew after a right code."""
    tx.execute(_FORGIVE, {"key": user_id})


def write(tx: Connection, user_id: str, hashed: str | None) -> None:
    """Set the code, or take it away, and start the count anew."""
    tx.execute(_WRITE, {"key": user_id, "hash": hashed})


def rehash(tx: Connection, user_id: str, old: str, new: str) -> None:
    """Replace the hash of a code, if it still is what was read."""
    tx.execute(_REHASH, {"key": user_id, "old": old, "new": new})
