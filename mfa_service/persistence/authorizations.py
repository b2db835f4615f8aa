"""Statements about authorizations: each step is one conditional write, so it happens once."""

from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from .models import Authorization, PushedRequest

_CLAIM_PUSHED = (
    delete(PushedRequest)
    .where(
        PushedRequest.handle_hash.in_(bindparam("hashes", expanding=True)),
        PushedRequest.client_id == bindparam("client"),
        PushedRequest.expires_at > bindparam("at"),
    )
    .returning(PushedRequest.handle_hash, PushedRequest.request)
)
_TIE = (
    update(Authorization)
    .where(Authorization.id == bindparam("key"), Authorization.challenge_id.is_(None))
    .values(challenge_id=bindparam("challenge"))
    .returning(Authorization.id)
)
_GIVE_HANDLE = (
    update(Authorization)
    .where(Authorization.id == bindparam("key"), Authorization.handle_hash.is_(None))
    .values(handle_hash=bindparam("hash"), handle_until=bindparam("until"))
    .returning(Authorization.id)
)
_REDEEM = (
    update(Authorization)
    .where(
        Authorization.id == bindparam("key"),
        Authorization.redeemed_at.is_(None),
        Authorization.revoked_at.is_(None),
        Authorization.handle_until > bindparam("at"),
    )
    .values(redeemed_at=bindparam("at"))
    .returning(Authorization.id)
)
_REVOKE = (
    update(Authorization)
    .where(Authorization.id == bindparam("key"), Authorization.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
    .returning(Authorization.id)
)
_POLL = (
    update(Authorization)
    .where(
        Authorization.id == bindparam("key"),
        or_(
            Authorization.polled_at.is_(None),
            Authorization.polled_at <= bindparam("at") - Authorization.poll_interval,
        ),
    )
    .values(polled_at=bindparam("at"))
    .returning(Authorization.id)
)
_SLOW_DOWN = (
    update(Authorization)
    .where(Authorization.id == bindparam("key"))
    .values(
        poll_interval=Authorization.poll_interval + bindparam("more"), polled_at=bindparam("at")
    )
)
_BY_HANDLE = select(Authorization.__table__).where(
    Authorization.handle_hash.in_(bindparam("hashes", expanding=True))
)
_BY_ID = select(Authorization.__table__).where(Authorization.id == bindparam("key"))


@dataclass(frozen=True, slots=True)
class NewAuthorization:
    """A row to be written."""

    id: str
    client_id: str
    kind: str
    request: bytes
    created_at: int
    expires_at: int
    poll_interval: int = 0
    ping_at: int | None = None


def place(authorization_id: str) -> str:
    """Return the place to which an authorization's request is sealed."""
    return f"authorization|request|{authorization_id}"


def pushed_place(handle_hash: str) -> str:
    """Return the place to which a pushed request is sealed."""
    return f"pushed_request|request|{handle_hash}"


def push(tx: Connection, handle_hash: str, client_id: str, request: bytes, *, until: int) -> None:
    """Keep a pushed request."""
    row = {"handle_hash": handle_hash, "client_id": client_id, "expires_at": until}
    tx.execute(insert(PushedRequest), {**row, "request": request})


def claim_pushed(
    tx: Connection, hashes: tuple[str, ...], client_id: str, *, at: int
) -> Row[Any] | None:
    """Use up a client's pushed request; `None` if there is none, or it was used."""
    values = {"hashes": list(hashes), "client": client_id, "at": at}
    return cast("Row[Any] | None", tx.execute(_CLAIM_PUSHED, values).one_or_none())


def write(tx: Connection, new: NewAuthorization) -> None:
    """Keep an authentic request from now on."""
    row = {
        "id": new.id,
        "client_id": new.client_id,
        "kind": new.kind,
        "request": new.request,
        "created_at": new.created_at,
        "expires_at": new.expires_at,
        "poll_interval": new.poll_interval,
        "ping_at": new.ping_at,
    }
    tx.execute(insert(Authorization), row)


def find(tx: Connection, authorization_id: str) -> Row[Any] | None:
    """Return the row of an authorization."""
    return tx.execute(_BY_ID, {"key": authorization_id}).one_or_none()


def find_by_handle(tx: Connection, hashes: tuple[str, ...]) -> Row[Any] | None:
    """Return the row that a code or `auth_req_id` names."""
    return tx.execute(_BY_HANDLE, {"hashes": list(hashes)}).one_or_none()


def tie(tx: Connection, authorization_id: str, challenge_id: str) -> bool:
    """Tie an authorization to its challenge; tell whether it had none."""
    values = {"key": authorization_id, "challenge": challenge_id}
    return tx.execute(_TIE, values).one_or_none() is not None


def give_handle(tx: Connection, authorization_id: str, handle_hash: str, *, until: int) -> bool:
    """Name it by a handle until then; tell whether it had none."""
    values = {"key": authorization_id, "hash": handle_hash, "until": until}
    return tx.execute(_GIVE_HANDLE, values).one_or_none() is not None


def redeem(tx: Connection, authorization_id: str, *, at: int) -> bool:
    """Turn it into tokens; tell whether it could be: alive, for the first time."""
    return tx.execute(_REDEEM, {"key": authorization_id, "at": at}).one_or_none() is not None


def revoke(tx: Connection, authorization_id: str, *, at: int) -> bool:
    """Take back what it yielded; tell whether it was the first time."""
    return tx.execute(_REVOKE, {"key": authorization_id, "at": at}).one_or_none() is not None


def poll(tx: Connection, authorization_id: str, *, at: int, slower_by: int) -> bool:
    """Note a poll and tell whether it came in time; one that did not makes the interval longer."""
    if tx.execute(_POLL, {"key": authorization_id, "at": at}).one_or_none() is not None:
        return True
    tx.execute(_SLOW_DOWN, {"key": authorization_id, "at": at, "more": slower_by})
    return False


def delete_over(tx: Connection, *, at: int, kept: int) -> tuple[int, int]:
    """Delete pushed requests that are over, and authorizations `kept` seconds after their end.

    Return how many of each.
    """
    pushed = tx.execute(delete(PushedRequest).where(PushedRequest.expires_at <= at)).rowcount
    over = Authorization.expires_at <= at - kept
    return pushed, tx.execute(delete(Authorization).where(over)).rowcount
