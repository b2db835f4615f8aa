"""Idempotency keys: the first answer under a key is the only one (contract section 1)."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, select, update

from mfa_service.domain.errors import (
    IdempotencyExpired,
    IdempotencyInProgress,
    IdempotencyKeyReused,
)
from mfa_service.jose import b64url
from mfa_service.persistence.consume import insert_once
from mfa_service.persistence.models import IdempotentReply

from .foundation import Foundation

KEPT_SECONDS = 86_400
SECRET_SECONDS = 600
_LEASE_SECONDS = 60  # longer than any request runs
_TRIES = 3
_LOOKS, _LOOK_SECONDS = 50, 0.1
_STORED = frozenset({403, 409})


@dataclass(frozen=True, slots=True)
class Use:
    """By whom a key is used and for what; `sub` is the person who calls, if one does."""

    client_id: str
    sub: str | None
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Key:
    """One use of a key: by whom, for what, with which body."""

    client_id: str
    key_hash: str
    body_hash: str

    @classmethod
    def of(cls, use: Use, key: str, body: bytes) -> "Key":
        """Return the key bound to client, person, method and full path, ids included."""
        text = json.dumps([use.method, use.path, key, use.sub]).encode()
        hashed = hashlib.sha256(text).hexdigest()
        return cls(use.client_id, hashed, hashlib.sha256(body).hexdigest())


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it left the first time."""

    status: int
    body: str
    location: str | None

    def __repr__(self) -> str:
        """Hide the body."""
        return f"Stored({self.status})"


@dataclass(frozen=True, slots=True)
class Run:
    """The right to run the request; given back by `finish`."""

    key: Key
    run: str


class IdempotencyService:
    """Lets one request under a key run, and answers the others with its reply."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    def begin(self, key: Key) -> Run | Stored:
        """Return the right to run, or the stored answer.

        Raises `IdempotencyKeyReused` for another body, `IdempotencyInProgress` when the first
        has not ended within 5 s, `IdempotencyExpired` once a one-time secret is gone.
        """
        run = Run(key, b64url(self._f.randomness.bytes(16)))
        for _ in range(_TRIES):
            if self._insert(run) or self._take_over(run):
                return run
            row = self._finished(key)
            if row is not None:
                return self._stored(row)
        raise IdempotencyInProgress

    def finish(self, run: Run, reply: Stored, *, secret: bool) -> None:
        """Keep the answer if a replay shall get it (2xx, 403, 409), else forget the key."""
        mine = self._row(run.key) & (IdempotentReply.run == run.run)
        text = json.dumps({"body": reply.body, "location": reply.location}).encode()
        with self._f.work.transaction() as tx:
            if 200 <= reply.status < 300 or reply.status in _STORED:  # noqa: PLR2004
                until = self._f.clock.now() + SECRET_SECONDS if secret else None
                sealed = self._f.secret_box.seal(text, place=reply_place(run.key))
                values = {"status": reply.status, "sealed": sealed, "secret_until": until}
                tx.execute(update(IdempotentReply).where(mine).values(values))
            else:
                tx.execute(delete(IdempotentReply).where(mine))
        self._f.wake_up.tell(_topic(run.key))

    def forget(self, run: Run) -> None:
        """Let the request run anew: it ended in a way that says nothing."""
        self.finish(run, Stored(500, "", None), secret=False)

    def _insert(self, run: Run) -> bool:
        row = {
            "client_id": run.key.client_id,
            "key_hash": run.key.key_hash,
            "body_hash": run.key.body_hash,
            "run": run.run,
            "created_at": self._f.clock.now(),
            "status": None,
        }
        with self._f.work.transaction() as tx:
            return insert_once(tx, IdempotentReply, row)

    def _take_over(self, run: Run) -> bool:
        """Replace what is older than 24 h, or whose worker died while it ran."""
        table, at = IdempotentReply, self._f.clock.now()
        old = table.created_at <= at - KEPT_SECONDS
        died = table.status.is_(None) & (table.created_at <= at - _LEASE_SECONDS)
        same_body = table.body_hash == run.key.body_hash
        values = {
            "run": run.run,
            "created_at": at,
            "body_hash": run.key.body_hash,
            "status": None,
            "sealed": None,
            "secret_until": None,
        }
        with self._f.work.transaction() as tx:
            free = self._row(run.key) & (old | (died & same_body))
            return tx.execute(update(table).where(free).values(values)).rowcount == 1

    def _finished(self, key: Key) -> Row[Any] | None:
        """Wait for the first run's answer; `None` once it ended without one to keep.

        Raises `IdempotencyInProgress` after 5 s, `IdempotencyKeyReused` for another body.
        """
        place = self._f.wake_up.subscribe(_topic(key))
        try:
            for _ in range(_LOOKS):
                with self._f.work.reading() as tx:
                    query = select(IdempotentReply.__table__).where(self._row(key))
                    row = tx.execute(query).one_or_none()
                if row is not None and row.body_hash != key.body_hash:
                    raise IdempotencyKeyReused
                if row is None or row.status is not None:
                    return row
                if place is None:
                    break
                place.wait(_LOOK_SECONDS)
            raise IdempotencyInProgress
        finally:
            if place is not None:
                place.close()

    def _stored(self, row: Row[Any]) -> Stored:
        if row.secret_until is not None and self._f.clock.now() >= row.secret_until:
            raise IdempotencyExpired
        key = Key(row.client_id, row.key_hash, row.body_hash)
        members = json.loads(self._f.secret_box.open(row.sealed, place=reply_place(key)))
        return Stored(row.status, members["body"], members["location"])

    @staticmethod
    def _row(key: Key) -> ColumnElement[bool]:
        table = IdempotentReply
        return (table.client_id == key.client_id) & (table.key_hash == key.key_hash)


def reply_place(key: Key | Row[Any]) -> str:
    """Return the place to which a stored answer is sealed."""
    return f"idempotent_reply|sealed|{key.client_id}|{key.key_hash}"


def _topic(key: Key) -> str:
    return f"reply:{key.client_id}:{key.key_hash}"
