"""Statements of people's sessions and of the links that begin them, each conditional and whole."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from mfa_service.domain.session import BeganBy
from mfa_service.domain.session import Session as SessionValue

from .models import AccountLink, Session

_VALUE_COLUMNS = [c for c in Session.__table__.columns if c.name != "token_hash"]


def begin(tx: Connection, session: SessionValue, token_hash: str) -> None:
    """Write a new session under the hash of its cookie."""
    names = [column.name for column in _VALUE_COLUMNS]
    row = {name: getattr(session, name) for name in names}
    tx.execute(insert(Session), row | {"token_hash": token_hash})


def find(tx: Connection, token_hash: str, *, at: int, idle: int) -> SessionValue | None:
    """Return a session that is alive, without prolonging it."""
    alive = _alive(at, idle)
    query = select(*_VALUE_COLUMNS).where(Session.token_hash == token_hash, *alive)
    return _session(tx.execute(query).one_or_none())


def touch(tx: Connection, token_hash: str, *, at: int, idle: int) -> SessionValue | None:
    """Note that a session is in use and return it; `None` if it is not alive."""
    statement = (
        update(Session)
        .where(Session.token_hash == token_hash, *_alive(at, idle))
        .values(seen_at=at)
        .returning(*_VALUE_COLUMNS)
    )
    return _session(tx.execute(statement).one_or_none())


def of_user(tx: Connection, user_id: str, *, at: int, idle: int) -> list[SessionValue]:
    """Return a user's sessions that are alive, the latest used first."""
    query = select(*_VALUE_COLUMNS).where(Session.user_id == user_id, *_alive(at, idle))
    rows = tx.execute(query.order_by(Session.seen_at.desc(), Session.id))
    return [found for row in rows if (found := _session(row)) is not None]


def end_by_cookie(tx: Connection, token_hash: str) -> str | None:
    """End a session by its cookie's hash; return whose it was."""
    statement = delete(Session).where(Session.token_hash == token_hash)
    return tx.scalar(statement.returning(Session.user_id))


def end(tx: Connection, user_id: str, session_id: str) -> bool:
    """End one session of a user; tell whether it was there."""
    mine = (Session.user_id == user_id) & (Session.id == session_id)
    return tx.scalar(delete(Session).where(mine).returning(Session.id)) is not None


def end_others(tx: Connection, user_id: str, session_id: str) -> int:
    """End every session of a user but one; return how many."""
    others = (Session.user_id == user_id) & (Session.id != session_id)
    return len(tx.execute(delete(Session).where(others).returning(Session.id)).all())


def put_intent(tx: Connection, session_id: str, intent: str) -> None:
    """Keep what a step-up is for; what was kept before is given up."""
    tx.execute(update(Session).where(Session.id == session_id).values(intent=intent))


def move_intent(tx: Connection, session_id: str, before: str, after: str | None) -> bool:
    """Replace exactly this intent, once; tell whether nobody was first."""
    mine = (Session.id == session_id) & (Session.intent == before)
    statement = update(Session).where(mine).values(intent=after).returning(Session.id)
    return tx.scalar(statement) is not None


def intent_of(tx: Connection, session_id: str) -> str | None:
    """Return what a session keeps of its intent now."""
    return tx.scalar(select(Session.intent).where(Session.id == session_id))


def put_shown(tx: Connection, session_id: str, sealed: bytes | None) -> None:
    """Keep what an enrollment shows to this browser, or forget it."""
    tx.execute(update(Session).where(Session.id == session_id).values(shown=sealed))


def shown_of(tx: Connection, session_id: str) -> bytes | None:
    """Return what a session keeps to be shown now."""
    return tx.scalar(select(Session.shown).where(Session.id == session_id))


def take_shown(tx: Connection, session_id: str, sealed: bytes) -> bool:
    """Use up exactly what was kept to be shown, once; tell whether nobody was first."""
    mine = (Session.id == session_id) & (Session.shown == sealed)
    statement = update(Session).where(mine).values(shown=None).returning(Session.id)
    return tx.scalar(statement) is not None


def put_notice(tx: Connection, session_id: str, notice: str | None) -> None:
    """Keep what the next page says, or forget it."""
    tx.execute(update(Session).where(Session.id == session_id).values(notice=notice))


def add_link(tx: Connection, row: dict[str, object]) -> None:
    """Write a link into self-service."""
    tx.execute(insert(AccountLink), row)


def find_link(tx: Connection, hashes: Sequence[str], *, at: int) -> str | None:
    """Return for whom a link is that can still be spent."""
    return tx.scalar(select(AccountLink.user_id).where(*_unspent(hashes, at)))


def spend_link(tx: Connection, hashes: Sequence[str], *, at: int) -> str | None:
    """Use up a link, once; return for whom it was."""
    statement = update(AccountLink).where(*_unspent(hashes, at)).values(spent_at=at)
    return tx.scalar(statement.returning(AccountLink.user_id))


def delete_over(tx: Connection, *, at: int, idle: int) -> tuple[int, int]:
    """Delete sessions and links that are over; return how many of each."""
    over = (Session.expires_at <= at) | (Session.seen_at <= at - idle)
    ended = tx.execute(delete(Session).where(over)).rowcount
    return ended, tx.execute(delete(AccountLink).where(AccountLink.expires_at <= at)).rowcount


def forget_user(tx: Connection, user_id: str) -> None:
    """Delete the links and sessions of a user that is erased."""
    tx.execute(delete(AccountLink).where(AccountLink.user_id == user_id))
    tx.execute(delete(Session).where(Session.user_id == user_id))


def _alive(at: int, idle: int) -> tuple[ColumnElement[bool], ...]:
    return (Session.expires_at > at, Session.seen_at > at - idle)


def _unspent(hashes: Sequence[str], at: int) -> tuple[ColumnElement[bool], ...]:
    known = AccountLink.token_hash.in_(hashes)
    return (known, AccountLink.spent_at.is_(None), AccountLink.expires_at > at)


def _session(row: Row[Any] | None) -> SessionValue | None:
    if row is None:
        return None
    members = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for it
    return SessionValue(**members | {"began_by": BeganBy(row.began_by)})
